import { STATUS_CODES } from "./node-http.ts";

/** What a request came by; `http`: port 80, where it gets a redirect, the answer to a challenge, or nothing. */
export const PROTOCOLS = ["http/1.1", "h2", "http"] as const;

/** `other`: a method that few use; `none`: the request could not be read. */
export const METHODS = [
  "GET",
  "HEAD",
  "POST",
  "PUT",
  "PATCH",
  "DELETE",
  "OPTIONS",
  "other",
  "none",
] as const;

const STATUS_MAX = 599;
/** Not the interim ones, but 101; `other`: one that nobody registered; `none`: the client got no answer. */
export const STATUSES: readonly string[] = [
  ...Object.keys(STATUS_CODES).filter((status) => status === "101" || status >= "200"),
  ...["other", "none"],
];

/** Of a host's answers only the class is counted; `none` as in {@link STATUSES}. */
export const CLASSES = ["none", "1xx", "2xx", "3xx", "4xx", "5xx"] as const;

/** Upper bounds of the buckets for durations, in seconds; the last bucket has none. */
export const DURATION_BOUNDS = [
  0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60,
] as const;

export const DIRECTIONS = ["in", "out"] as const;

/** How a TLS handshake ended. */
export const HANDSHAKES = ["full", "resumed", "failed"] as const;
export type HandshakeOutcome = (typeof HANDSHAKES)[number];

/** Why a connection was not served, or no longer: codes of the log's `connection.refused`, and the two that it is silent about. */
export const REFUSALS = [
  "HELLO_MALFORMED",
  "HELLO_TIMED_OUT",
  "PROXY_HEADER_MALFORMED",
  "PLAIN_HTTP",
  "NAME_UNUSABLE",
  "HOST_UNKNOWN",
  "HOST_CERTIFICATE_ONLY",
  "HOST_REFUSED",
  "CLIENT_OVER_BUDGET",
  "CLIENT_OVER_CONNECTIONS",
  "ROUTE_LOOPS",
  "TOO_MANY_HANDSHAKES",
  "HEAD_TIMED_OUT",
  "HTTP2_FLOOD",
  "CHALLENGE_UNKNOWN",
  "CERTIFICATE_UNAVAILABLE",
  "HANDSHAKE_FAILED",
  "CERTIFICATE_INVALID",
  "BACKEND_UNREACHABLE",
  "TOO_MANY_CONNECTIONS",
  "OVERLOADED",
  "OTHER",
] as const;

/** How a backend failed at a request that it was tried with. */
export const BACKEND_FAILURES = [
  /** The connection was refused. */
  "refused",
  /** No route to it, or its name leads nowhere. */
  "unreachable",
  /** TLS to it failed. */
  "tls",
  /** No connection was made in time. */
  "connect-timeout",
  /** It was silent for too long. */
  "timeout",
  /** It closed, or broke, the connection before its answer was whole. */
  "closed",
  /** What it sent is no HTTP. */
  "malformed",
  /** None was to be had: all down, or all at their limit. */
  "unavailable",
] as const;
export type BackendFailure = (typeof BACKEND_FAILURES)[number];

/** Where the numbers of each matter begin. */
const REQUESTS = 0;
const DURATIONS = REQUESTS + PROTOCOLS.length * METHODS.length * STATUSES.length;
const DURATION_SUM = DURATIONS + DURATION_BOUNDS.length + 1;
const BODY_BYTES = DURATION_SUM + 1;
const ACCEPTED = BODY_BYTES + DIRECTIONS.length;
const SHAKEN = ACCEPTED + 1;
const REFUSED = SHAKEN + HANDSHAKES.length;
const FAILED = REFUSED + REFUSALS.length;
const RETRIED = FAILED + BACKEND_FAILURES.length;
/** How many numbers {@link WorkerCounts.totals} has. */
export const TOTALS = RETRIED + 1;

/** Where what stands in {@link WorkerCounts.totals}. */
export const PLACES = {
  ...{ requests: REQUESTS, durations: DURATIONS, durationSum: DURATION_SUM },
  ...{ bodyBytes: BODY_BYTES, accepted: ACCEPTED, handshakes: SHAKEN, refusals: REFUSED },
  ...{ backendFailures: FAILED, retries: RETRIED },
} as const;

const METHOD_PLACES: ReadonlyMap<string, number> = new Map(
  METHODS.map((method, place) => [method, place]),
);
const OTHER_METHOD = METHODS.indexOf("other");
const NO_METHOD = METHODS.indexOf("none");
const STATUS_PLACES = Uint8Array.from({ length: STATUS_MAX + 1 }, (_, status) => {
  const place = STATUSES.indexOf(status === 0 ? "none" : String(status));
  return place === -1 ? STATUSES.indexOf("other") : place;
});
const REFUSAL_PLACES: ReadonlyMap<string, number> = new Map(
  REFUSALS.map((code, place) => [code, place]),
);
const OTHER_REFUSAL = REFUSALS.indexOf("OTHER");
const MS_PER_SECOND = 1_000;
const STATUSES_PER_CLASS = 100;

/** Everything one worker has counted since it started. */
export interface WorkerCounts {
  /** What only grows, {@link TOTALS} numbers. */
  readonly totals: readonly number[];
  /** For each host with a place of its own, and last for all others, {@link CLASSES} numbers. */
  readonly hosts: readonly HostCounts[];
  readonly connectionsOpen: number;
  readonly requestsUnderWay: number;
}

export interface HostCounts {
  /** The pattern as the configuration has it; {@link OTHER_HOSTS} for the others. */
  readonly host: string;
  readonly answers: readonly number[];
}

/** No host of a configuration is called so. */
export const OTHER_HOSTS = "_other";

/** What a worker counts: plain numbers in tables of fixed size. No call makes an object, but {@link Counts.of} and {@link Counts.take}. */
export class Counts {
  readonly #totals = new Float64Array(TOTALS);
  readonly #hosts: readonly string[];
  readonly #places: ReadonlyMap<string, number>;
  readonly #answers: Float64Array;
  #connections = 0;
  #requests = 0;

  /** @param hosts Patterns of hosts that get a place of their own. */
  constructor(hosts: readonly string[]) {
    this.#hosts = [...hosts, OTHER_HOSTS];
    this.#places = new Map(hosts.map((host, place) => [host, place]));
    this.#answers = new Float64Array(this.#hosts.length * CLASSES.length);
  }

  /** For the requests of one connection, which is to `host`, a pattern of the configuration. */
  of(protocol: "http/1.1" | "h2", host: string): RequestCounts {
    const place = this.#places.get(host) ?? this.#hosts.length - 1;
    return new RequestCounts(this, PROTOCOLS.indexOf(protocol), place);
  }

  connectionOpened(): void {
    this.#connections += 1;
    this.#add(ACCEPTED, 1);
  }

  connectionClosed(): void {
    this.#connections -= 1;
  }

  /** @param code One of {@link REFUSALS}; whatever else counts as `OTHER`. */
  refused(code: unknown): void {
    this.#add(REFUSED + (REFUSAL_PLACES.get(String(code)) ?? OTHER_REFUSAL), 1);
  }

  shaken(outcome: HandshakeOutcome): void {
    this.#add(SHAKEN + HANDSHAKES.indexOf(outcome), 1);
  }

  backendFailed(how: BackendFailure): void {
    this.#add(FAILED + BACKEND_FAILURES.indexOf(how), 1);
  }

  /** A request was sent once more, to the same backend or to another one. */
  retried(): void {
    this.#add(RETRIED, 1);
  }

  /** An answer on port 80. */
  answeredPlain(method: string, status: number): void {
    this.answered(PROTOCOLS.indexOf("http"), method, status);
  }

  /** For {@link RequestCounts}: one more, or one less, is under way. */
  underWay(change: 1 | -1): void {
    this.#requests += change;
  }

  /** For {@link RequestCounts}. */
  answered(protocol: number, method: string | undefined, status: number): void {
    const asked = method ? (METHOD_PLACES.get(method) ?? OTHER_METHOD) : NO_METHOD;
    const got = STATUS_PLACES[Math.min(status, STATUS_MAX)] ?? 0;
    this.#add(REQUESTS + (protocol * METHODS.length + asked) * STATUSES.length + got, 1);
  }

  /** For {@link RequestCounts}. */
  answeredBy(host: number, status: number): void {
    const at =
      host * CLASSES.length + Math.floor(Math.min(status, STATUS_MAX) / STATUSES_PER_CLASS);
    this.#answers[at] = (this.#answers[at] ?? 0) + 1;
  }

  /** For {@link RequestCounts}. */
  took(durationMs: number, bytesIn: number, bytesOut: number): void {
    const seconds = durationMs / MS_PER_SECOND;
    let bucket = 0;
    while (seconds > (DURATION_BOUNDS[bucket] ?? Number.POSITIVE_INFINITY)) bucket += 1;
    this.#add(DURATIONS + bucket, 1);
    this.#add(DURATION_SUM, seconds);
    this.passed(bytesIn, bytesOut);
  }

  /** For {@link RequestCounts}. */
  passed(bytesIn: number, bytesOut: number): void {
    this.#add(BODY_BYTES, bytesIn);
    this.#add(BODY_BYTES + 1, bytesOut);
  }

  /** All of it, as it is now. */
  take(): WorkerCounts {
    const hosts = this.#hosts.map((host, place) => {
      const at = place * CLASSES.length;
      return { host, answers: [...this.#answers.subarray(at, at + CLASSES.length)] };
    });
    return {
      totals: [...this.#totals],
      hosts: hosts.filter(({ answers }) => answers.some((count) => count > 0)),
      connectionsOpen: this.#connections,
      requestsUnderWay: this.#requests,
    };
  }

  #add(place: number, more: number): void {
    this.#totals[place] = (this.#totals[place] ?? 0) + more;
  }
}

/** Counts the requests of one connection, which all have one protocol and one route. */
export class RequestCounts {
  readonly #counts: Counts;
  readonly #protocol: number;
  readonly #host: number;

  /** See {@link Counts.of}. */
  constructor(counts: Counts, protocol: number, host: number) {
    this.#counts = counts;
    this.#protocol = protocol;
    this.#host = host;
  }

  began(): void {
    this.#counts.underWay(1);
  }

  /**
   * To be called once for each {@link began}.
   *
   * @param method `undefined`: it could not be read.
   * @param status What the client got; 0: nothing.
   * @param bytesIn Bytes of content, as `bytesOut`.
   */
  ended(
    method: string | undefined,
    status: number,
    durationMs: number,
    bytesIn: number,
    bytesOut: number,
  ): void {
    this.#counts.underWay(-1);
    this.#counts.answered(this.#protocol, method, status);
    this.#counts.answeredBy(this.#host, status);
    this.#counts.took(durationMs, bytesIn, bytesOut);
  }

  /** What went through a tunnel that a request has become; to be called when it is over. */
  tunnelled(bytesIn: number, bytesOut: number): void {
    this.#counts.passed(bytesIn, bytesOut);
  }
}

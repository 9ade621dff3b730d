import type { AcmeAnswer, AcmeRequest, AcmeTransport } from "../../src/acme/transport.ts";
import { resourceOf, urlOf } from "../../src/authority/resources.ts";
import type { Clock } from "../../src/base/clock.ts";
import { LatchkeyError, unreachable } from "../../src/base/errors.ts";
import { limits } from "../../src/config/limits.ts";

/** What of a CA a request is for; `other` is nothing of ours. */
export type Place = NonNullable<ReturnType<typeof resourceOf>>["kind"] | "other";

/** What is wrong with a CA. */
export type Fault =
  /** Nobody answers. */
  | { readonly kind: "unreachable" }
  /** Connections are taken, and nothing is ever said; the program hangs up. */
  | { readonly kind: "silent" }
  /** Every answer takes so long. */
  | { readonly kind: "slow"; readonly ms: number }
  /** One place answers with an error, in the CA's words or as the page of a gateway. */
  | {
      readonly kind: "status";
      readonly at: Place;
      readonly status: 404 | 429 | 500 | 502 | 503;
      readonly isPage: boolean;
      readonly retryAfter?: string;
    }
  /** This share of the nonces is refused, of 100. */
  | { readonly kind: "bad-nonce"; readonly percent: number }
  /** Orders are finalized, and stay in `processing`. */
  | { readonly kind: "order-stuck"; readonly retryAfter?: string }
  /** Challenges are taken, and never looked at. */
  | { readonly kind: "authorization-stuck"; readonly retryAfter?: string }
  /** The validator finds this, whatever is there. */
  | { readonly kind: "challenge-invalid"; readonly type: string }
  /** No account is known for longer than it takes to use it. */
  | { readonly kind: "accounts-lost" }
  /** What it says when it is asked for a renewal window, word for word. */
  | {
      readonly kind: "advice";
      readonly status: number;
      readonly body: string;
      readonly retryAfter?: string;
    };

/** One request, and when it came. */
export interface SeenRequest {
  /** Milliseconds since the epoch, by the CA's clock. */
  readonly at: number;
  readonly place: Place;
}

/** A CA that works, and what is wrong with it: every fault of a CA that a script can bring about. */
export class FaultCa implements AcmeTransport {
  /** Every request that left the program, in order. */
  readonly requests: SeenRequest[] = [];
  fault: Fault | undefined;
  readonly #ca: AcmeTransport;
  readonly #clock: Clock;
  readonly #random: (below: number) => number;
  /** Orders that got as far as the fault. */
  readonly #begun = new Set<string>();

  /**
   * @param ca The one that works.
   * @param random 0 ≤ next < `below`.
   */
  constructor(ca: AcmeTransport, clock: Clock, random: (below: number) => number) {
    this.#ca = ca;
    this.#clock = clock;
    this.#random = random;
  }

  async request(request: AcmeRequest, signal: AbortSignal): Promise<AcmeAnswer> {
    const place = placeOf(request);
    this.requests.push({ at: this.#clock.now(), place });
    const { fault } = this;
    const instead = fault && (await this.#instead(fault, request, place, signal));
    if (instead !== undefined) return instead;
    const answer = await this.#ca.request(request, signal);
    return fault === undefined ? answer : this.#changed(fault, request, place, answer);
  }

  /** What the fault says in place of the CA; `undefined` where the CA itself answers. */
  async #instead(
    fault: Fault,
    request: AcmeRequest,
    place: Place,
    signal: AbortSignal,
  ): Promise<AcmeAnswer | undefined> {
    switch (fault.kind) {
      case "unreachable":
        throw new LatchkeyError("ACME_UNREACHABLE", "Cannot reach the CA: connection refused");
      case "silent":
        await this.#clock.sleep(limits.acmeHeadersTimeoutMs, signal);
        throw new LatchkeyError("ACME_UNREACHABLE", "Cannot reach the CA: no answer in time");
      case "slow":
        await this.#clock.sleep(fault.ms, signal);
        return undefined;
      case "status":
        return place === fault.at ? errorOf(fault) : undefined;
      case "bad-nonce":
        return request.method === "POST" && this.#random(100) < fault.percent
          ? await this.#withNonce(problem(400, "badNonce"))
          : undefined;
      case "order-stuck":
        return undefined;
      case "advice":
        return place === "renewal-info" ? adviceOf(fault) : undefined;
      case "authorization-stuck":
      case "challenge-invalid":
        if (place !== "challenge") return undefined;
        this.#begun.add(orderIn(request));
        return await this.#withNonce(taken(request.url));
      case "accounts-lost":
        return place !== "new-account" && request.method === "POST"
          ? await this.#withNonce(problem(400, "accountDoesNotExist"))
          : undefined;
      default:
        return unreachable(fault);
    }
  }

  /** What the fault makes of the CA's answer. */
  #changed(fault: Fault, request: AcmeRequest, place: Place, answer: AcmeAnswer): AcmeAnswer {
    const order = orderIn(request);
    if (fault.kind === "order-stuck" && place === "finalize") this.#begun.add(order);
    if (!this.#begun.has(order)) return answer;
    const isOrder = place === "order" || place === "finalize";
    if (fault.kind === "order-stuck" && isOrder) {
      const { certificate: _, ...rest } = JSON.parse(answer.body);
      return rewritten(answer, { ...rest, status: "processing" }, fault.retryAfter);
    }
    if (place !== "authorization") return answer;
    const authorization = JSON.parse(answer.body);
    if (fault.kind === "authorization-stuck")
      return rewritten(answer, authorization, fault.retryAfter);
    if (fault.kind !== "challenge-invalid") return answer;
    const [challenge, ...others] = authorization.challenges;
    const found = { ...challenge, status: "invalid", error: documentOf(403, fault.type) };
    const body = { ...authorization, status: "invalid", challenges: [found, ...others] };
    return rewritten(answer, body, undefined);
  }

  /** As every answer to a POST it brings a nonce (RFC 8555 §6.5). */
  async #withNonce(answer: AcmeAnswer): Promise<AcmeAnswer> {
    const url = urlOf({ kind: "new-nonce" });
    const request = { method: "HEAD", url, headers: {}, body: undefined } as const;
    const { headers } = await this.#ca.request(request, AbortSignal.timeout(10_000));
    const nonce = headers["replay-nonce"] ?? "";
    return { ...answer, headers: { ...answer.headers, "replay-nonce": nonce } };
  }
}

/** The public CA's directory, which stands in for ours, is not one of our own URLs. */
function placeOf({ url }: AcmeRequest): Place {
  return resourceOf(url)?.kind ?? (url.endsWith("/directory") ? "directory" : "other");
}

function orderIn({ url }: Pick<AcmeRequest, "url">): string {
  const resource = resourceOf(url);
  return resource !== undefined && "order" in resource ? resource.order : "";
}

function errorOf(fault: Extract<Fault, { kind: "status" }>): AcmeAnswer {
  const { status, isPage, retryAfter } = fault;
  const more = retryAfter === undefined ? {} : { "retry-after": retryAfter };
  const type = { 404: "malformed", 429: "rateLimited" }[String(status)] ?? "serverInternal";
  if (!isPage) return problem(status, type, more);
  const headers = { "content-type": "text/html", ...more };
  return { status, headers, body: `<h1>${status}</h1>` };
}

function adviceOf({ status, body, retryAfter }: Extract<Fault, { kind: "advice" }>): AcmeAnswer {
  const more = retryAfter === undefined ? {} : { "retry-after": retryAfter };
  return { status, headers: { "content-type": "application/json", ...more }, body };
}

/** A challenge that the CA is going to look at (RFC 8555 §7.5.1). */
function taken(url: string): AcmeAnswer {
  const headers = { "content-type": "application/json" };
  return { status: 200, headers, body: JSON.stringify({ url, status: "processing" }) };
}

function rewritten(answer: AcmeAnswer, body: unknown, retryAfter: string | undefined): AcmeAnswer {
  const { "retry-after": _, ...headers } = answer.headers;
  const more = retryAfter === undefined ? {} : { "retry-after": retryAfter };
  return { ...answer, headers: { ...headers, ...more }, body: JSON.stringify(body) };
}

function problem(
  status: number,
  type: string,
  headers: Readonly<Record<string, string>> = {},
): AcmeAnswer {
  return {
    status,
    headers: { "content-type": "application/problem+json", ...headers },
    body: JSON.stringify(documentOf(status, type)),
  };
}

function documentOf(status: number, type: string) {
  return { type: `urn:ietf:params:acme:error:${type}`, detail: `${type} it is`, status };
}

import { randomInt } from "node:crypto";
import { Balancer } from "../backend/balance.ts";
import { Deadlines } from "../backend/deadlines.ts";
import { FailureLog } from "../backend/failure-log.ts";
import type { WorkerPlace } from "../backend/group.ts";
import type { BackendNames } from "../backend/names.ts";
import { BackendsReader } from "../backend/news.ts";
import { BackendPool } from "../backend/pool.ts";
import { SessionPool } from "../backend/session-pool.ts";
import type { Clock } from "../base/clock.ts";
import { Counts } from "../base/counts.ts";
import { Crowd, type Membership } from "../base/crowd.ts";
import type { Facts } from "../base/errors.ts";
import type { Log } from "../base/log.ts";
import type { UriHost } from "../base/uri-host.ts";
import type { Host } from "../config/config.ts";
import { limits } from "../config/limits.ts";
import type { RateLimit } from "../config/rules.ts";
import { rulesOf } from "../config/rules-of.ts";
import type { BackendsNews, Spent } from "../process/messages.ts";
import type { ClientConnection } from "./client-connection.ts";
import { Compressors } from "./compressor.ts";
import { Conversation } from "./conversation.ts";
import { H2Session } from "./h2-session.ts";
import { Loops } from "./loops.ts";
import { Markers } from "./markers.ts";
import { Policies } from "./policies.ts";
import type { Policy } from "./policy.ts";
import { RateLimiter } from "./rate-limiter.ts";
import { RateNews } from "./rate-news.ts";
import { RuleBook } from "./rules.ts";
import type { HttpAction, Place, Surroundings } from "./surroundings.ts";

const SALT_MAX = 2 ** 32;
const TAKEN_BACK = {
  requests: limits.h2ClientResetsPerSecond,
  perMs: 1_000,
  burst: limits.h2ClientResetBurst,
};

/** What the relay needs of its worker. */
export interface RelayServices {
  /** Every host, for what is told of their backends. */
  readonly hosts: readonly Host[];
  /** Among the workers, which share the limits on connections out, and the rates of clients. */
  readonly place: WorkerPlace;
  /** Tells the other workers what clients have spent of rates; by default there are none. */
  tellSpent?(spent: readonly Spent[]): void;
  /** Where the names of backends lead. */
  readonly names: BackendNames;
  readonly log: Log;
  readonly clock: Clock;
  /** The route of a name; the same object for every name of the same route. */
  findRoute(host: UriHost): Host | undefined;
  /** Is this peer's X-Forwarded-For believed? */
  isTrustedProxy(address: string): boolean;
  /** Policies beside those of `rules.ts`, and after them, made once; see `policy.ts`. By default there are none. */
  policiesOf?(place: Place): readonly Policy[];
  /** The port that clients reach https at. */
  readonly publicHttpsPort: number;
  /** Hears of every request that has ended; `undefined` costs nothing. */
  readonly access: ((facts: Facts) => void) | undefined;
  /** Does it hear of queries? Not unless said. */
  readonly tellsQuery?: boolean;
  /** Hears of clients that are sent away without an answer, for `connection.refused` in the log; by default nobody does. */
  refused?(facts: Facts): void;
  /** Counts what is relayed; by default nobody reads it. */
  readonly counts?: Counts;
}

/** A client's connection, whichever protocol it speaks. */
interface ServedConnection {
  /** No more requests; those under way are answered. */
  drain(): void;
  /** Closes at once, whatever is under way. */
  destroy(): void;
  /** While it waits for a request: until when. */
  readonly idleUntil: number | undefined;
  /** Closes if it still waits for a request. */
  closeIdle(): void;
}

/**
 * Relays HTTP from client connections to backends. Reading order of this folder: `conversation.ts`
 * ★ (one connection of HTTP/1.1: read head → admit → visit → keep or close) and its twin `h2-session.ts`
 * with `h2-stream.ts`, `visit.ts` (one request: choose →
 * forward → answer), `exchange.ts` (its backend's side); `head.ts`, `admit.ts`, `answer.ts` and
 * `body.ts` are the pure parts, which decide everything.
 */
export class Relay {
  readonly #around: Surroundings & {
    isDraining: boolean;
    keepsAlive: boolean;
    blamed: string | undefined;
  };
  readonly #further: (place: Place) => readonly Policy[];
  readonly #markers: Markers;
  readonly #book: RuleBook;
  readonly #rates: RateNews;
  readonly #now: () => number;
  readonly #loops = new Loops();
  readonly #policies = new WeakMap<Place, readonly Policy[]>();
  readonly #connections = new Crowd<ServedConnection>();
  readonly #reader: BackendsReader;

  constructor(services: RelayServices) {
    const deadlines = new Deadlines();
    this.#markers = new Markers(deadlines);
    const salt = randomInt(SALT_MAX);
    this.#now = () => services.clock.now();
    this.#rates = new RateNews(
      deadlines,
      (spent) => services.tellSpent?.(spent),
      services.place.of,
    );
    this.#book = new RuleBook({
      markers: this.#markers,
      now: this.#now,
      salt,
      workers: services.place.of,
      rates: this.#rates,
      rateLimits: () => services.hosts.flatMap(rateLimitsOf),
    });
    const pool = new BackendPool(deadlines);
    const sessions = new SessionPool(deadlines, services.names);
    const balancer = new Balancer(deadlines, services.place);
    this.#reader = new BackendsReader(balancer, services.hosts);
    const { names, log } = services;
    const failures = new FailureLog(log, () => performance.now());
    const [loops, counts] = [this.#loops, services.counts ?? new Counts([])];
    const backends = { names, deadlines, pool, sessions, balancer, log, failures, loops, counts };
    const auth = new Policies(backends, () => services.clock.now());
    this.#further = services.policiesOf ?? ((place) => auth.of(place));
    this.#around = {
      ...backends,
      compressors: new Compressors(),
      takenBack: new RateLimiter(TAKEN_BACK, salt),
      access: services.access,
      refused: (facts) => services.refused?.(facts),
      tellsQuery: services.tellsQuery === true,
      publicHttpsPort: services.publicHttpsPort,
      findRoute: (host) => services.findRoute(host),
      isTrustedProxy: (address) => services.isTrustedProxy(address),
      policiesOf: (place) => this.#policiesOf(place),
      dateNow: () => services.clock.now(),
      isDraining: false,
      keepsAlive: true,
      blamed: undefined,
    };
  }

  /** How many client connections are open. */
  get open(): number {
    return this.#connections.size;
  }

  /** What the manager knows of backends, from the next request on. */
  hear(news: BackendsNews): void {
    this.#loops.share(news.cookieSecret);
    this.#reader.hear(news);
  }

  /** What clients have spent in another worker. */
  hearSpent(spent: readonly Spent[]): void {
    this.#book.expect(spent);
    this.#rates.hear(spent, this.#now());
  }

  /** Takes over the connection and its socket: every path from here on ends with that socket closed. */
  serve(connection: ClientConnection): void {
    const action = httpAction(connection.route);
    if (connection.socket.destroyed) return;
    const Front = connection.protocol === "h2" ? H2Session : Conversation;
    let place: Membership<ServedConnection> | undefined;
    const served = new Front(connection, action, this.#around, () => {
      if (place !== undefined) this.#connections.leave(place);
      if (this.#around.isDraining && this.open === 0) this.#rest();
    });
    place = this.#connections.enter(served);
    if (this.#around.isDraining) served.drain();
  }

  /** May connections stay open after an answer? Holds for every answer that has not begun. */
  keepAlive(isAllowed: boolean): void {
    this.#around.keepsAlive = isAllowed;
  }

  /** Closes `count` connections that wait for a request, the longest idle first, and all idle ones to backends. */
  closeIdle(count: number): void {
    const idle = this.#connections.members().flatMap((served) => {
      const until = served.idleUntil;
      return until === undefined ? [] : [{ served, until }];
    });
    idle.sort((one, other) => one.until - other.until);
    for (const { served } of idle.slice(0, count)) served.closeIdle();
    this.#around.pool.close();
  }

  /** Closes idle connections now and every other one after its current answer, which says so. */
  drain(): void {
    this.#around.isDraining = true;
    for (const served of this.#connections.members()) served.drain();
    if (this.open === 0) this.#rest();
  }

  /** Connections that close from now on are closed by ourselves: what the access log is to say of their requests. */
  blame(why: string): void {
    this.#around.blamed = why;
  }

  /** Closes everything at once. */
  close(): void {
    this.#around.isDraining = true;
    for (const served of this.#connections.members()) served.destroy();
    this.#rest();
  }

  /** Nothing is served any more. */
  #rest(): void {
    this.#around.pool.close();
    this.#around.sessions.close();
    this.#markers.close();
    this.#rates.close();
  }

  #policiesOf(place: Place): readonly Policy[] {
    const known = this.#policies.get(place);
    if (known !== undefined) return known;
    const ruled = place.rules === undefined ? [] : this.#book.policiesOf(place.rules);
    const policies = [...ruled, ...this.#further(place)];
    this.#policies.set(place, policies);
    return policies;
  }
}

/** @throws {TypeError} when the route is of a kind that never reaches HTTP: the caller mistook it. */
function httpAction({ action }: Host): HttpAction {
  if (action.kind !== "forward" && action.kind !== "redirect" && action.kind !== "respond")
    throw new TypeError(`Cannot relay HTTP: the route is for ${action.kind}`);
  return action;
}

function rateLimitsOf({ action }: Host): readonly RateLimit[] {
  return rulesOf(action).flatMap((rules) => rules?.rateLimit ?? []);
}

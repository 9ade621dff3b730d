import type { Backend, Balance, HealthCheck, PathRoute } from "../config/destination.ts";
import { limits } from "../config/limits.ts";
import { textHash } from "./balance-client-hash.ts";
import type { Candidate } from "./candidate.ts";
import { backendKey } from "./identity.ts";
import { ResendBudget } from "./resend-budget.ts";
import { ALWAYS, backOff, isLongest, type Standing } from "./standing.ts";

/** One of the backends of a route. */
export class Member implements Candidate {
  readonly backend: Backend;
  readonly weight: number;
  readonly seed: number;
  readonly standing: Standing;
  share = 0;
  credit = 0;
  /** What the manager's looks say; without looks it counts as up. */
  isHealthy = true;
  /** Does an operator want no new requests there? */
  isDrained = false;
  /** Since when it is back on this route. */
  #backSince = ALWAYS;
  /** What a client's cookie says for it; `undefined` until there is a secret. */
  cookie: string | undefined;
  /** Failing answers in a row. */
  #failures = 0;
  #ejections = 0;
  #ejectedUntil = 0;

  constructor(backend: Backend, weight: number, standing: Standing) {
    this.backend = backend;
    this.weight = weight;
    this.standing = standing;
    this.seed = textHash(backendKey(backend));
  }

  get active(): number {
    return this.standing.active;
  }

  /** May it have requests at all, as manager and operator say? */
  get isUp(): boolean {
    return this.isHealthy && !this.isDrained;
  }

  /**
   * Do clients that a cookie holds to it come back? Others have them for good when it is down or drained, or
   * out for so long that it is passed over for the longest time.
   */
  get keepsClients(): boolean {
    return this.isUp && !this.standing.isOutForLong && !isLongest(this.#ejections);
  }

  isEjected(now: number): boolean {
    return this.#ejectedUntil > now;
  }

  /** An answer was good, or the request was at fault. */
  succeeded(now: number): void {
    this.#failures = 0;
    if (this.#ejectedUntil <= now) this.#ejections = 0;
  }

  /** An answer was not. Returns whether `max` in a row have come to that. */
  failed(max: number): boolean {
    this.#failures += 1;
    return this.#failures >= max;
  }

  /** Puts it out for a while, longer each time. Returns for how many milliseconds. */
  eject(now: number): number {
    this.#failures = 0;
    this.#ejections += 1;
    const ms = backOff(this.#ejections);
    this.#ejectedUntil = now + ms;
    this.#backSince = this.#ejectedUntil;
    return ms;
  }

  /** It is back from whatever kept it out. */
  back(now: number): void {
    this.#failures = 0;
    this.#ejectedUntil = 0;
    this.#backSince = now;
  }

  /** Its weight, or what a slow start leaves of it. */
  shareAt(now: number, slowStartMs: number): number {
    const passed = (now - Math.max(this.#backSince, this.standing.backSince)) / slowStartMs;
    if (slowStartMs === 0 || passed >= 1) return this.weight;
    return this.weight * Math.max(limits.slowStartLeastPercent / 100, passed);
  }
}

/** A request that wants a backend. */
export interface Seeker {
  /** Those that it was tried on in vain. */
  readonly tried: readonly Member[];
  /** Whom the request is from: asked for `client-hash` only. */
  readonly clientAddress: string;
  /** The one that its cookie holds it to; `undefined`: none of the group. */
  readonly home: Member | undefined;
  /** It waited, and need not any more: choose again, at once. */
  backendFree(): void;
}

/** Which of the workers this one is, from 0 on, and of how many: they share limits out without asking each other. */
export interface WorkerPlace {
  readonly index: number;
  readonly of: number;
}

/** The backends of one route, and what is waiting for one of them. */
export class Group {
  readonly balance: Balance;
  readonly health: HealthCheck | undefined;
  readonly members: readonly Member[];
  /** Of the cookie that holds clients to one of them: each entry of a host has its own. */
  readonly cookieName: string;
  readonly resends = new ResendBudget();
  /** In the order in which they came; at most `backendQueueMax`. */
  readonly waiting: Seeker[] = [];
  /** Requests under way at one of them, of this worker. */
  readonly activeMax: number;

  constructor(route: PathRoute, standingOf: (backend: Backend) => Standing, place: WorkerPlace) {
    const { balance } = route;
    this.balance = balance;
    this.health = route.health;
    this.cookieName = cookieNameOf(route);
    this.members = route.backends.map(
      (backend, index) => new Member(backend, balance.weights[index] ?? 1, standingOf(backend)),
    );
    this.activeMax = shareOf(balance.maxConnections, place);
  }

  /** The one that a cookie of this value holds its client to. */
  homeOf(cookie: string | undefined): Member | undefined {
    if (cookie === undefined) return undefined;
    return this.members.find((member) => member.cookie === cookie);
  }

  /** Is there nothing the matter with its home, but that it is full? Then it waits, whoever else has room. */
  waitsAtHome({ home, tried }: Seeker, now: number): boolean {
    if (home === undefined || !home.isUp || !this.isFull(home)) return false;
    return !home.standing.isOut(now) && !home.isEjected(now) && !tried.includes(home);
  }

  /** May a request go to this one now? */
  isOpen(member: Member, now: number): boolean {
    if (!member.isUp || this.isFull(member)) return false;
    return !member.standing.isOut(now) && !member.isEjected(now);
  }

  /** Has it all that it may have? */
  isFull({ active }: Member): boolean {
    return active >= this.activeMax;
  }

  /** Would one more out be too many? Then the fault is hardly one of theirs. */
  mayEject(now: number): boolean {
    const up = this.members.filter(({ isUp }) => isUp);
    const out = up.filter((member) => member.isEjected(now)).length;
    return (out + 1) * 100 <= up.length * limits.ejectedMaxPercent;
  }
}

/** What one worker has of a limit: all of them together have all of it, but each has at least one. */
function shareOf(max: number | undefined, { index, of }: WorkerPlace): number {
  if (max === undefined) return Number.POSITIVE_INFINITY;
  return Math.max(1, Math.floor(max / of) + (index < max % of ? 1 : 0));
}

/**
 * By which requests the entry takes, so that it stays when others come and go. `__Host-` keeps other hosts of
 * the domain from setting it (RFC 6265bis §4.1.3.2).
 */
function cookieNameOf({ prefix, match }: PathRoute): string {
  const taken = match === undefined ? prefix : `${prefix} ${JSON.stringify(match)}`;
  const suffix = taken === "/" ? "" : `-${textHash(taken).toString(36)}`;
  return `__Host-latchkey${suffix}`;
}

import { limits } from "../config/limits.ts";

/** Long before anything: what never was out starts with its whole share. */
export const ALWAYS = Number.NEGATIVE_INFINITY;

/**
 * What this worker knows of a backend, whichever routes lead there: how busy it is, and whether it takes
 * connections. Times are those of `Deadlines`.
 */
export class Standing {
  /** Requests under way, tunnels too. */
  active = 0;
  /** Connections that failed in a row, those of one outage counted once. */
  #outages = 0;
  #outUntil = 0;
  /** While one request tries it, the others do not. */
  #triedUntil = 0;
  #backSince = ALWAYS;

  /** Since when it takes connections again. */
  get backSince(): number {
    return this.#backSince;
  }

  /** Is it passed over? */
  isOut(now: number): boolean {
    return this.#outages > 0 && (this.#outUntil > now || this.#triedUntil > now);
  }

  /** Has it taken no connection for so long that it is passed over for the longest time? */
  get isOutForLong(): boolean {
    return isLongest(this.#outages);
  }

  /** A request goes there: with an outage behind it, others wait and see. */
  taken(now: number): void {
    if (this.#outages > 0) this.#triedUntil = now + limits.backendDownMs;
  }

  /** A connection could not be made: out for a while, longer each time. Returns whether that is news. */
  unreachable(now: number): boolean {
    const isNews = this.#outages === 0;
    this.#triedUntil = 0;
    if (this.#outUntil > now) return isNews; // by a request that was under way with the one that found out
    this.#outages += 1;
    this.#outUntil = now + backOff(this.#outages);
    return isNews;
  }

  /** It takes connections. Returns whether that is news. */
  reachable(now: number): boolean {
    if (this.#outages === 0) return false;
    this.#backSince = now;
    this.#outages = 0;
    this.#outUntil = 0;
    this.#triedUntil = 0;
    return true;
  }
}

/** How long a backend is passed over for the `times`th time in a row, in milliseconds. */
export function backOff(times: number): number {
  return Math.min(limits.backendDownMaxMs, limits.backendDownMs * 2 ** (times - 1));
}

/** Is that the longest? */
export function isLongest(times: number): boolean {
  return times > 0 && backOff(times) === limits.backendDownMaxMs;
}

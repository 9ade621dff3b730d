/** How much may happen: `burst` at once, then one more every `everyMs` milliseconds. */
export interface Rate {
  readonly burst: number;
  readonly everyMs: number;
}

/**
 * A token bucket: full at first, or as full as one of before, and never fuller than its burst. It is told the time and keeps no
 * timer; a clock that is set back costs it nothing and gives it nothing.
 */
export class TokenBucket {
  readonly #rate: Rate;
  #tokens: number;
  #countedAt: number;

  /**
   * @param fullAt When it will be full again, from {@link fullAt} of one before. Further away than an
   *   empty one takes (the clock was set back since): empty.
   */
  constructor(rate: Rate, now: number, fullAt = now) {
    const missing = Math.max(0, fullAt - now) / rate.everyMs;
    this.#rate = rate;
    this.#tokens = Math.max(0, rate.burst - missing);
    this.#countedAt = now;
  }

  /** When it will be full if nobody takes a token any more; `now` when it is. */
  fullAt(now: number): number {
    this.#refill(now);
    return now + Math.ceil((this.#rate.burst - this.#tokens) * this.#rate.everyMs);
  }

  /** Takes a token; `false`, and nothing changes, when there is none. */
  take(now: number): boolean {
    if (!this.has(now)) return false;
    this.#tokens -= 1;
    return true;
  }

  /** Takes so many, though there are fewer: what is owed is paid before there is one again, but never more than a burst. */
  owe(count: number, now: number): void {
    this.#refill(now);
    this.#tokens = Math.max(-this.#rate.burst, this.#tokens - count);
  }

  /** How many are missing from a full one. */
  missing(now: number): number {
    this.#refill(now);
    return this.#rate.burst - this.#tokens;
  }

  /** Puts one back that was taken for nothing. */
  giveBack(now: number): void {
    this.#refill(now);
    this.#tokens = Math.min(this.#rate.burst, this.#tokens + 1);
  }

  /** Is there a token now? */
  has(now: number): boolean {
    return this.waitMs(now) === 0;
  }

  /** Milliseconds until there is a token; 0 when there is one. */
  waitMs(now: number): number {
    this.#refill(now);
    return this.#tokens >= 1 ? 0 : Math.ceil((1 - this.#tokens) * this.#rate.everyMs);
  }

  #refill(now: number): void {
    const elapsedMs = Math.max(0, now - this.#countedAt);
    this.#tokens = Math.min(this.#rate.burst, this.#tokens + elapsedMs / this.#rate.everyMs);
    this.#countedAt = now;
  }
}

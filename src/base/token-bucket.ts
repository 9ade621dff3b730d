/** How much may happen: `burst` at once, then one more every `everyMs` milliseconds. */
export interface Rate {
  readonly burst: number;
  readonly everyMs: number;
}

/**
 * A token bucket: full at first, and never fuller than its burst. It is told the time and keeps no
 * timer; a clock that is set back costs it nothing and gives it nothing.
 */
export class TokenBucket {
  readonly #rate: Rate;
  #tokens: number;
  #countedAt: number;

  constructor(rate: Rate, now: number) {
    this.#rate = rate;
    this.#tokens = rate.burst;
    this.#countedAt = now;
  }

  /** Takes a token; `false`, and nothing changes, when there is none. */
  take(now: number): boolean {
    if (!this.has(now)) return false;
    this.#tokens -= 1;
    return true;
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

import type { Deadlines } from "../backend/deadlines.ts";
import { limits } from "../config/limits.ts";

/**
 * Until when the next byte of a body must come: within the idle time, and after a grace fast enough
 * on the average. An idle time alone can be stretched for ever with one byte at a time.
 */
export class BodyPace {
  readonly #deadlines: Deadlines;
  #earnedUntil = 0;
  #pausedAt: number | undefined;

  constructor(deadlines: Deadlines) {
    this.#deadlines = deadlines;
  }

  begin(): number {
    this.#earnedUntil = this.#deadlines.in(limits.bodyGraceMs);
    this.#pausedAt = undefined;
    return this.#deadline();
  }

  /** `bytes` more have come. */
  received(bytes: number): number {
    this.#earnedUntil += (bytes * 1_000) / limits.bodyMinBytesPerSecond;
    return this.#deadline();
  }

  /** We take nothing for now: the client is not to blame. */
  pause(): void {
    this.#pausedAt ??= this.#deadlines.now;
  }

  /** We take bytes again. */
  resume(): number {
    if (this.#pausedAt !== undefined) this.#earnedUntil += this.#deadlines.now - this.#pausedAt;
    this.#pausedAt = undefined;
    return this.#deadline();
  }

  #deadline(): number {
    return Math.min(this.#earnedUntil, this.#deadlines.in(limits.bodyIdleTimeoutMs));
  }
}

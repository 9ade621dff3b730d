import { limits } from "../config/limits.ts";

const SECOND_MS = 1_000;

/**
 * How many requests of one route may be sent again: a share of all of them, and a few a second besides,
 * so that a backend in trouble does not get its requests many times over.
 */
export class ResendBudget {
  #left = limits.resendsPerSecond;
  #countedAt = 0;

  /** A request came. */
  earn(): void {
    this.#left = Math.min(limits.resendsMax, this.#left + limits.resendPercent / 100);
  }

  /** May one be sent again now (`now` of `Deadlines`)? Then it is paid for. */
  spend(now: number): boolean {
    const elapsedMs = Math.max(0, now - this.#countedAt);
    this.#countedAt = now;
    const earned = Math.min(
      limits.resendsPerSecond,
      (elapsedMs / SECOND_MS) * limits.resendsPerSecond,
    );
    this.#left = Math.min(limits.resendsMax, this.#left + earned);
    if (this.#left < 1) return false;
    this.#left -= 1;
    return true;
  }
}

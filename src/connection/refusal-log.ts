import type { Clock } from "../base/clock.ts";
import type { Counts } from "../base/counts.ts";
import type { Facts } from "../base/errors.ts";
import type { Log } from "../base/log.ts";
import { limits } from "../config/limits.ts";

const WINDOW_MS = 1_000;

/**
 * Writes `connection.refused` lines, `limits.refusalLinesPerSecond` at most, so that a flood of bad
 * clients cannot fill a disk. Those left out are counted in a `connection.refused.more` line when
 * their second is over.
 */
export class RefusalLog {
  readonly #log: Log;
  readonly #clock: Clock;
  readonly #counts: Counts | undefined;
  #windowAt = Number.NEGATIVE_INFINITY;
  #written = 0;
  #leftOut = 0;
  #timer: NodeJS.Timeout | undefined;

  /** @param counts Counts them all. */
  constructor(log: Log, clock: Clock, counts?: Counts) {
    this.#log = log;
    this.#clock = clock;
    this.#counts = counts;
  }

  report(facts: Facts): void {
    this.#counts?.refused(facts["code"]);
    const now = this.#clock.now();
    const age = now - this.#windowAt;
    if (age < 0 || age >= WINDOW_MS) {
      this.#writeCount();
      this.#windowAt = now;
      this.#written = 0;
    }
    if (this.#written < limits.refusalLinesPerSecond) {
      this.#written += 1;
      this.#log.info("connection.refused", facts);
    } else {
      this.#leftOut += 1;
      this.#timer ??= setTimeout(() => this.#writeCount(), WINDOW_MS).unref();
    }
  }

  /** Writes what is still to be counted. */
  [Symbol.dispose](): void {
    this.#writeCount();
  }

  #writeCount(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#leftOut === 0) return;
    this.#log.info("connection.refused.more", { count: this.#leftOut });
    this.#leftOut = 0;
  }
}

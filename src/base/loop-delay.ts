import { monitorEventLoopDelay } from "node:perf_hooks";

/** A timer of so many milliseconds is what delays are seen by. */
const RESOLUTION_MS = 20;
const NANOSECONDS_PER_SECOND = 1e9;
const RESOLUTION_SECONDS = RESOLUTION_MS / 1_000;

/** How long work that was due had to wait for this process, in seconds. */
export interface LoopDelays {
  readonly p99: number;
  readonly max: number;
}

/** Watches the event loop of this process from the first question on: who is never asked has no timer for it. */
export class LoopDelay {
  #histogram: ReturnType<typeof monitorEventLoopDelay> | undefined;

  /** Since the last call; nothing at the first one. */
  take(): LoopDelays {
    const before = this.#histogram;
    if (before === undefined) {
      this.#histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
      this.#histogram.enable();
      return { p99: 0, max: 0 };
    }
    const delays = { p99: secondsOf(before.percentile(99)), max: secondsOf(before.max) };
    before.reset();
    return delays;
  }

  /** Watches no longer. */
  [Symbol.dispose](): void {
    this.#histogram?.disable();
  }
}

/** Node counts the timer's own time, too. */
function secondsOf(nanoseconds: number): number {
  return Math.max(0, nanoseconds / NANOSECONDS_PER_SECOND - RESOLUTION_SECONDS);
}

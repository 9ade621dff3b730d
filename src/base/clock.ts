import { setTimeout as delay } from "node:timers/promises";

/** Time as the program sees it. Tests pass their own; nothing else reads the wall clock. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Resolves after `ms` milliseconds; rejects with the signal's reason when aborted. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
}

/** The longest wait one timer of Node can make; longer sleeps are made of several. */
const TIMER_MAX_MS = 2_147_483_647;

/** The machine's own clock. */
export const systemClock: Clock = {
  now: () => Date.now(),
  sleep: async (ms, signal) => {
    for (let left = Math.max(0, ms); left > 0; left -= TIMER_MAX_MS) {
      await delay(Math.min(left, TIMER_MAX_MS), undefined, { signal });
    }
    signal.throwIfAborted();
  },
};

/**
 * `signal` with a deadline: aborted by whichever comes first. The deadline's reason is a
 * `TimeoutError` (DOMException), the signal's reason is passed on.
 */
export function withDeadline(signal: AbortSignal, ms: number): AbortSignal {
  return AbortSignal.any([signal, AbortSignal.timeout(ms)]);
}

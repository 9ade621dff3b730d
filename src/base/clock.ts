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

/**
 * {@link withDeadline} for waits that strangers cause: what it costs is given back when it is
 * disposed of. A bare `AbortSignal.timeout` holds about 1.5 KiB until its time is over (measured),
 * however early the wait ended.
 */
export class Deadline implements Disposable {
  readonly #controller = new AbortController();
  readonly #outer: AbortSignal;
  readonly #timer: NodeJS.Timeout;

  constructor(outer: AbortSignal, ms: number) {
    this.#outer = outer;
    this.#timer = setTimeout(() => this.#controller.abort(timeOut()), ms).unref();
    if (outer.aborted) this.#passOn();
    else outer.addEventListener("abort", this.#passOn, { once: true });
  }

  /** Aborted by whichever comes first, with its reason. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    this.#outer.removeEventListener("abort", this.#passOn);
  }

  readonly #passOn = (): void => this.#controller.abort(this.#outer.reason);
}

function timeOut(): DOMException {
  return new DOMException("The operation was aborted due to timeout", "TimeoutError");
}

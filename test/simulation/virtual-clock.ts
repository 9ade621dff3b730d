import type { Clock } from "../../src/base/clock.ts";

interface Sleeper {
  readonly dueAt: number;
  readonly wake: () => void;
  isOver: boolean;
}

/** Where the simulated machine's wall clock starts: the true time of the world. */
const START = Date.parse("2027-01-01T00:00:00Z");

/**
 * The time of a simulated world. True time moves from one sleeper to the next and nothing waits for it; the
 * machine's wall clock ({@link now}) may be wrong by a step, which wakes nobody, as with timers of a real one.
 */
export class VirtualClock implements Clock {
  /** The true time, in milliseconds since the epoch. */
  trueNow = START;
  /** How wrong the machine's wall clock is. */
  stepMs = 0;
  /** A heap, the next to wake first; who has woken otherwise is left in it until its time. */
  readonly #sleepers: Sleeper[] = [];

  now(): number {
    return this.trueNow + this.stepMs;
  }

  sleep(ms: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason);
      const abort = () => {
        sleeper.isOver = true;
        reject(signal.reason);
      };
      const wake = () => {
        signal.removeEventListener("abort", abort);
        resolve();
      };
      const sleeper = { dueAt: this.trueNow + Math.max(0, ms), wake, isOver: false };
      signal.addEventListener("abort", abort, { once: true });
      this.#push(sleeper);
    });
  }

  /** Calls `work` at a true time. */
  at(trueTime: number, work: () => void): void {
    this.#push({ dueAt: trueTime, wake: work, isOver: false });
  }

  /** Moves on to the next sleeper and wakes it, unless that is after `end`: then `false`. */
  advance(end: number): boolean {
    const next = this.#pop();
    if (next === undefined || next.dueAt > end) return false;
    this.trueNow = Math.max(this.trueNow, next.dueAt);
    next.wake();
    return true;
  }

  #push(sleeper: Sleeper): void {
    const heap = this.#sleepers;
    let at = heap.push(sleeper) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const above = heap[parent];
      if (above === undefined || above.dueAt <= sleeper.dueAt) break;
      heap[at] = above;
      at = parent;
    }
    heap[at] = sleeper;
  }

  #pop(): Sleeper | undefined {
    for (;;) {
      const top = this.#popAny();
      if (top === undefined || !top.isOver) return top;
    }
  }

  #popAny(): Sleeper | undefined {
    const heap = this.#sleepers;
    const [top] = heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return top;
    let at = 0;
    for (;;) {
      const [left, right] = [heap[2 * at + 1], heap[2 * at + 2]];
      const child = right !== undefined && left !== undefined && right.dueAt < left.dueAt ? 2 : 1;
      const lower = child === 2 ? right : left;
      if (lower === undefined || lower.dueAt >= last.dueAt) break;
      heap[at] = lower;
      at = 2 * at + child;
    }
    heap[at] = last;
    return top;
  }
}

/**
 * The same time for what beats every few seconds for years (the lease): its sleeps end only by their signal.
 */
export function withoutSleep(clock: Clock): Clock {
  return {
    now: () => clock.now(),
    sleep: (_, signal) =>
      new Promise((_resolve, reject) => {
        if (signal.aborted) reject(signal.reason);
        else signal.addEventListener("abort", () => reject(signal.reason), { once: true });
      }),
  };
}

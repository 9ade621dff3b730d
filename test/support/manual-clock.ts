import type { Clock } from "../../src/base/clock.ts";

interface Sleeper {
  dueAt: number;
  readonly wake: () => void;
}

/** A clock that stands still until it is told to go on. */
export class ManualClock implements Clock {
  #now: number;
  readonly #sleepers = new Set<Sleeper>();
  readonly #watchers = new Set<() => void>();

  constructor(now = Date.UTC(2026, 10, 23, 6)) {
    this.#now = now;
  }

  now(): number {
    return this.#now;
  }

  sleep(ms: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const end = (settle: () => void) => {
        this.#sleepers.delete(sleeper);
        signal.removeEventListener("abort", abort);
        settle();
      };
      const sleeper = { dueAt: this.#now + ms, wake: () => end(resolve) };
      const abort = () => end(() => reject(signal.reason));
      if (signal.aborted) return reject(signal.reason);
      signal.addEventListener("abort", abort);
      this.#sleepers.add(sleeper);
      for (const watcher of this.#watchers) watcher();
    });
  }

  /** How many sleeps are under way. */
  get sleepers(): number {
    return this.#sleepers.size;
  }

  /** Resolves when at least `count` sleeps are under way at once. */
  async asleep(count: number): Promise<void> {
    if (this.#sleepers.size >= count) return;
    await new Promise<void>((resolve) => {
      const watcher = () => {
        if (this.#sleepers.size < count) return;
        this.#watchers.delete(watcher);
        resolve();
      };
      this.#watchers.add(watcher);
    });
  }

  /** Moves the time on and wakes whose time has come. */
  advance(ms: number): void {
    this.#now += ms;
    for (const sleeper of [...this.#sleepers]) {
      if (sleeper.dueAt <= this.#now) sleeper.wake();
    }
  }

  /** Sets the wall clock to another time, as a person or NTP does: nobody wakes by it. */
  jump(ms: number): void {
    this.#now += ms;
    for (const sleeper of this.#sleepers) sleeper.dueAt += ms;
  }

  /**
   * Advances by a second each time that `sleepers` sleeps are under way, until `work` has ended.
   * Returns its outcome and how many seconds it took.
   */
  async until<T>(
    work: Promise<T>,
    sleepers: number,
  ): Promise<{ readonly outcome: PromiseSettledResult<T>; readonly seconds: number }> {
    let outcome: PromiseSettledResult<T> | undefined;
    const ended = Promise.allSettled([work]).then(([result]) => {
      outcome = result;
    });
    for (let seconds = 0; ; seconds += 1) {
      await Promise.race([ended, this.asleep(sleepers)]);
      if (outcome !== undefined) return { outcome, seconds };
      this.advance(1_000);
    }
  }
}

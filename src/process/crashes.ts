import { limits } from "../config/limits.ts";
import type { Crashing } from "./messages.ts";

export interface CrashEvents {
  /** It has become a habit, or that is over (`undefined`). */
  changed(crashing: Crashing | undefined): void;
  /** Worker after worker ended before any of them could serve. Called again with each further one. */
  noneServed(detail: string): void;
}

/** Counts the children that end unasked, and sees when that has become a habit, and when it is over. */
export class Crashes {
  readonly #events: CrashEvents;
  readonly #now: () => number;
  /** Of the last ones, as many as make a habit. */
  #times: readonly number[] = [];
  #crashing: Crashing | undefined;
  #calm: NodeJS.Timeout | undefined;
  /** Workers that ended before any of them had served; `undefined`: one has. */
  #stillborn: number | undefined = 0;

  /** @param now Milliseconds of a clock that nobody sets. */
  constructor(events: CrashEvents, now = () => performance.now()) {
    this.#events = events;
    this.#now = now;
  }

  /** `undefined` as long as it is no habit. */
  get crashing(): Crashing | undefined {
    return this.#crashing;
  }

  /** A worker can serve. */
  workerServes(): void {
    this.#stillborn = undefined;
  }

  /** One more has ended. */
  add(last: Omit<Crashing, "count">): void {
    this.#countHabit(last);
    if (last.child !== "manager") this.#countStillborn(last);
  }

  #countHabit(last: Omit<Crashing, "count">): void {
    const now = this.#now();
    this.#times = [...this.#times, now].slice(-limits.crashesMax);
    const [first = now] = this.#times;
    const isMany =
      this.#times.length === limits.crashesMax && now - first <= limits.crashesWithinMs;
    const before = this.#crashing;
    if (before === undefined && !isMany) return;
    this.#crashing = {
      ...last,
      count: before === undefined ? limits.crashesMax : before.count + 1,
    };
    clearTimeout(this.#calm);
    this.#calm = setTimeout(() => this.#end(), limits.crashesCalmMs).unref();
    if (before === undefined) this.#events.changed(this.#crashing);
  }

  #countStillborn({ code, signal }: Omit<Crashing, "count">): void {
    if (this.#stillborn === undefined) return;
    this.#stillborn += 1;
    if (this.#stillborn < limits.crashesMax) return;
    const how = signal ?? (code === undefined ? "no start at all" : `code ${code}`);
    this.#events.noneServed(
      `Cannot start any worker: ${this.#stillborn} ended one after the other before they could serve, the last one with ${how}`,
    );
  }

  #end(): void {
    this.#crashing = undefined;
    this.#times = [];
    this.#events.changed(undefined);
  }
}

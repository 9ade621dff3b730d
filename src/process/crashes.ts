import { limits } from "../config/limits.ts";
import type { Crashing } from "./messages.ts";

export interface CrashEvents {
  /** It has become a habit, or that is over (`undefined`). */
  changed(crashing: Crashing | undefined): void;
  /** Worker after worker ended before any of them could serve. Called again with each further one. */
  noneServed(detail: string): void;
}

/**
 * Counts the children that end unasked, and sees when that has become a habit, and when it is over. Many that end
 * once, all at the same time (memory ran out), are none: those that end must do so twice on the average.
 */
export class Crashes {
  readonly #events: CrashEvents;
  readonly #now: () => number;
  /** The last ones until they are a habit: fewer than ten, or than twice the places. */
  #ends: readonly { readonly at: number; readonly place: number }[] = [];
  #crashing: Crashing | undefined;
  #calm: NodeJS.Timeout | undefined;
  /** Workers that ended before any of them had served; `undefined`: one has. */
  #stillborn: number | undefined = 0;
  readonly #stillbornPlaces = new Set<number>();

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

  /**
   * One more has ended.
   *
   * @param place Which of the fleet it filled, whatever number it had.
   */
  add(last: Omit<Crashing, "count">, place: number): void {
    this.#countHabit(last, place);
    if (last.child !== "manager") this.#countStillborn(last, place);
  }

  #countHabit(last: Omit<Crashing, "count">, place: number): void {
    const before = this.#crashing;
    if (before === undefined) {
      const at = this.#now();
      const recent = this.#ends.filter((end) => at - end.at <= limits.crashesWithinMs);
      this.#ends = [...recent, { at, place }];
      const places = new Set(this.#ends.map((end) => end.place));
      if (this.#ends.length < habitOf(places)) return;
    }
    this.#crashing = { ...last, count: before ? before.count + 1 : this.#ends.length };
    clearTimeout(this.#calm);
    this.#calm = setTimeout(() => this.#end(), limits.crashesCalmMs).unref();
    if (before === undefined) this.#events.changed(this.#crashing);
  }

  #countStillborn({ code, signal }: Omit<Crashing, "count">, place: number): void {
    if (this.#stillborn === undefined) return;
    this.#stillborn += 1;
    this.#stillbornPlaces.add(place);
    if (this.#stillborn < habitOf(this.#stillbornPlaces)) return;
    const how = signal ?? (code === undefined ? "no start at all" : `code ${code}`);
    this.#events.noneServed(
      `Cannot start any worker: ${this.#stillborn} ended one after the other before they could serve, the last one with ${how}`,
    );
  }

  #end(): void {
    this.#crashing = undefined;
    this.#ends = [];
    this.#events.changed(undefined);
  }
}

/** How many ends at these places make a habit. */
function habitOf({ size }: ReadonlySet<number>): number {
  return Math.max(limits.crashesMax, limits.crashesOfEach * size);
}

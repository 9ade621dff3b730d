import { Crowd, type Membership } from "../base/crowd.ts";
import { limits } from "../config/limits.ts";

/** Something with deadlines of its own, looked at once a tick. */
export interface Timed {
  /** Compares its deadlines with `now` and acts on those that have passed. */
  tick(now: number): void;
  /** Its place among all that are watched: for {@link Deadlines} alone. */
  watch?: Membership<Timed> | undefined;
}

/** A moment that never comes: the deadline of something that waits for nothing. */
export const NEVER = Number.POSITIVE_INFINITY;

/**
 * One timer for every deadline of every connection of this worker: setting a deadline is one store
 * to a field, where a timer each would cost two list operations and a clock call per request.
 * `now` is the time as ticks count it, in milliseconds: it does not run while the event loop stands
 * still, so that nobody is blamed for a pause of ours. Deadlines are met up to one tick late.
 */
export class Deadlines {
  readonly #watched = new Crowd<Timed>();
  #timer: NodeJS.Timeout | undefined;
  #now = 0;

  /** Milliseconds since the first use. */
  get now(): number {
    return this.#now;
  }

  /** The moment `ms` from now; the started tick does not count. */
  in(ms: number): number {
    return this.#now + ms + limits.tickMs;
  }

  /** Looks at `timed` once a tick until {@link forget}. The timer runs only while anything is watched. */
  watch(timed: Timed): void {
    timed.watch ??= this.#watched.enter(timed);
    this.#timer ??= setInterval(() => this.#tick(), limits.tickMs);
  }

  forget(timed: Timed): void {
    if (timed.watch !== undefined) this.#watched.leave(timed.watch);
    timed.watch = undefined;
    if (this.#watched.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #tick(): void {
    this.#now += limits.tickMs;
    const now = this.#now;
    this.#watched.each((timed) => timed.tick(now));
  }
}

import { limits } from "../config/limits.ts";

/** Tells an overload that lasts from a moment: newcomers are refused again and again. Times in milliseconds. */
export class RefusalSpell {
  #firstAt = Number.NEGATIVE_INFINITY;
  #lastAt = Number.NEGATIVE_INFINITY;

  /** One more is refused. */
  refused(now: number): void {
    if (this.#isOver(now)) this.#firstAt = now;
    this.#lastAt = now;
  }

  /** Has that gone on for `overloadLastsMs`, and not been over for `overloadCalmMs`? */
  lasts(now: number): boolean {
    return !this.#isOver(now) && this.#lastAt - this.#firstAt >= limits.overloadLastsMs;
  }

  #isOver(now: number): boolean {
    return now - this.#lastAt >= limits.overloadCalmMs;
  }
}

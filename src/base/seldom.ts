/** Lets something pass once in a while: a line of the log about what strangers can cause at will. */
export class Seldom {
  readonly #everyMs: number;
  #quietUntil = Number.NEGATIVE_INFINITY;

  constructor(everyMs: number) {
    this.#everyMs = everyMs;
  }

  /** `true` at most once in that time. */
  passes(now: number): boolean {
    if (now < this.#quietUntil) return false;
    this.#quietUntil = now + this.#everyMs;
    return true;
  }
}

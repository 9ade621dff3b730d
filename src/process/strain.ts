import type { Strain } from "./messages.ts";

const NONE: Strain = { refusing: undefined, accessLog: undefined };

/** What a worker has to say of what it cannot do: told when it changes, and again to each new manager. */
export class StrainNews {
  readonly #tell: (strain: Strain) => void;
  #strain = NONE;

  constructor(tell: (strain: Strain) => void) {
    this.#tell = tell;
  }

  /** It is so from now on. */
  change(changes: Partial<Strain>): void {
    const next = { ...this.#strain, ...changes };
    const { refusing, accessLog } = this.#strain;
    if (next.refusing === refusing && next.accessLog === accessLog) return;
    this.#strain = next;
    this.repeat();
  }

  /** For a manager that has not heard it. */
  repeat(): void {
    this.#tell(this.#strain);
  }
}

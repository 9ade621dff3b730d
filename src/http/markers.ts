import { existsSync } from "node:fs";
import type { Deadlines, Timed } from "../backend/deadlines.ts";
import { exists } from "../base/exists.ts";
import { limits } from "../config/limits.ts";

/** Files of which only this matters: whether they are there. Looked for a few times a second, not for each request. */
export class Markers implements Timed {
  readonly #deadlines: Deadlines;
  readonly #present = new Map<string, boolean>();
  #nextLookAt = 0;
  #isLooking = false;

  constructor(deadlines: Deadlines) {
    this.#deadlines = deadlines;
  }

  /** Is the file there, or was it within `limits.markerLookEveryMs`? The first question is answered by a look. */
  isPresent(path: string): boolean {
    const known = this.#present.get(path);
    if (known !== undefined) return known;
    if (this.#present.size === 0) this.#deadlines.watch(this);
    const isPresent = existsSync(path);
    this.#present.set(path, isPresent);
    return isPresent;
  }

  /** Looks no more. */
  close(): void {
    this.#deadlines.forget(this);
  }

  tick(now: number): void {
    if (now < this.#nextLookAt || this.#isLooking) return;
    this.#nextLookAt = now + limits.markerLookEveryMs;
    this.#isLooking = true;
    void this.#look();
  }

  async #look(): Promise<void> {
    for (const path of this.#present.keys()) this.#present.set(path, await exists(path));
    this.#isLooking = false;
  }
}

import { type Deadlines, NEVER } from "../backend/deadlines.ts";
import type { PathRoute } from "../config/destination.ts";
import { type Patience, patienceFor } from "./patience.ts";

/** Until when a backend may leave one request after the other without a byte. */
export class BackendDeadline {
  readonly #deadlines: Deadlines;
  #patience: Patience = { firstByteMs: 0, idleMs: 0 };
  #bodyIdleMs = 0;
  #at = NEVER;

  constructor(deadlines: Deadlines) {
    this.#deadlines = deadlines;
  }

  /** What holds on this route from now on; `carriesMessages`: of gRPC. */
  begin(route: PathRoute, carriesMessages: boolean): void {
    this.#patience = patienceFor(route, carriesMessages);
    this.#bodyIdleMs = route.timeouts.idleMs;
  }

  /** How long both sides may be silent, once both may speak. */
  get idleMs(): number {
    return this.#patience.idleMs;
  }

  isOver(now: number): boolean {
    return now >= this.#at;
  }

  /** It is for the backend to say the first word. */
  expectAnswer(): void {
    this.#at = this.#deadlines.in(this.#patience.firstByteMs);
  }

  /** It is for the backend to say more. */
  expectMore(): void {
    this.#at = this.#deadlines.in(this.#patience.idleMs);
  }

  /** It is for the backend to take more of a request. */
  expectTaking(): void {
    this.#at = this.#deadlines.in(this.#bodyIdleMs);
  }

  /** What comes of either side ends a silence. */
  prolong(): void {
    if (this.#at !== NEVER) this.expectMore();
  }

  /** The backend is not waited for. */
  stop(): void {
    this.#at = NEVER;
  }
}

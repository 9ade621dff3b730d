/** How long a backend took for one request after the other; for the access log, so that without one no clock is asked. */
export class BackendTimes {
  #connectMs: number | undefined;
  #firstByteMs: number | undefined;
  #since = 0;

  /** Until there was a way to the backend that answered. Undefined: it was open already, or never. */
  get connectMs(): number | undefined {
    return this.#connectMs;
  }

  /** From then to the head of the final answer, with what was sent of a body. Undefined: none came. */
  get firstByteMs(): number | undefined {
    return this.#firstByteMs;
  }

  /** Starts on another request. */
  begin(): void {
    this.#connectMs = undefined;
    this.#firstByteMs = undefined;
  }

  /** There is no way yet, or no more. */
  seek(): void {
    this.#since = performance.now();
  }

  /** There is one; `wasSought`: it was not there at once. */
  opened(wasSought: boolean): void {
    const now = performance.now();
    this.#connectMs = wasSought ? now - this.#since : undefined;
    this.#since = now;
  }

  answered(): void {
    this.#firstByteMs = performance.now() - this.#since;
  }
}

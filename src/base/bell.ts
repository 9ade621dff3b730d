import type { Clock } from "./clock.ts";

/** Wakes one sleeper before its time. A ring while nobody sleeps ends the next sleep at once. */
export class Bell {
  #ringing = new AbortController();

  ring(): void {
    this.#ringing.abort();
  }

  /** Sleeps `ms` milliseconds, until the bell rings or the signal ends it; `true` when it rang. Never rejects. */
  async sleep(clock: Clock, ms: number, signal: AbortSignal): Promise<boolean> {
    const ringing = this.#ringing.signal;
    try {
      await clock.sleep(ms, AbortSignal.any([signal, ringing]));
    } catch {
      // Stopping, or it rang: the caller sees which.
    }
    if (!ringing.aborted) return false;
    this.#ringing = new AbortController();
    return true;
  }
}

import type { Clock } from "../base/clock.ts";

/** How long a service has given no answer. */
interface Silence {
  readonly since: number;
  lastAt: number;
}

/** Remembers which of the services that decide about names give no answer; as many as the configuration names. */
export class AskWatch {
  readonly #clock: Clock;
  /** `undefined`: it answered last time. */
  readonly #silences = new Map<string, Silence | undefined>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The service at this URL was asked. */
  note(url: string, hasAnswered: boolean): void {
    const now = this.#clock.now();
    const silence = this.#silences.get(url) ?? { since: now, lastAt: now };
    silence.lastAt = now;
    this.#silences.set(url, hasAnswered ? undefined : silence);
  }

  /** Milliseconds from the first to the last of the questions in a row that it left open; 0 when it answers. */
  silentMs(url: string): number {
    const silence = this.#silences.get(url);
    return silence === undefined ? 0 : silence.lastAt - silence.since;
  }

  /** Has it been asked at all? */
  wasAsked(url: string): boolean {
    return this.#silences.has(url);
  }
}

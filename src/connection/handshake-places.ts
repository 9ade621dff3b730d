import { Crowd, type Membership } from "../base/crowd.ts";
import { limits } from "../config/limits.ts";

/** One that is under way. */
interface Shaking {
  /** The time that it has begun. */
  readonly at: number;
  readonly cut: () => void;
}

export type HandshakePlace = Membership<Shaking>;

/**
 * The TLS handshakes of one worker that are under way, a bounded number. When all places are taken, one that
 * has had its time gives its own to a new one: who stalls on purpose keeps out nobody who does not.
 */
export class HandshakePlaces {
  readonly #max: number;
  readonly #graceMs: number;
  readonly #taken = new Crowd<Shaking>();

  constructor(
    max: number = limits.handshakesInFlightMax,
    graceMs: number = limits.handshakeGraceMs,
  ) {
    this.#max = max;
    this.#graceMs = graceMs;
  }

  /** Takes a place; `undefined` when there is none. `cut` is called when it has to go for another one. */
  take(cut: () => void): HandshakePlace | undefined {
    const at = performance.now();
    if (this.#taken.size >= this.#max && !this.#clear(at)) return undefined;
    return this.#taken.enter({ at, cut });
  }

  /** The handshake is over. */
  leave(place: HandshakePlace): void {
    this.#taken.leave(place);
  }

  /** How many are under way. */
  get size(): number {
    return this.#taken.size;
  }

  #clear(now: number): boolean {
    const oldest = this.#taken.least(({ at }) => at);
    if (oldest === undefined || now - oldest.member.at < this.#graceMs) return false;
    this.#taken.leave(oldest);
    oldest.member.cut();
    return true;
  }
}

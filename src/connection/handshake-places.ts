import type { Socket } from "node:net";
import { limits } from "../config/limits.ts";

/**
 * The TLS handshakes of one worker that are under way, a bounded number. When all places are taken, one that
 * has had its time gives its own to a new one: who stalls on purpose keeps out nobody who does not.
 */
export class HandshakePlaces {
  readonly #max: number;
  readonly #graceMs: number;
  /** The first is the oldest. */
  readonly #taken = new Map<Socket, { readonly at: number; readonly cut: () => void }>();

  constructor(
    max: number = limits.handshakesInFlightMax,
    graceMs: number = limits.handshakeGraceMs,
  ) {
    this.#max = max;
    this.#graceMs = graceMs;
  }

  /** Takes a place for `socket`; `false` when there is none. `cut` is called when it has to go for another one. */
  take(socket: Socket, cut: () => void): boolean {
    const at = performance.now();
    if (this.#taken.size >= this.#max && !this.#clear(at)) return false;
    this.#taken.set(socket, { at, cut });
    return true;
  }

  /** The handshake of `socket` is over. */
  leave(socket: Socket): void {
    this.#taken.delete(socket);
  }

  /** How many are under way. */
  get size(): number {
    return this.#taken.size;
  }

  #clear(now: number): boolean {
    const [oldest] = this.#taken;
    if (oldest === undefined || now - oldest[1].at < this.#graceMs) return false;
    const [socket, { cut }] = oldest;
    this.#taken.delete(socket);
    cut();
    return true;
  }
}

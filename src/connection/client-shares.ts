import type { Socket } from "node:net";
import { clientKeyOf } from "../base/client-key.ts";
import { limits } from "../config/limits.ts";

/**
 * How many connections each client has open here, on all ports together: one client, an IPv4 address or the
 * /64 of an IPv6 one, gets no more than its share. Holds no more clients than there are open connections.
 */
export class ClientShares {
  readonly #max: number;
  readonly #isExempt: (address: string) => boolean;
  readonly #open = new Map<string, number>();

  /** @param isExempt Is this address not one client, but everybody behind a proxy? */
  constructor(
    isExempt: (address: string) => boolean,
    max: number = limits.connectionsPerClientMax,
  ) {
    this.#isExempt = isExempt;
    this.#max = max;
  }

  /** Counts a socket of this client until it closes; `false`, and nothing counted, when it has too many. */
  admit(socket: Socket, address: string): boolean {
    if (socket.destroyed || this.#isExempt(address)) return true;
    const key = clientKeyOf(address);
    const open = this.#open.get(key) ?? 0;
    if (open >= this.#max) return false;
    this.#open.set(key, open + 1);
    socket.on("close", () => this.#release(key));
    return true;
  }

  /** How many clients have connections open. */
  get size(): number {
    return this.#open.size;
  }

  #release(key: string): void {
    const left = (this.#open.get(key) ?? 0) - 1;
    if (left > 0) this.#open.set(key, left);
    else this.#open.delete(key);
  }
}

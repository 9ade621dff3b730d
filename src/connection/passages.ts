import type { UriHost } from "../base/uri-host.ts";
import { limits } from "../config/limits.ts";
import { Refusal } from "./refusal.ts";

/**
 * Knows passed-through connections that run in a circle: the bytes go on as they are, so that the same
 * ClientHello is open here again and again. Another client's is never the same (RFC 8446 §4.1.2).
 */
export class Passages {
  /** By the random of the hello. */
  readonly #open = new Map<string, number>();

  /**
   * Does `pass`, which lasts as long as the connection.
   *
   * @throws {Refusal} `ROUTE_LOOPS`, with nothing done, when `limits.passagesMax` with this random are open.
   */
  async during(random: string, host: UriHost, pass: () => Promise<void>): Promise<void> {
    const before = this.#open.get(random) ?? 0;
    if (before >= limits.passagesMax) throw new Refusal("internal_error", "ROUTE_LOOPS", { host });
    this.#open.set(random, before + 1);
    try {
      await pass();
    } finally {
      const left = (this.#open.get(random) ?? 0) - 1;
      if (left > 0) this.#open.set(random, left);
      else this.#open.delete(random);
    }
  }
}

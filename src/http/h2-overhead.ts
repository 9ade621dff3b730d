import { limits } from "../config/limits.ts";

const PERCENT = 100;

/**
 * What a client of HTTP/2 sends besides requests: PING, SETTINGS, WINDOW_UPDATE, PRIORITY and empty frames,
 * which cost us work and are no request, and requests that are broken. nghttp2 lets through any number of them.
 * A leaky bucket of bytes: what comes flows in, what requests and their answers explain does not, and
 * it runs dry at `limits.h2OverheadBytesPerSecond`.
 */
export class H2Overhead {
  #level = 0;
  #counted = 0;
  #explained = 0;
  #countedAt: number;
  #expected = 0;
  #expectedUntil = 0;

  /** `now` in milliseconds, here and below. */
  constructor(now: number) {
    this.#countedAt = now;
  }

  /** So many bytes of what comes belong to requests. */
  explain(bytes: number): void {
    this.#explained += bytes;
  }

  /** So many bytes more may come for a request that was closed: for a moment they are explained. */
  expect(bytes: number, now: number): void {
    this.#expected = Math.min(this.#expected + bytes, limits.h2ConnectionWindowBytes);
    this.#expectedUntil = now + limits.h2RestTimeoutMs;
  }

  /** Something else that costs as much as so many bytes. */
  charge(bytes: number): void {
    this.#level += bytes;
  }

  /** `read` bytes have come since the beginning; how much that is of the other kind: "much" is `limits.h2OverheadLeaveShare`. */
  look(read: number, now: number): "fine" | "much" | "too much" {
    const leaked = ((now - this.#countedAt) * limits.h2OverheadBytesPerSecond) / 1_000;
    const unexplained = this.#withoutExpected(read - this.#counted - this.#explained, now);
    // Nobody saves up: what was explained in vain is forgotten.
    this.#level = Math.max(0, this.#level + unexplained - leaked);
    this.#counted = read;
    this.#explained = 0;
    this.#countedAt = now;
    if (this.#level > limits.h2OverheadBurstBytes) return "too much";
    const much = (limits.h2OverheadBurstBytes * limits.h2OverheadLeaveShare) / PERCENT;
    return this.#level > much ? "much" : "fine";
  }

  #withoutExpected(bytes: number, now: number): number {
    if (now >= this.#expectedUntil) this.#expected = 0;
    const taken = Math.min(Math.max(bytes, 0), this.#expected);
    this.#expected -= taken;
    return bytes - taken;
  }
}

/** What HPACK writes of a literal field beside its text, at most. */
const FIELD_OVERHEAD_BYTES = 4;

/** What the fields take on the wire at most. */
export function sizeOnWire(pairs: readonly string[]): number {
  return pairs.reduce((sum, text) => sum + text.length + FIELD_OVERHEAD_BYTES, 0);
}

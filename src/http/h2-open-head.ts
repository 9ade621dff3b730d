import { NEVER } from "../backend/deadlines.ts";
import { limits } from "../config/limits.ts";

/**
 * Is a client of HTTP/2 in the middle of a head? nghttp2 tells of a head when all of it has come, so that one that
 * never ends is seen by its bytes alone: they came, and belong to no frame that we were told of. Nothing may come
 * between the frames of a head (RFC 9113 §6.10), so a client that answers a PING is in the middle of none.
 * Pure; some bytes of a head may hide behind what other frames are taken to need.
 */
export class H2OpenHead {
  #counted = 0;
  /** Bytes of frames that were told of since the last look. */
  #explained = 0;
  /** Bytes of frames that nobody tells of and that are likely to come. */
  #expected = 0;
  /** Since when there are bytes that nothing explains. */
  #doubtSince = NEVER;
  #isAsked = false;

  /** A frame of so many bytes, or a part of one, has come: there was no head in the way. */
  explain(bytes: number): void {
    this.#explained += bytes;
  }

  /** So many bytes may come, sooner or later, in frames that nobody tells of. */
  expect(bytes: number): void {
    this.#expected = Math.min(this.#expected + bytes, limits.h2ConnectionWindowBytes);
  }

  /**
   * `read` bytes have come since the beginning; `now` in milliseconds. `ask`: send a PING now; `late`: what
   * came has not become a head in `headTimeoutMs`, and that PING was not answered either.
   */
  look(read: number, now: number): "fine" | "ask" | "late" {
    this.#count(read, now);
    const open = now - this.#doubtSince;
    if (open >= limits.headTimeoutMs && this.#isAsked) return "late";
    if (this.#isAsked || open < limits.headTimeoutMs / 2) return "fine";
    this.#isAsked = true;
    return "ask";
  }

  #count(read: number, now: number): void {
    if (this.#explained > 0) {
      this.#doubtSince = NEVER;
      this.#isAsked = false;
    }
    const unexplained = Math.max(0, read - this.#counted - this.#explained);
    const taken = Math.min(unexplained, this.#expected);
    this.#counted = read;
    this.#explained = 0;
    this.#expected -= taken;
    if (unexplained > taken) this.#doubtSince = Math.min(this.#doubtSince, now);
  }
}

import { limits } from "../config/limits.ts";

/** Room to begin with; most bodies of calls fit. */
const FIRST_ROOM_BYTES = 1_024;

/**
 * What was given away of a request's body, so that it can be given once more: all of it, or nothing, when
 * it was more than `keptBodyMaxBytes`.
 */
export class KeptBody {
  #buffer: Buffer | undefined;
  #length = 0;
  #isWhole = true;

  /** Is everything here that was given away? */
  get isWhole(): boolean {
    return this.#isWhole;
  }

  /** The bytes; never written over. */
  get bytes(): Buffer | undefined {
    return this.#buffer?.subarray(0, this.#length);
  }

  /** Starts on another body. */
  begin(): void {
    this.#buffer = undefined;
    this.#length = 0;
    this.#isWhole = true;
  }

  /** Adds a copy of what is given away. */
  add(bytes: Buffer, start: number, end: number): void {
    if (!this.#isWhole) return;
    const length = this.#length + end - start;
    if (length > limits.keptBodyMaxBytes) {
      this.lose();
      return;
    }
    const buffer = this.#roomFor(length);
    bytes.copy(buffer, this.#length, start, end);
    this.#length = length;
  }

  /** What was given away is gone. */
  lose(): void {
    this.begin();
    this.#isWhole = false;
  }

  #roomFor(length: number): Buffer {
    const buffer = this.#buffer;
    if (buffer !== undefined && buffer.length >= length) return buffer;
    const room = Buffer.allocUnsafeSlow(
      Math.max(FIRST_ROOM_BYTES, 2 ** Math.ceil(Math.log2(length))),
    );
    buffer?.copy(room, 0, 0, this.#length);
    this.#buffer = room;
    return room;
  }
}

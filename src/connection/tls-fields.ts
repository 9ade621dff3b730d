/**
 * Reads the presentation language of TLS (RFC 8446 §3): numbers and length-prefixed vectors, one
 * after the other. Never throws; what is not there is `undefined`, and then the rest is not to be
 * believed. Nothing is copied, and a vector is a place in the same bytes: a Buffer for each of them would
 * cost as much as all that is read from it.
 */
export class Fields {
  readonly #bytes: Buffer;
  readonly #end: number;
  #at: number;

  /** Reads `bytes[start..end)`, which must lie within them. */
  constructor(bytes: Buffer, start = 0, end = bytes.length) {
    this.#bytes = bytes;
    this.#at = start;
    this.#end = end;
  }

  /** How many bytes are left. */
  get left(): number {
    return this.#end - this.#at;
  }

  /** The next `size` bytes (1 to 3) as a number. */
  number(size: number): number | undefined {
    if (size > this.left) return undefined;
    const value = this.#bytes.readUIntBE(this.#at, size);
    this.#at += size;
    return value;
  }

  /** The next `size` bytes, to be read on their own. */
  take(size: number): Fields | undefined {
    if (size > this.left) return undefined;
    const taken = new Fields(this.#bytes, this.#at, this.#at + size);
    this.#at += size;
    return taken;
  }

  /** A vector whose length stands before it in `lengthSize` bytes. */
  vector(lengthSize: number): Fields | undefined {
    const length = this.number(lengthSize);
    return length === undefined ? undefined : this.take(length);
  }

  /** What is left, each byte as one character (latin1). */
  text(): string {
    return this.#bytes.toString("latin1", this.#at, this.#end);
  }

  /** What is left, in the same memory. */
  bytes(): Buffer {
    return this.#bytes.subarray(this.#at, this.#end);
  }
}

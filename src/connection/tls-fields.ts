/**
 * Reads the presentation language of TLS (RFC 8446 §3): numbers and length-prefixed vectors, one
 * after the other. Never throws; what is not there is `undefined`, and then the rest is not to be
 * believed.
 */
export class Fields {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  /** Is everything read? */
  get isDone(): boolean {
    return this.#at === this.#bytes.length;
  }

  /** The next `size` bytes (1 to 3) as a number. */
  number(size: number): number | undefined {
    return this.take(size)?.readUIntBE(0, size);
  }

  /** The next `size` bytes, not copied. */
  take(size: number): Buffer | undefined {
    const end = this.#at + size;
    if (end > this.#bytes.length) return undefined;
    const taken = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    return taken;
  }

  /** A vector whose length stands before it in `lengthSize` bytes, not copied. */
  vector(lengthSize: number): Buffer | undefined {
    const length = this.number(lengthSize);
    return length === undefined ? undefined : this.take(length);
  }
}

const NOTHING = Buffer.alloc(0);

/** Bytes of a client that came and are not used yet: one run, `bytes[from..to)`. */
export class Inbox {
  bytes: Buffer = NOTHING;
  from = 0;
  to = 0;
  #isLent = false;

  get size(): number {
    return this.to - this.from;
  }

  /** Adds the first `length` bytes of `bytes`, without a copy when nothing is left over: see {@link keep}. */
  add(bytes: Buffer, length: number = bytes.length): void {
    const isFirst = this.size === 0;
    this.bytes = isFirst ? bytes : Buffer.concat([this.#left, bytes.subarray(0, length)]);
    this.from = 0;
    this.to = isFirst ? length : this.bytes.length;
    this.#isLent = isFirst;
  }

  /** Copies what is left of bytes that were added and are only lent; to be called before they are written over. */
  keep(): void {
    if (this.#isLent && this.size > 0) this.#isLent = false;
    else return;
    this.bytes = Buffer.from(this.#left);
    this.from = 0;
    this.to = this.bytes.length;
  }

  /** Everything that is left, lent as it was added. */
  takeAll(): Buffer {
    const all = this.#left;
    this.clear();
    return all;
  }

  /** The bytes before `next` are used; memory goes with the last of them. */
  useTo(next: number): void {
    this.from = next;
    if (this.size === 0) this.clear();
  }

  clear(): void {
    this.bytes = NOTHING;
    this.from = 0;
    this.to = 0;
  }

  get #left(): Buffer {
    return this.bytes.subarray(this.from, this.to);
  }
}

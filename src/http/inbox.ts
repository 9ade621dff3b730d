const NOTHING = Buffer.alloc(0);

/** Bytes of a client that came and are not used yet: one run, `bytes[from..to)`. */
export class Inbox {
  bytes: Buffer = NOTHING;
  from = 0;
  to = 0;

  get size(): number {
    return this.to - this.from;
  }

  /** Adds a piece, which is ours from now on; without a copy when nothing is left over. */
  add(piece: Buffer): void {
    this.bytes =
      this.size === 0 ? piece : Buffer.concat([this.bytes.subarray(this.from, this.to), piece]);
    this.from = 0;
    this.to = this.bytes.length;
  }

  /** Everything that is left, which is the caller's from now on. */
  takeAll(): Buffer {
    const all = this.bytes.subarray(this.from, this.to);
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
}

/** A map of at most `capacity` entries: beyond it, the one that was used the longest ago is forgotten. */
export class RecentMap<Key, Value> {
  readonly #capacity: number;
  /** In the order of use, as a `Map` keeps the order of insertion. */
  readonly #entries = new Map<Key, Value>();
  /** The key used last, if it is still there: it need not change its place. */
  #last: Key | undefined;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  /** Constant time. Counts as a use. */
  get(key: Key): Value | undefined {
    const value = this.#entries.get(key);
    if (value === undefined || key === this.#last) return value;
    this.#entries.delete(key);
    this.#entries.set(key, value);
    this.#last = key;
    return value;
  }

  /** Constant time. Does not count as a use. */
  peek(key: Key): Value | undefined {
    return this.#entries.get(key);
  }

  /** Constant time. Counts as a use. */
  set(key: Key, value: Value): void {
    this.#entries.delete(key);
    this.#entries.set(key, value);
    this.#last = key;
    if (this.#entries.size <= this.#capacity) return;
    for (const oldest of this.#entries.keys()) {
      this.#entries.delete(oldest);
      return;
    }
  }

  has(key: Key): boolean {
    return this.#entries.has(key);
  }

  delete(key: Key): void {
    this.#entries.delete(key);
  }

  get size(): number {
    return this.#entries.size;
  }

  /** The entries, the least recently used first; does not count as a use. */
  [Symbol.iterator](): IterableIterator<[Key, Value]> {
    return this.#entries.entries();
  }
}

/** Something that has got to one of the addresses of a name. */
export interface Follower {
  /** The name leads there no more: it may finish what is under way, and should take nothing new. Said once. */
  stray(): void;
}

/**
 * Who is where a name led, by name. Looked at when there is a new answer, so that whoever follows pays nothing
 * for each request. As many as there are connections: their owners bound them.
 */
export class Followers {
  /** Of each name, with its address. */
  readonly #all = new Map<string, Map<Follower, string>>();

  /** The names that somebody follows. */
  get names(): readonly string[] {
    return [...this.#all.keys()];
  }

  /** Keeps `follower`, which is at `address`, until {@link delete}, or until it strays. */
  add(name: string, address: string, follower: Follower): void {
    const followers = this.#all.get(name) ?? new Map<Follower, string>();
    this.#all.set(name, followers.set(follower, address));
  }

  /** Does nothing for one that is not there. */
  delete(name: string, follower: Follower): void {
    const followers = this.#all.get(name);
    followers?.delete(follower);
    if (followers?.size === 0) this.#all.delete(name);
  }

  /** The name leads to these addresses now, and nowhere else. */
  move(name: string, addresses: ReadonlySet<string>): void {
    for (const [follower, address] of [...(this.#all.get(name) ?? [])]) {
      if (addresses.has(address)) continue;
      this.delete(name, follower);
      follower.stray();
    }
  }
}

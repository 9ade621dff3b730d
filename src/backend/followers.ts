import { limits } from "../config/limits.ts";

/** Something that has got to one of the addresses of a name. */
export interface Follower {
  /** The name leads there no more: it may finish what is under way, and should take nothing new. Said once. */
  stray(): void;
}

/** Where a name leads, by an answer. */
export interface Led {
  readonly all: ReadonlySet<string>;
  /** When it came, in Unix milliseconds. */
  readonly foundAt: number;
}

/** Where a follower is, and when the first of the answers came that are without it; `undefined`: the last has it. */
interface Stand {
  readonly address: string;
  missingSince: number | undefined;
}

/**
 * Who is where a name led, by name. Looked at when there is a new answer, so that whoever follows pays nothing
 * for each request. As many as there are connections: their owners bound them. An address is gone when the answers were
 * without it for {@link limits.nameGoneMs}: many names tell a part of their addresses, another one each time.
 */
export class Followers {
  /** Of each name, with where they are. */
  readonly #all = new Map<string, Map<Follower, Stand>>();

  /** The names that somebody follows. */
  get names(): readonly string[] {
    return [...this.#all.keys()];
  }

  /** Does nobody follow any name? In constant time: asked at each end of a connection. */
  get isEmpty(): boolean {
    return this.#all.size === 0;
  }

  /** Keeps `follower`, which is at `address`, until {@link delete}, or until it strays; `led`: by the last answer. */
  add(name: string, address: string, follower: Follower, led: Led | undefined): void {
    const followers = this.#all.get(name) ?? new Map<Follower, Stand>();
    this.#all.set(name, followers.set(follower, { address, missingSince: undefined }));
    if (led?.all.has(address) === false) this.#miss(name, follower, led.foundAt);
  }

  /** Does nothing for one that is not there. */
  delete(name: string, follower: Follower): void {
    const followers = this.#all.get(name);
    followers?.delete(follower);
    if (followers?.size === 0) this.#all.delete(name);
  }

  /** There is a new answer. */
  move(name: string, { all, foundAt }: Led): void {
    for (const [follower, stand] of [...(this.#all.get(name) ?? [])]) {
      if (all.has(stand.address)) stand.missingSince = undefined;
      else this.#miss(name, follower, foundAt);
    }
  }

  /** An answer was without its address. A clock that was set back must not make it last. */
  #miss(name: string, follower: Follower, foundAt: number): void {
    const stand = this.#all.get(name)?.get(follower);
    if (stand === undefined) return;
    stand.missingSince ??= foundAt;
    if (Math.abs(foundAt - stand.missingSince) < limits.nameGoneMs) return;
    this.delete(name, follower);
    follower.stray();
  }
}

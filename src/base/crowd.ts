/** Where somebody stands in a {@link Crowd}; the crowd's own. */
export interface Membership<Member> {
  readonly member: Member;
  /** -1: not any more. */
  index: number;
}

/**
 * Those that are there now, in no order, where thousands come and go each second: sockets, connections, deadlines.
 *
 * A `Set` would do, but not for long: V8 gives it a new table for every few dozen that come, and once that table is old,
 * every outgrown one keeps all that were in it alive until the next full collection, with all that hangs on them. A third
 * of all connections were moved to the old generation by it (`--trace-gc`, under handshakes).
 */
export class Crowd<Member> {
  readonly #places: Membership<Member>[] = [];

  /** How many are there. */
  get size(): number {
    return this.#places.length;
  }

  /** Constant time. The place is to be given back by {@link leave}. */
  enter(member: Member): Membership<Member> {
    const place = { member, index: this.#places.length };
    this.#places.push(place);
    return place;
  }

  /** Constant time; nothing if it was left before. */
  leave(place: Membership<Member>): void {
    const { index } = place;
    if (index === -1) return;
    place.index = -1;
    const last = this.#places.pop();
    if (last === undefined || last === place) return;
    this.#places[index] = last;
    last.index = index;
  }

  /** Calls `act` with each one that is there; those that come meanwhile may be left out, who stays is not. */
  each(act: (member: Member) => void): void {
    for (let index = this.#places.length - 1; index >= 0; index -= 1) {
      const place = this.#places[index];
      if (place !== undefined) act(place.member); // whoever leaves meanwhile gives its index to one that had its turn
    }
  }

  /** The place of the one that has the least of something; looks at all of them. */
  least(of: (member: Member) => number): Membership<Member> | undefined {
    let least: Membership<Member> | undefined;
    for (const place of this.#places) {
      if (least === undefined || of(place.member) < of(least.member)) least = place;
    }
    return least;
  }

  /** All that are there now. */
  members(): Member[] {
    return this.#places.map(({ member }) => member);
  }
}

/** At most one piece of work per key: callers that arrive while it is under way share its outcome. */
export class SingleFlight<Key, Value> {
  readonly #flights = new Map<Key, Promise<Value>>();

  /** Runs `work` for `key`, or joins the run that is under way. Failures are shared too. */
  run(key: Key, work: () => Promise<Value>): Promise<Value> {
    const running = this.#flights.get(key);
    if (running !== undefined) return running;
    const flight = work().finally(() => this.#flights.delete(key));
    this.#flights.set(key, flight);
    return flight;
  }

  /** How many keys are under way. */
  get size(): number {
    return this.#flights.size;
  }

  /** Is work for this key under way? */
  has(key: Key): boolean {
    return this.#flights.has(key);
  }
}

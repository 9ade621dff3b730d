/** What the waiters of one key have in common. */
interface Spot<Value> {
  readonly outcome: Promise<Value>;
  readonly abandoned: AbortController;
  waiting: number;
}

/**
 * A bounded place to wait for something slow: one piece of work per key, shared by everybody who
 * waits for it, and given up when the last of them has left.
 */
export class ParkingLot<Key, Value> {
  readonly #waitingMax: number;
  readonly #waitingPerKeyMax: number;
  readonly #spots = new Map<Key, Spot<Value>>();
  #waiting = 0;

  constructor(waitingMax: number, waitingPerKeyMax: number) {
    this.#waitingMax = waitingMax;
    this.#waitingPerKeyMax = waitingPerKeyMax;
  }

  /**
   * Waits for the outcome of `work` on `key`, begun here or by an earlier caller; `undefined` at once
   * when there is no place. Rejects with the signal's reason when this caller leaves; its leaving
   * does not disturb the others.
   *
   * @param work is given a signal that is aborted when nobody waits for it any more.
   */
  async wait(
    key: Key,
    signal: AbortSignal,
    work: (abandoned: AbortSignal) => Promise<Value>,
  ): Promise<Value | undefined> {
    signal.throwIfAborted();
    const existing = this.#spots.get(key);
    if (this.#waiting >= this.#waitingMax) return undefined;
    if (existing !== undefined && existing.waiting >= this.#waitingPerKeyMax) return undefined;
    const spot = existing ?? this.#open(key, work);
    spot.waiting += 1;
    this.#waiting += 1;
    try {
      return await untilAborted(spot.outcome, signal);
    } finally {
      this.#waiting -= 1;
      spot.waiting -= 1;
      if (spot.waiting === 0) this.#close(key, spot);
    }
  }

  #open(key: Key, work: (abandoned: AbortSignal) => Promise<Value>): Spot<Value> {
    const abandoned = new AbortController();
    const spot = { outcome: work(abandoned.signal), abandoned, waiting: 0 };
    this.#spots.set(key, spot);
    // Who comes after the outcome begins anew, also while earlier callers are just leaving with it.
    const settled = () => this.#forget(key, spot);
    spot.outcome.then(settled, settled);
    return spot;
  }

  #close(key: Key, spot: Spot<Value>): void {
    this.#forget(key, spot);
    spot.abandoned.abort();
  }

  #forget(key: Key, spot: Spot<Value>): void {
    if (this.#spots.get(key) === spot) this.#spots.delete(key);
  }
}

function untilAborted<Value>(promise: Promise<Value>, signal: AbortSignal): Promise<Value> {
  const left = Promise.withResolvers<never>();
  const leave = (): void => left.reject(signal.reason);
  signal.addEventListener("abort", leave, { once: true });
  return Promise.race([promise, left.promise]).finally(() => {
    signal.removeEventListener("abort", leave);
  });
}

import type { Clock } from "../base/clock.ts";
import type { Wait } from "./wait.ts";

/** What the queue needs from its surroundings. */
export interface QueueSteps {
  readonly clock: Clock;
  /** Ends every wait. */
  readonly signal: AbortSignal;
  /** Attempts under way at once, at one CA. */
  readonly inFlightMax: number;
  /** Milliseconds between the starts of two attempts at a CA. */
  paceMsOf(directory: string): number;
}

/** An attempt that is to be made. */
export interface Attempt {
  /** Whose it is: one attempt of a name waits at a time. */
  readonly name: string;
  /** URL of the CA's directory: each CA has a queue of its own. */
  readonly directory: string;
  /** The lowest comes first, whenever it came. */
  readonly rank: number;
  /** Why it cannot start now, asked when its turn has come: then it costs nobody's time. */
  waitFor(): Wait | undefined;
}

interface Waiting {
  readonly attempt: Attempt;
  /** As the attempt has it, or the one it was given since. */
  readonly rank: number;
  readonly start: () => void;
  readonly leave: (wait: Wait) => void;
}

interface Line {
  readonly waiting: Waiting[];
  running: number;
  /** Has an attempt just started? */
  isPausing: boolean;
  /** Who wants, or has, the CA for itself: called when nothing is under way. */
  readonly alone: Set<() => void>;
}

/**
 * Attempts wait here for their CA: some at once, one start after another, and the most urgent first,
 * whoever came first.
 */
export class OrderQueue {
  readonly #steps: QueueSteps;
  /** One for each issuer of the configuration. */
  readonly #lines = new Map<string, Line>();

  constructor(steps: QueueSteps) {
    this.#steps = steps;
  }

  /**
   * Runs `work` when it is its turn; or resolves with the reason why it cannot start. Rejects as `work` does,
   * and with the signal's reason when that ends the wait.
   */
  async run(attempt: Attempt, work: () => Promise<void>): Promise<Wait | undefined> {
    this.#steps.signal.throwIfAborted();
    const line = this.#lineOf(attempt.directory);
    const wait = await this.#enter(line, attempt);
    if (wait !== undefined) return wait;
    try {
      await work();
    } finally {
      line.running -= 1;
      this.#next(line);
    }
    return undefined;
  }

  /** The attempt of this name, if it waits, waits with this rank from now on, unless its own is as urgent. */
  hasten(name: string, rank: number): void {
    for (const { waiting } of this.#lines.values()) {
      const place = waiting.findIndex((each) => each.attempt.name === name && each.rank > rank);
      const [one] = place === -1 ? [] : waiting.splice(place, 1);
      if (one !== undefined) insert(waiting, { ...one, rank });
    }
  }

  /**
   * Runs `work` when no attempt is under way at this CA, and lets none start until it is done. Rejects as `work`
   * does, and with the signal's reason when that ends the wait.
   */
  async alone<Value>(
    directory: string,
    work: () => Promise<Value>,
    signal: AbortSignal,
  ): Promise<Value> {
    signal.throwIfAborted();
    const line = this.#lineOf(directory);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const onAbort = () => reject(signal.reason);
    signal.addEventListener("abort", onAbort, { once: true });
    line.alone.add(resolve);
    try {
      this.#next(line);
      await promise;
      return await work();
    } finally {
      signal.removeEventListener("abort", onAbort);
      line.alone.delete(resolve);
      this.#next(line);
    }
  }

  async #enter(line: Line, attempt: Attempt): Promise<Wait | undefined> {
    const { signal } = this.#steps;
    const { promise, resolve, reject } = Promise.withResolvers<Wait | undefined>();
    const start = () => resolve(undefined);
    const onAbort = () => {
      const place = line.waiting.findIndex((each) => each.start === start);
      if (place === -1) return; // let in already: it goes on
      line.waiting.splice(place, 1);
      reject(signal.reason);
    };
    insert(line.waiting, { attempt, rank: attempt.rank, start, leave: resolve });
    signal.addEventListener("abort", onAbort, { once: true });
    this.#next(line);
    try {
      return await promise;
    } finally {
      signal.removeEventListener("abort", onAbort);
    }
  }

  #next(line: Line): void {
    const [alone] = line.alone;
    if (alone !== undefined) {
      if (line.running === 0) alone();
      return;
    }
    while (!line.isPausing && line.running < this.#steps.inFlightMax) {
      const first = line.waiting.shift();
      if (first === undefined) return;
      const wait = first.attempt.waitFor();
      if (wait !== undefined) {
        first.leave(wait);
        continue;
      }
      line.running += 1;
      this.#pause(line, first.attempt.directory);
      first.start();
    }
  }

  /** By a sleep and not by the time of day, which may jump. */
  #pause(line: Line, directory: string): void {
    const { clock, signal } = this.#steps;
    const paceMs = this.#steps.paceMsOf(directory);
    if (paceMs === 0) return;
    line.isPausing = true;
    const goOn = () => {
      line.isPausing = false;
      this.#next(line);
    };
    clock.sleep(paceMs, signal).then(goOn, () => {
      // Stopping: whoever waits is told by the same signal.
    });
  }

  #lineOf(directory: string): Line {
    const known = this.#lines.get(directory);
    if (known !== undefined) return known;
    const line = { waiting: [], running: 0, isPausing: false, alone: new Set<() => void>() };
    this.#lines.set(directory, line);
    return line;
  }
}

/** Behind everyone of the same rank; found by halving, for thousands may be due at once. */
function insert(waiting: Waiting[], one: Waiting): void {
  let [from, to] = [0, waiting.length];
  while (from < to) {
    const middle = (from + to) >>> 1;
    const rank = waiting[middle]?.rank ?? Number.POSITIVE_INFINITY;
    if (rank <= one.rank) from = middle + 1;
    else to = middle;
  }
  waiting.splice(from, 0, one);
}

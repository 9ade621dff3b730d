import { randomInt } from "node:crypto";
import type { WorkerFacts } from "../process/messages.ts";

/** Numbers to begin with: so many that two managers hardly meet, and far from where a double ends to count. */
const ROUNDS = 2 ** 47;

/** Something that every worker was told and has to say "done" to. */
interface Round {
  readonly missing: Set<number>;
  hasAny: boolean;
  readonly resolve: () => void;
}

/** Who of the workers that are there said "done" in time. */
export type Acknowledged = "all" | "some" | "none";

/**
 * Waits until every worker has acknowledged something. A worker that dies meanwhile is not waited
 * for; one that starts meanwhile asks for the whole state before it takes connections.
 */
export class Acknowledgements {
  readonly #rounds = new Map<number, Round>();
  #workers: readonly number[] = [];
  /** Anywhere: workers outlive the manager, and may still answer to its predecessor's numbers. */
  #lastRound = randomInt(ROUNDS);

  /** The number that workers repeat. */
  nextRound(): number {
    this.#lastRound += 1;
    return this.#lastRound;
  }

  /** Resolves when every worker that is there now has acknowledged `round`, or `timeoutMs` are over. */
  async wait(round: number, timeoutMs: number): Promise<Acknowledged> {
    const missing = new Set(this.#workers);
    if (missing.size === 0) return "all";
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, timeoutMs);
    const waiting: Round = { missing, hasAny: false, resolve };
    this.#rounds.set(round, waiting);
    await promise;
    clearTimeout(timer);
    this.#rounds.delete(round);
    if (missing.size === 0) return "all";
    return waiting.hasAny ? "some" : "none";
  }

  /** A worker said "done". */
  acknowledged(round: number, worker: number): void {
    const waiting = this.#rounds.get(round);
    if (waiting?.missing.has(worker)) waiting.hasAny = true;
    this.#drop(waiting, worker);
  }

  /** The numbers of the workers that are there. */
  get workers(): readonly number[] {
    return this.#workers;
  }

  /** Who is there now. Those that take no more connections count no more: nobody who comes gets what they have. */
  peersChanged(workers: readonly WorkerFacts[]): void {
    this.#workers = workers
      .filter(({ ready, isDraining }) => ready && !isDraining)
      .map(({ index }) => index);
    for (const round of this.#rounds.values()) {
      for (const worker of round.missing)
        if (!this.#workers.includes(worker)) this.#drop(round, worker);
    }
  }

  #drop(round: Round | undefined, worker: number): void {
    if (round?.missing.delete(worker) && round.missing.size === 0) round.resolve();
  }
}

import { CLASSES, OTHER_HOSTS, TOTALS, type WorkerCounts } from "../base/counts.ts";
import type { LoopDelays } from "../base/loop-delay.ts";
import type { ProcessUse } from "../base/process-use.ts";
import { SingleFlight } from "../base/single-flight.ts";

/** What a worker says when it is asked. */
export interface WorkerAnswer {
  readonly counts: WorkerCounts;
  readonly use: ProcessUse;
  readonly delays: LoopDelays | undefined;
}

/** What all workers have counted since this manager came. */
export interface Gathered {
  /** As in {@link WorkerCounts}, summed over those that live and those that have ended. */
  readonly totals: readonly number[];
  readonly hosts: ReadonlyMap<string, readonly number[]>;
  /** Of those that answered. */
  readonly connectionsOpen: number;
  readonly requestsUnderWay: number;
  readonly uses: readonly ProcessUse[];
  readonly delays: ReadonlyMap<string, LoopDelays>;
  /** How many did not answer: what they counted since the last answer comes with the next one. */
  readonly silent: number;
}

export interface GatheringSteps {
  /** Hosts that may have numbers of their own; those of all others are added up. */
  readonly hosts: readonly string[];
  /** Has the program had no manager before? Then what workers count is all since it came. */
  readonly isFirst: boolean;
  /** Asks one of them. Rejects when it does not answer in time. */
  ask(worker: number, withDelays: boolean): Promise<WorkerAnswer>;
}

/** What only grows. */
type Sums = Pick<Gathered, "totals" | "hosts">;

interface Known {
  /** What it had counted before this manager came; `undefined` until it is known. */
  before: Sums | undefined;
  latest: Sums | undefined;
  isAlive: boolean;
  /** Can it have counted anything, and answer? */
  isReady: boolean;
}

/** Workers that ended are kept apart for so long as their last word may come behind the news of their end. */
const ENDED_KEPT = 16;
const NOTHING: Sums = { totals: new Array<number>(TOTALS).fill(0), hosts: new Map() };

/**
 * Adds up what workers count, so that no sum falls while the manager lives: those that end stay in it
 * with their last word, or with their last answer if they were killed.
 */
export class Gathering {
  readonly #steps: GatheringSteps;
  readonly #hosts: ReadonlySet<string>;
  readonly #known = new Map<number, Known>();
  readonly #flight = new SingleFlight<"scrape", Gathered>();
  /** What those that are not kept apart any more have counted. */
  #ended: Sums = NOTHING;
  #hasHeard = false;

  constructor(steps: GatheringSteps) {
    this.#steps = steps;
    this.#hosts = new Set(steps.hosts);
  }

  /** Who lives now. Those that were there before this manager are asked what they have counted so far. */
  changed(workers: readonly { readonly index: number; readonly ready: boolean }[]): void {
    for (const known of this.#known.values())
      Object.assign(known, { isAlive: false, isReady: false });
    const areOld = !this.#steps.isFirst && !this.#hasHeard;
    this.#hasHeard = true;
    for (const { index, ready: isReady } of workers) {
      const before = areOld ? undefined : NOTHING;
      const known = this.#known.get(index) ?? { before, latest: before };
      this.#known.set(index, { ...known, isAlive: true, isReady });
      if (areOld) void this.#ask(index, false);
    }
    this.#forgetEnded();
  }

  /** A worker ends, and has counted this. */
  lastWord(worker: number, counts: WorkerCounts): void {
    this.#note(worker, counts);
  }

  /** Asks all at once; whoever asks meanwhile gets the same answer. Never rejects. */
  gather(): Promise<Gathered> {
    return this.#flight.run("scrape", async () => {
      const ready = [...this.#known].filter(([, { isReady }]) => isReady);
      const answers = await Promise.all(ready.map(([index]) => this.#ask(index, true)));
      const answered = answers.filter((answer) => answer !== undefined);
      const shares = [...this.#known.values()].map(shareOf);
      return {
        ...shares.reduce((sum, share) => combined(sum, share, 1), this.#ended),
        connectionsOpen: sumOf(answered.map(({ counts }) => counts.connectionsOpen)),
        requestsUnderWay: sumOf(answered.map(({ counts }) => counts.requestsUnderWay)),
        uses: answered.map(({ use }) => use),
        delays: new Map(
          answered.flatMap(({ use, delays }) => (delays ? [[use.process, delays]] : [])),
        ),
        silent: answers.length - answered.length,
      };
    });
  }

  /** A worker is called as we know it, whatever it says. */
  async #ask(worker: number, withDelays: boolean): Promise<WorkerAnswer | undefined> {
    try {
      const answer = await this.#steps.ask(worker, withDelays);
      this.#note(worker, answer.counts);
      return { ...answer, use: { ...answer.use, process: `worker ${worker}` } };
    } catch {
      return undefined; // counted as silent
    }
  }

  #note(worker: number, counts: WorkerCounts): void {
    const known = this.#known.get(worker);
    if (known === undefined) return;
    known.latest = this.#read(counts);
    known.before ??= known.latest;
  }

  /** What a worker says of hosts that have no numbers of their own here, such as those of an earlier file, is said of the others. */
  #read({ totals, hosts }: WorkerCounts): Sums {
    const read = new Map<string, readonly number[]>();
    for (const { host, answers } of hosts) {
      const name = this.#hosts.has(host) ? host : OTHER_HOSTS;
      read.set(name, added(read.get(name), answers, 1));
    }
    return { totals, hosts: read };
  }

  #forgetEnded(): void {
    const ended = [...this.#known].filter(([, { isAlive }]) => !isAlive);
    for (const [index, known] of ended.slice(0, -ENDED_KEPT)) {
      this.#ended = combined(this.#ended, shareOf(known), 1);
      this.#known.delete(index);
    }
  }
}

/** What it has counted since this manager came. */
function shareOf({ before = NOTHING, latest = before }: Known): Sums {
  return combined(latest, before, -1);
}

function combined(one: Sums, other: Sums, sign: 1 | -1): Sums {
  const hosts = new Map(one.hosts);
  for (const [host, answers] of other.hosts) hosts.set(host, added(hosts.get(host), answers, sign));
  return { totals: added(one.totals, other.totals, sign), hosts };
}

function added(
  one: readonly number[] = new Array<number>(CLASSES.length).fill(0),
  other: readonly number[],
  sign: 1 | -1,
): readonly number[] {
  return one.map((number, at) => number + sign * (other[at] ?? 0));
}

function sumOf(numbers: readonly number[]): number {
  return numbers.reduce((sum, number) => sum + number, 0);
}

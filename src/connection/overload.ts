import type { Facts } from "../base/errors.ts";
import type { Log } from "../base/log.ts";
import { limits } from "../config/limits.ts";
import { RefusalSpell } from "./refusal-spell.ts";

/** How much of something that can run out is in use. */
export interface Usage {
  readonly resource: "connections" | "memory" | "heap" | "descriptors";
  readonly used: number;
  /** What may be used, in the same unit; the system has more. */
  readonly max: number;
}

/** What is done about it, mildest first; each goes on while a later one is done too. */
export type Measure = "no-keep-alive" | "close-idle" | "refuse-new";

const MEASURES: readonly Measure[] = ["no-keep-alive", "close-idle", "refuse-new"];
const PERCENT = 100;

/**
 * How many of {@link MEASURES} are in force when `percent` of something is used and `inForce` were: each
 * begins at its own share, and ends `overloadReliefShare` below it.
 */
export function measuresAt(percent: number, inForce: number): number {
  const beyond = (measure: number, share: number) =>
    percent >= (measure <= inForce ? share - limits.overloadReliefShare : share);
  if (beyond(3, limits.overloadRefuseShare)) return 3;
  if (beyond(2, limits.overloadIdleShare)) return 2;
  return beyond(1, limits.overloadKeepAliveShare) ? 1 : 0;
}

/** What an overloaded worker can do about its connections. */
export interface Relief {
  /** Ends every connection with its current answer from now on, or no longer. */
  keepAlive(isAllowed: boolean): void;
  /** Closes so many connections that wait for a request, the longest idle first, as far as there are any. */
  closeIdle(count: number): void;
}

/**
 * What a worker does before something that it needs runs out: it keeps no connection alive, closes idle
 * ones, refuses new ones, and takes each back when there is room again. Says so in `overload.began` and
 * `overload.ended`. What is under way goes on in any case.
 */
export class Overload {
  readonly #log: Log;
  readonly #relief: Relief;
  #inForce = 0;
  #connections: Usage = { resource: "connections", used: 0, max: 1 };
  #looked: readonly Usage[] = [];
  /** The same, while there are few connections. */
  #lookedOfFew: readonly Usage[] = [];
  #refused = 0;
  readonly #spell = new RefusalSpell();
  readonly #now: () => number;

  /** @param now Milliseconds that never go back. */
  constructor(log: Log, relief: Relief, now: () => number = () => performance.now()) {
    this.#log = log;
    this.#relief = relief;
    this.#now = now;
  }

  /** Of what there is too little to take every newcomer, in words; `undefined`: not for long enough to be told. */
  get refusing(): string | undefined {
    if (!this.#spell.lasts(this.#now())) return undefined;
    const { resource, used, max } = this.#worst();
    return `${resource}: ${used} of ${max} in use`;
  }

  /** What is done now, mildest first. */
  get measures(): readonly Measure[] {
    return MEASURES.slice(0, this.#inForce);
  }

  /** May one more connection be opened? One that may not is counted as refused. */
  mayOpen(): boolean {
    if (this.#inForce < MEASURES.length) return true;
    this.#refused += 1;
    this.#spell.refused(this.#now());
    return false;
  }

  /** Hears how many connections are open; called at each change. */
  connections(used: number, max: number): void {
    this.#connections = { resource: "connections", used, max };
    this.#settle();
  }

  /** Hears of what else can run out, every `overloadLookMs`. Idle connections are closed at each of these looks. */
  look(usages: readonly Usage[]): void {
    this.#looked = usages;
    this.#lookedOfFew = usages.map(blamingNobody);
    this.#settle();
    if (this.#inForce > MEASURES.indexOf("close-idle")) this.#closeIdle();
  }

  #settle(): void {
    const worst = this.#worst();
    const before = this.#inForce;
    const now = measuresAt(percentOf(worst), before);
    if (now === before) return;
    this.#inForce = now;
    for (const measure of MEASURES.slice(before, now))
      this.#log.warn("overload.began", facts(measure, worst));
    for (const measure of MEASURES.slice(now, before).reverse()) this.#end(measure, worst);
    if ((before === 0) !== (now === 0)) this.#relief.keepAlive(now === 0);
    if (now > before && now > MEASURES.indexOf("close-idle")) this.#closeIdle();
  }

  #end(measure: Measure, worst: Usage): void {
    const refused = measure === "refuse-new" ? this.#refused : undefined;
    this.#log.info("overload.ended", { ...facts(measure, worst), refused });
    if (refused !== undefined) this.#refused = 0;
  }

  /** As many as would bring us below where it all began, if each holds its share of what is scarce. */
  #closeIdle(): void {
    const target = limits.overloadKeepAliveShare - limits.overloadReliefShare;
    const percent = percentOf(this.#worst());
    const surplus = Math.ceil((this.#connections.used * (percent - target)) / percent);
    if (surplus > 0) this.#relief.closeIdle(surplus);
  }

  #worst(): Usage {
    const isFew = this.#connections.used < limits.overloadFewConnections;
    let worst = this.#connections;
    for (const usage of isFew ? this.#lookedOfFew : this.#looked) {
      if (percentOf(usage) > percentOf(worst)) worst = usage;
    }
    return worst;
  }
}

/** What memory few connections do not hold, refusing new ones would not give back. */
function blamingNobody(usage: Usage): Usage {
  if (usage.resource === "descriptors") return usage;
  const share = limits.overloadRefuseShare - limits.overloadReliefShare - 1;
  return { ...usage, used: Math.min(usage.used, Math.floor((usage.max * share) / PERCENT)) };
}

function percentOf({ used, max }: Usage): number {
  return (PERCENT * used) / max;
}

function facts(measure: Measure, { resource, used, max }: Usage): Facts {
  return { measure, resource, used, max };
}

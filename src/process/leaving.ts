import { limits } from "../config/limits.ts";
import type { Child, ChildPlan } from "./child.ts";
import { workerIndexOf } from "./messages.ts";

/** Children of an older plan, or of a smaller one, that finish what they have. */
export class Leaving {
  readonly #children = new Set<Child>();
  /** How many workers that a reload replaced may finish at once. */
  #workersMax = 0;

  get all(): readonly Child[] {
    return [...this.#children];
  }

  /** Is there none that still takes connections? */
  get areClosed(): boolean {
    return this.all.every(({ closed }) => closed);
  }

  /** A reload begins, and fills so many places. */
  makeRoom(places: number): void {
    this.#workersMax = limits.oldWorkersOfEach * places;
  }

  /** It leaves by itself. */
  add(child: Child): void {
    this.#children.add(child);
  }

  delete(child: Child): void {
    this.#children.delete(child);
  }

  /** Tells a worker that another one is in its place; what is open there has `reloadDrainMaxMs` to finish. */
  retireWorker(child: Child): void {
    this.add(child);
    child.drain(limits.reloadDrainMaxMs, { isReplaced: true });
    this.#hurryOldest();
  }

  /**
   * Tells the manager to make room for one of the plan `next`. One that answers elsewhere takes over no socket file:
   * left there, it would look like a program that hangs.
   */
  retireManager(child: Child, next: ChildPlan): void {
    this.add(child);
    const isReplaced = adminOf(next) === adminOf(child.plan);
    child.drain(limits.drainMaxMs, { isReplaced });
  }

  /**
   * Each old worker takes the memory of one that serves, and reloads may follow one another quickly: within
   * `drainMaxMs` as many again may be there, and the oldest of more end at once.
   */
  #hurryOldest(): void {
    const old = this.all.filter(({ plan, draining }) => plan.address !== "manager" && draining);
    old.sort((one, other) => workerIndexOf(one.plan.address) - workerIndexOf(other.plan.address));
    for (const [index, child] of old.entries()) {
      const newer = old.length - 1 - index;
      if (newer >= 2 * this.#workersMax) child.drain(0, { isReplaced: true });
      else if (newer >= this.#workersMax) child.drain(limits.drainMaxMs, { isReplaced: true });
    }
  }
}

function adminOf({ configure }: ChildPlan): string {
  return configure.config.listen.admin;
}

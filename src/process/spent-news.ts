import { shareFairly } from "../base/fair-shares.ts";
import { limits } from "../config/limits.ts";
import type { Spent, SpentSomewhere } from "./messages.ts";

/**
 * Passes on to all workers what each of them tells of clients' rates, who reach each other by the manager alone: at
 * once, and where there is more of it than `rateAtOnceMax`, what comes within `rateGatherMs` in one message, until there
 * is none; of no more than `rateNewsMax` clients a tick, which the workers share. So what it costs the supervisor, through
 * which all of it goes, does not grow with their number squared.
 */
export class SpentNews {
  readonly #send: (spent: readonly SpentSomewhere[]) => void;
  /** By worker, those first that were passed on the longest ago; of each no more than it may tell at once. */
  readonly #waiting = new Map<number, Spent[]>();
  #timer: NodeJS.Timeout | undefined;
  /** Messages passed on at once since nothing was waiting. */
  #atOnce = 0;
  /** Of how many clients may be told until the next look. */
  #places = placesOfALook();

  constructor(send: (spent: readonly SpentSomewhere[]) => void) {
    this.#send = send;
  }

  /** A worker tells. What it tells beyond what waits of it already is lost: it tells more than it has agreed to. */
  hear(worker: number, spent: readonly Spent[]): void {
    if (spent.length === 0) return;
    const waiting = this.#waiting.get(worker) ?? [];
    waiting.push(...spent.slice(0, limits.rateNewsMax - waiting.length));
    this.#waiting.set(worker, waiting);
    this.#timer ??= setInterval(() => this.#look(), limits.rateGatherMs);
    if (this.#atOnce >= limits.rateAtOnceMax || this.#places === 0) return;
    this.#atOnce += 1;
    this.#pass();
  }

  #look(): void {
    this.#places = placesOfALook();
    if (this.#waiting.size > 0) {
      this.#pass();
      return;
    }
    if (this.#atOnce === 0) {
      clearInterval(this.#timer);
      this.#timer = undefined;
    }
    this.#atOnce = 0;
  }

  #pass(): void {
    const passed: SpentSomewhere[] = [];
    shareFairly([...this.#waiting], this.#places, ([worker, waiting], most) => {
      const news = waiting.splice(0, most);
      for (const each of news) passed.push({ worker, ...each });
      if (news.length > 0) this.#waiting.delete(worker);
      if (waiting.length > 0) this.#waiting.set(worker, waiting);
      return news.length;
    });
    this.#places -= passed.length;
    this.#send(passed);
  }
}

function placesOfALook(): number {
  return Math.floor((limits.rateNewsMax * limits.rateGatherMs) / limits.tickMs);
}

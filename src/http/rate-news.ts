import type { Deadlines, Timed } from "../backend/deadlines.ts";
import { shareFairly } from "../base/fair-shares.ts";
import { limits } from "../config/limits.ts";
import type { Spent } from "../process/messages.ts";
import type { RateLimiter } from "./rate-limiter.ts";

/**
 * What the workers tell each other of what clients have spent, so that one with many connections has one rate: at once,
 * so that requests one after the other are counted as by one worker; where there is more of it than `rateAtOnceMax`, once a tick, until one has nothing to tell.
 * Of no more clients in a tick than its part of the `rateNewsMax` of all workers, which the limits share, of the others a tick later. Until it is told, and while nobody passes it on, each
 * worker counts by itself; no request waits for it.
 */
export class RateNews implements Timed {
  readonly #deadlines: Deadlines;
  readonly #tell: (spent: readonly Spent[]) => void;
  /** How many clients it may tell of in a tick. */
  readonly #most: number;
  /** What was told at once, since a tick that had nothing to tell. */
  #atOnce = 0;
  /** By scope, those first that were told of the longest ago. */
  readonly #limiters = new Map<string, RateLimiter>();

  /** @param workers How many tell each other. */
  constructor(deadlines: Deadlines, tell: (spent: readonly Spent[]) => void, workers: number) {
    this.#deadlines = deadlines;
    this.#tell = tell;
    this.#most = Math.max(1, Math.floor(limits.rateNewsMax / workers));
  }

  /** What is spent of this limit is told from now on, until {@link close}. */
  share(scope: string, limiter: RateLimiter): void {
    this.#limiters.set(scope, limiter);
    limiter.whenNews(() => {
      this.#deadlines.watch(this);
      if (this.#atOnce >= Math.min(limits.rateAtOnceMax, this.#most)) return;
      this.#atOnce += 1;
      this.#tellOf(1);
    });
  }

  tick(): void {
    if (this.#hasNews) {
      this.#tellOf(this.#most);
      return;
    }
    if (this.#atOnce === 0) this.#deadlines.forget(this);
    this.#atOnce = 0;
  }

  get #hasNews(): boolean {
    return [...this.#limiters.values()].some(({ hasNews }) => hasNews);
  }

  #tellOf(clients: number): void {
    const spent: Spent[] = [];
    const talking = [...this.#limiters].filter(([, { hasNews }]) => hasNews);
    shareFairly(talking, clients, ([scope, limiter], most) => {
      const news = limiter.takeNews(most);
      for (const each of news) spent.push({ scope, ...each });
      if (news.length > 0) this.#comesLast(scope, limiter);
      return news.length;
    });
    if (spent.length > 0) this.#tell(spent);
  }

  /** Another worker tells; limits that this one does not have are another configuration's. */
  hear(spent: readonly Spent[], now: number): void {
    for (const each of spent) this.#limiters.get(each.scope)?.hear(each, now);
  }

  close(): void {
    this.#deadlines.forget(this);
  }

  #comesLast(scope: string, limiter: RateLimiter): void {
    this.#limiters.delete(scope);
    this.#limiters.set(scope, limiter);
  }
}

import type { Deadlines, Timed } from "../backend/deadlines.ts";
import { shareFairly } from "../base/fair-shares.ts";
import { limits } from "../config/limits.ts";
import type { Spent } from "../process/messages.ts";
import type { RateLimiter } from "./rate-limiter.ts";

/**
 * What the workers tell each other of what clients have spent, so that one with many connections has one rate: once a tick,
 * no more than its part of the `rateNewsMax` clients of all workers, which the limits share, the others a tick later. Until it is told, and while nobody passes it on, each
 * worker counts by itself; no request waits for it.
 */
export class RateNews implements Timed {
  readonly #deadlines: Deadlines;
  readonly #tell: (spent: readonly Spent[]) => void;
  /** How many clients it may tell of in a tick. */
  readonly #most: number;
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
    limiter.whenNews(() => this.#deadlines.watch(this));
  }

  tick(): void {
    const spent: Spent[] = [];
    const talking = [...this.#limiters].filter(([, { hasNews }]) => hasNews);
    shareFairly(talking, this.#most, ([scope, limiter], most) => {
      const news = limiter.takeNews(most);
      for (const each of news) spent.push({ scope, ...each });
      if (news.length > 0) this.#comesLast(scope, limiter);
      return news.length;
    });
    if (spent.length > 0) this.#tell(spent);
    if (![...this.#limiters.values()].some(({ hasNews }) => hasNews)) this.#deadlines.forget(this);
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

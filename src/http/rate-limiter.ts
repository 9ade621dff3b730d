import { RecentMap } from "../base/recent-map.ts";
import { type Rate, TokenBucket } from "../base/token-bucket.ts";
import { limits } from "../config/limits.ts";
import type { RateLimit } from "../config/rules.ts";

interface Counted {
  readonly bucket: TokenBucket;
  usedAt: number;
}

/**
 * Counts the requests of each client against one limit. Forgets a client only when its bucket is full
 * again, which is as if it had never come: so nobody gains by filling the table. While it is full of others,
 * newcomers share a few buckets, of which nobody can choose one that is not in use.
 */
export class RateLimiter {
  readonly #rate: Rate;
  readonly #capacity: number;
  /** From empty to full. */
  readonly #refillMs: number;
  readonly #clients: RecentMap<string, Counted>;
  readonly #shared: TokenBucket[] = [];
  readonly #salt: number;

  /** @param salt Any number that strangers do not know. */
  constructor(
    { requests, perMs, burst }: Omit<RateLimit, "scope">,
    salt: number,
    capacity = limits.rateClientsMax,
  ) {
    this.#rate = { burst, everyMs: perMs / requests };
    this.#capacity = capacity;
    this.#refillMs = burst * this.#rate.everyMs;
    this.#clients = new RecentMap(capacity);
    this.#salt = salt;
  }

  /** Counts a request of `client` at `now`: 0 when it may go on, else milliseconds until another one may. */
  take(client: string, now: number): number {
    const bucket = this.#bucketOf(client, now);
    return bucket.take(now) ? 0 : bucket.waitMs(now);
  }

  /** How many clients are told apart. */
  get size(): number {
    return this.#clients.size;
  }

  #bucketOf(client: string, now: number): TokenBucket {
    const known = this.#clients.get(client);
    if (known !== undefined) {
      known.usedAt = now;
      return known.bucket;
    }
    if (this.#clients.size >= this.#capacity && !this.#isOldestFull(now))
      return this.#share(client, now);
    const bucket = new TokenBucket(this.#rate, now);
    this.#clients.set(client, { bucket, usedAt: now });
    return bucket;
  }

  /** The one that came the longest ago is the one that is full first, and the one that makes room. */
  #isOldestFull(now: number): boolean {
    for (const [, { usedAt }] of this.#clients) return now - usedAt >= this.#refillMs;
    return true;
  }

  #share(client: string, now: number): TokenBucket {
    let hash = this.#salt;
    for (let index = 0; index < client.length; index += 1)
      hash = Math.imul(hash ^ client.charCodeAt(index), 16_777_619);
    const place = (hash >>> 0) % limits.rateSharedBuckets;
    const bucket = this.#shared[place] ?? new TokenBucket(this.#rate, now);
    this.#shared[place] = bucket;
    return bucket;
  }
}

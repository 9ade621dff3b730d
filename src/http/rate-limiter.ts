import { RecentMap } from "../base/recent-map.ts";
import { type Rate, TokenBucket } from "../base/token-bucket.ts";
import { limits } from "../config/limits.ts";
import type { RateLimit } from "../config/rules.ts";
import type { Spent } from "../process/messages.ts";

/** What one client has spent of this limit in one worker. */
type ClientSpent = Omit<Spent, "scope">;

interface Counted {
  readonly bucket: TokenBucket;
  usedAt: number;
  /** What this worker may let pass without a word, where there are several. */
  readonly share: TokenBucket | undefined;
  /** Does everything that it spends matter to the others? */
  isTold: boolean;
  /** What was spent here that the others have not been told. */
  untold: number;
}

/**
 * Counts the requests of each client against one limit. Forgets a client only when its bucket is full
 * again, which is as if it had never come: so nobody gains by filling the table. While it is full of others,
 * newcomers share a few buckets, of which nobody can choose one that is not in use.
 *
 * Workers that share a limit tell each other, by {@link takeNews} and {@link hear}, what clients have spent: nothing of one
 * that has something left of its worker's part of the limit, since all the parts together are the limit; everything, also
 * what it has spent before, of one that does not, or of whom another worker tells, until it could have its whole burst again.
 */
export class RateLimiter {
  readonly #rate: Rate;
  readonly #capacity: number;
  /** From empty to full. */
  readonly #refillMs: number;
  readonly #clients: RecentMap<string, Counted>;
  readonly #shared: TokenBucket[] = [];
  readonly #salt: number;
  /** Of each worker; `undefined`: there is but one. */
  readonly #part: Rate | undefined;
  /** Clients of whom there is something to tell: some of those that are known. */
  readonly #talk = new Set<string>();
  #newsBegan: () => void = () => {};

  /**
   * @param salt Any number that strangers do not know.
   * @param sharers How many workers share the limit.
   */
  constructor(
    { requests, perMs, burst }: Omit<RateLimit, "scope">,
    salt: number,
    capacity = limits.rateClientsMax,
    sharers = 1,
  ) {
    this.#rate = { burst, everyMs: perMs / requests };
    this.#part =
      sharers === 1 ? undefined : { burst: burst / sharers, everyMs: this.#rate.everyMs * sharers };
    this.#capacity = capacity;
    // What others tell may be owed, up to a burst.
    this.#refillMs = burst * this.#rate.everyMs * (sharers === 1 ? 1 : 2);
    this.#clients = new RecentMap(capacity);
    this.#salt = salt;
  }

  /** Counts a request of `client` at `now`: 0 when it may go on, else milliseconds until another one may. */
  take(client: string, now: number): number {
    const counted = this.#countedOf(client, now);
    const bucket = counted?.bucket ?? this.#share(client, now);
    const share = counted?.share;
    if (counted !== undefined && share?.missing(now) === 0 && bucket.missing(now) === 0) {
      counted.isTold = false; // what it spent before matters to nobody
      counted.untold = 0;
    }
    if (!bucket.take(now)) return bucket.waitMs(now);
    if (counted !== undefined && share !== undefined) this.#spend(client, counted, share, now);
    return 0;
  }

  /** Is there anything that other workers should know? */
  get hasNews(): boolean {
    return this.#talk.size > 0;
  }

  /** Calls `began` whenever there is some news where there was none. */
  whenNews(began: () => void): void {
    this.#newsBegan = began;
  }

  /** What clients have spent since the last time, of `max` of them. */
  takeNews(max: number): readonly ClientSpent[] {
    const news: ClientSpent[] = [];
    for (const client of this.#talk) {
      if (news.length >= max) break;
      this.#talk.delete(client);
      const counted = this.#clients.peek(client);
      if (counted === undefined || counted.untold === 0) continue;
      news.push({ client, count: counted.untold });
      counted.untold = 0;
    }
    return news;
  }

  /** Another worker let so many of the client's requests pass. Nobody is known by this when the table is full. */
  hear({ client, count }: ClientSpent, now: number): void {
    const counted = this.#countedOf(client, now);
    if (counted === undefined) return;
    if (!counted.isTold) beginToTell(counted, now);
    counted.bucket.owe(count, now);
    if (counted.untold > 0) this.#talkOf(client);
  }

  /** How many clients are told apart. */
  get size(): number {
    return this.#clients.size;
  }

  #spend(client: string, counted: Counted, share: TokenBucket, now: number): void {
    counted.untold += 1;
    const isWithin = share.take(now) && share.has(now);
    if (!isWithin && !counted.isTold) beginToTell(counted, now);
    if (counted.isTold) this.#talkOf(client);
  }

  #talkOf(client: string): void {
    const isFirst = !this.hasNews;
    this.#talk.add(client);
    if (isFirst) this.#newsBegan();
  }

  /** `undefined`: there is no room for another client. */
  #countedOf(client: string, now: number): Counted | undefined {
    const known = this.#clients.get(client);
    if (known !== undefined) {
      known.usedAt = now;
      return known;
    }
    if (this.#clients.size >= this.#capacity && !this.#makeRoom(now)) return undefined;
    const share = this.#part && new TokenBucket(this.#part, now);
    const bucket = new TokenBucket(this.#rate, now);
    const counted = { bucket, usedAt: now, share, isTold: false, untold: 0 };
    this.#clients.set(client, counted);
    return counted;
  }

  /** The one that came the longest ago is the one that is full first, and the one that makes room. */
  #makeRoom(now: number): boolean {
    for (const [client, { usedAt }] of this.#clients) {
      if (now - usedAt < this.#refillMs) return false;
      this.#clients.delete(client);
      this.#talk.delete(client);
      return true;
    }
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

/** From now on everything that it spends is told, and what it had spent before, as far as it has not had it again. */
function beginToTell(counted: Counted, now: number): void {
  counted.isTold = true;
  counted.untold = Math.min(counted.untold, Math.ceil(counted.bucket.missing(now)));
}

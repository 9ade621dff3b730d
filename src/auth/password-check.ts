import { createHmac, randomBytes } from "node:crypto";
import { Deadline } from "../base/clock.ts";
import { isPasswordOf, type PasswordHash } from "../base/password-hash.ts";
import { RecentMap } from "../base/recent-map.ts";
import { Semaphore } from "../base/semaphore.ts";
import { SingleFlight } from "../base/single-flight.ts";
import { TokenBucket } from "../base/token-bucket.ts";
import { limits } from "../config/limits.ts";
import type { BasicCredentials } from "./basic-credentials.ts";
import type { Users } from "./users.ts";

/** What a look at a password has come to. */
export type PasswordOutcome =
  | { readonly kind: "right" }
  | { readonly kind: "wrong" }
  /** This client has guessed too often; its next guess is looked at after `waitMs`. */
  | { readonly kind: "too-often"; readonly waitMs: number }
  /** Too many guesses are looked at already. */
  | { readonly kind: "busy" };

const RIGHT = { kind: "right" } as const;
const WRONG = { kind: "wrong" } as const;
const BUSY = { kind: "busy" } as const;
/** Somebody else may wait for the same outcome: who leaves ends nothing. */
const NEVER = new AbortController().signal;

/**
 * Looks at passwords, for all hosts of a worker: a few at once and off the event loop, wrong ones counted
 * by client. Whoever was right is known again for a while, by a keyed hash in memory: the key is made at
 * the start and goes nowhere, the password is not kept.
 */
export class PasswordCheck {
  readonly #now: () => number;
  readonly #key = randomBytes(32);
  /** Until when a right password is believed, by its keyed hash. */
  readonly #right = new RecentMap<string, number>(limits.passwordMemoryMax);
  /** The guesses left to each client. */
  readonly #guesses = new RecentMap<string, TokenBucket>(limits.passwordClientsMax);
  /** The same guess twice at once, as of a page with many parts, is one. */
  readonly #flights = new SingleFlight<string, PasswordOutcome>();
  readonly #turns = new Semaphore(limits.passwordChecksMax);
  #pending = 0;

  /** @param now Milliseconds since the epoch. */
  constructor(now: () => number) {
    this.#now = now;
  }

  /**
   * Is it so? At once for who was right a moment ago; a promise that never rejects for all others.
   * `client` is whom a wrong password is counted against.
   */
  check(
    users: Users,
    { user, password }: BasicCredentials,
    client: string,
  ): PasswordOutcome | Promise<PasswordOutcome> {
    const hash = users.hashes.get(user) ?? users.decoy;
    const key = createHmac("sha256", this.#key)
      .update(JSON.stringify([hash.text, user, password]))
      .digest("base64");
    if ((this.#right.get(key) ?? 0) > this.#now()) return RIGHT;
    return this.#flights.run(`${client} ${key}`, () => this.#guess(hash, password, key, client));
  }

  async #guess(
    hash: PasswordHash,
    password: string,
    key: string,
    client: string,
  ): Promise<PasswordOutcome> {
    if (this.#pending >= limits.passwordChecksMax + limits.passwordQueueMax) return BUSY;
    const bucket = this.#bucketOf(client);
    // Taken before it is known to be wrong: guesses that come all at once are as many.
    if (!bucket.take(this.#now())) return { kind: "too-often", waitMs: bucket.waitMs(this.#now()) };
    this.#pending += 1;
    try {
      using turn = new Deadline(NEVER, limits.passwordWaitMs);
      const isRight = await this.#turns.run(() => isPasswordOf(hash, password), turn.signal);
      if (!isRight) return WRONG;
    } catch {
      bucket.giveBack(this.#now());
      return BUSY; // no turn in time, or no memory to hash with
    } finally {
      this.#pending -= 1;
    }
    bucket.giveBack(this.#now());
    this.#right.set(key, this.#now() + limits.passwordMemoryMs);
    return RIGHT;
  }

  #bucketOf(client: string): TokenBucket {
    const known = this.#guesses.get(client);
    if (known !== undefined) return known;
    const { passwordGuessesBurst: burst, passwordGuessEveryMs: everyMs } = limits;
    const bucket = new TokenBucket({ burst, everyMs }, this.#now());
    this.#guesses.set(client, bucket);
    return bucket;
  }
}

import type { LookupAddress } from "node:dns";
import type { LookupFunction } from "node:net";
import type { Clock } from "../base/clock.ts";
import { LatchkeyError, messageOf } from "../base/errors.ts";
import { firstOfEach } from "../base/first-addresses.ts";
import { formatTime } from "../base/format-time.ts";
import type { Log } from "../base/log.ts";
import { Semaphore } from "../base/semaphore.ts";
import { SingleFlight } from "../base/single-flight.ts";
import { limits } from "../config/limits.ts";
import { type Follower, Followers } from "./followers.ts";

/** Where a name leads, and for how long. */
export interface Found {
  /** In the order to be tried (RFC 6724); at least one. */
  readonly addresses: readonly LookupAddress[];
  /** As long as its zone says that this holds; `undefined`: whoever answered says nothing of it. */
  readonly ttlMs: number | undefined;
}

/** What names of backends need from their surroundings. */
export interface NameSteps {
  find(name: string): Promise<Found>;
  readonly clock: Clock;
  readonly log: Log;
}

/** The last good answer for a name. */
interface Known {
  /** Those that are dialled. */
  readonly addresses: readonly LookupAddress[];
  /** All of them: as many as an answer of DNS has room for. */
  readonly all: ReadonlySet<string>;
  readonly foundAt: number;
  /** When it is asked for again. */
  freshUntil: number;
  /** When the first question went unanswered since; `undefined`: none did. */
  lostAt: number | undefined;
  /** Why nobody knows it, once the last good answer is too old as well: said until `freshUntil`, without a question. */
  failure: LatchkeyError | undefined;
}

const never = new AbortController().signal;

/**
 * Where the names of backends lead. An answer holds for its TTL; after that the name is asked for again, and while
 * nobody answers, or its server knows it no more, the last good one is used, for {@link limits.nameKeptMs}. One
 * question at a time for each name, and few at once: the system's resolver takes a thread of the process for each,
 * for as long as it waits. While anybody follows a name it is asked for again whether it is looked up or not, so that
 * those who need no new connection hear as well that it leads elsewhere.
 */
export class BackendNames {
  readonly #steps: NameSteps;
  readonly #known = new Map<string, Known>();
  readonly #asking = new SingleFlight<string, Known>();
  readonly #places = new Semaphore(limits.nameLookupsMax);
  readonly #followers = new Followers();
  /** Ends the questions for those that follow. */
  #watch: AbortController | undefined;

  constructor(steps: NameSteps) {
    this.#steps = steps;
  }

  /** For `net.connect` and `tls.connect`, which try the addresses in turn (RFC 8305). */
  readonly lookup: LookupFunction = (name, { all = false }, callback) => {
    const known = this.#known.get(name);
    if (known !== undefined && this.#isFresh(known)) {
      if (known.failure === undefined) tell(known, all, callback);
      else callback(known.failure, []);
    } else {
      this.#again(name, known).then(
        (found) => tell(found, all, callback),
        (error) => callback(error, []),
      );
    }
  };

  /** No address of the name took a connection: maybe it leads elsewhere by now. */
  doubt(name: string): void {
    const known = this.#known.get(name);
    if (known === undefined) return;
    known.freshUntil = Math.min(known.freshUntil, known.foundAt + limits.nameTtlMinMs);
  }

  /**
   * Tells `follower`, which has got to `address`, when the name leads there no more: when its answers were without it for
   * {@link limits.nameGoneMs}; until {@link leave}.
   */
  follow(name: string, address: string, follower: Follower): void {
    // It may have moved while the connection was made.
    this.#followers.add(name, address, follower, this.#known.get(name));
    if (this.#watch !== undefined || this.#followers.isEmpty) return;
    this.#watch = new AbortController();
    void this.#keepUp(this.#watch.signal);
  }

  /** It is gone from there. */
  leave(name: string, follower: Follower): void {
    this.#followers.delete(name, follower);
    if (!this.#followers.isEmpty) return;
    this.#watch?.abort();
    this.#watch = undefined;
  }

  /** Asks for one name after the other, so that those that nobody answers for hold up no other question. */
  async #keepUp(stop: AbortSignal): Promise<void> {
    for (;;) {
      await this.#steps.clock.sleep(limits.nameTtlMinMs, stop).catch(() => {});
      for (const name of this.#followers.names) {
        if (stop.aborted) return;
        const known = this.#known.get(name);
        if (known !== undefined && this.#isFresh(known)) continue;
        await this.#asking.run(name, () => this.#ask(name)).catch(() => {}); // told by itself
      }
      if (stop.aborted) return;
    }
  }

  /** A clock that was set back must not make it last. */
  #isFresh({ freshUntil }: Known): boolean {
    const leftMs = freshUntil - this.#steps.clock.now();
    return leftMs > 0 && leftMs <= limits.nameTtlMaxMs;
  }

  /** May it still be used where no newer answer is to be had? */
  #isKept({ lostAt }: Known): boolean {
    return lostAt === undefined || Math.abs(this.#steps.clock.now() - lostAt) < limits.nameKeptMs;
  }

  /** Waits for the answer, but with an older one not for long. */
  async #again(name: string, known: Known | undefined): Promise<Known> {
    const asked = this.#asking.run(name, () => this.#ask(name));
    if (known === undefined || !this.#isKept(known)) return await asked;
    const waited = new AbortController();
    const patience = this.#steps.clock.sleep(limits.nameWaitMs, waited.signal);
    try {
      return await Promise.race([asked, patience.then(() => known)]);
    } finally {
      waited.abort();
      patience.catch(() => {});
    }
  }

  async #ask(name: string): Promise<Known> {
    const { find, clock } = this.#steps;
    const before = this.#known.get(name);
    const askedAt = clock.now();
    try {
      const { addresses, ttlMs = limits.nameTtlMs } = await this.#places.run(
        () => find(name),
        never,
      );
      const foundAt = clock.now();
      const heldMs = Math.min(limits.nameTtlMaxMs, Math.max(limits.nameTtlMinMs, ttlMs));
      const found = {
        addresses: firstOfEach(addresses, limits.nameAddressesMax),
        all: new Set(addresses.map(({ address }) => address)),
        ...{ foundAt, freshUntil: foundAt + heldMs, lostAt: undefined, failure: undefined },
      };
      this.#keep(name, found);
      this.#followers.move(name, found);
      if (before?.lostAt !== undefined) this.#steps.log.info("backend.name-found", { name });
      return found;
    } catch (cause) {
      if (before === undefined) throw unresolved(name, cause);
      if (before.lostAt === undefined) {
        before.lostAt = askedAt;
        this.#tellLost(name, before.addresses, askedAt + limits.nameKeptMs, cause);
      }
      if (!this.#isKept(before)) {
        before.failure = unresolved(name, cause);
        before.freshUntil = clock.now() + limits.nameRetryMs;
        throw before.failure;
      }
      const keptUntil = before.lostAt + limits.nameKeptMs;
      before.freshUntil = Math.min(clock.now() + limits.nameRetryMs, keptUntil);
      return before;
    }
  }

  #tellLost(name: string, addresses: Found["addresses"], keptUntil: number, cause: unknown): void {
    this.#steps.log.warn("backend.name-lost", {
      name,
      reason: messageOf(cause),
      addresses: addresses.map(({ address }) => address).join(" "),
      keptUntil: formatTime(keptUntil),
    });
  }

  /** The names are those of the configuration, and of those before it: few, but not for ever. */
  #keep(name: string, found: Known): void {
    this.#known.delete(name);
    this.#known.set(name, found);
    const [oldest] = this.#known.keys();
    if (this.#known.size > limits.namesMax && oldest !== undefined) this.#known.delete(oldest);
  }
}

type Told = Parameters<LookupFunction>[2];

function tell({ addresses }: Known, all: boolean, callback: Told): void {
  const [first] = addresses;
  if (all) callback(null, [...addresses]);
  else callback(null, first?.address ?? "", first?.family);
}

function unresolved(name: string, cause: unknown): LatchkeyError {
  const message = `Cannot find the addresses of ${name}: ${messageOf(cause)}`;
  return new LatchkeyError("BACKEND_UNREACHABLE", message, { name }, { cause });
}

import type { Clock } from "../base/clock.ts";
import { failureFacts, type Log } from "../base/log.ts";
import { Semaphore } from "../base/semaphore.ts";
import { limits } from "../config/limits.ts";
import { type Sight, type SightSteps, sightOfCause } from "./cause-sight.ts";
import type { Holdings } from "./holdings.ts";
import { wasInterrupted } from "./interrupted.ts";
import { ProviderLooks } from "./provider-looks.ts";
import type { Holding } from "./records.ts";

/** What the preflight needs from its surroundings. */
export interface PreflightSteps extends Omit<SightSteps, "lookAtProvider"> {
  readonly holdings: Holdings;
  /** Writes down what was learnt of a name's failure. Never rejects. */
  remember(holding: Holding): Promise<void>;
  /** URL of the directory of the CA that is asked next for this name. */
  directoryFor(holding: Holding): string | undefined;
  /** Rings the renewal loop: an attempt moved. */
  moved(): void;
  readonly clock: Clock;
  readonly log: Log;
  /** 0 to 1. */
  random(): number;
}

const ACME = "urn:ietf:params:acme:error:";

/**
 * Between attempts, without any traffic to a CA: looks every 10 minutes whether what made a name fail is gone, and
 * then its attempt is due. Only a cause that was seen from here counts as gone: one that we never
 * saw (the CA looks from elsewhere) would bring the next failure forward, again and again. So each is looked at
 * when it has just made a name fail, too, and that it was seen is remembered on disk.
 */
export class Preflight {
  readonly #steps: PreflightSteps;
  readonly #providers: ProviderLooks;
  readonly #slots = new Semaphore(limits.preflightInFlightMax);
  /** For those that have just failed: they do not wait behind a round. */
  readonly #ownSlots = new Semaphore(limits.preflightInFlightMax);
  /** One look at a time for each name: workers answer the latest challenge of a host, so that two would hide each other. */
  readonly #turns = new WeakMap<Holding, Semaphore>();

  constructor(steps: PreflightSteps) {
    this.#steps = steps;
    this.#providers = new ProviderLooks(steps.clock);
  }

  /** Looks until the signal ends it, at once to begin with: a program of before may not have seen a repair. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, random } = this.#steps;
    while (!signal.aborted) {
      const everyMs = limits.preflightEveryMs * (1 - limits.jitter * random());
      const nextAt = clock.now() + everyMs;
      await this.lookAtAll(signal);
      // From start to start; a clock that was set back meanwhile must not make it longer.
      const leftMs = Math.min(Math.max(0, nextAt - clock.now()), everyMs);
      await clock.sleep(leftMs, signal).catch(() => undefined);
    }
  }

  /** One round over every name that waits after a failure. Never rejects. */
  async lookAtAll(signal: AbortSignal): Promise<void> {
    this.#providers.beginRound();
    const now = this.#steps.clock.now();
    const waiting = [...this.#steps.holdings.all()].filter((holding) => isWaiting(holding, now));
    await Promise.all(
      waiting.map((holding) =>
        this.#tolerate(holding, signal, () =>
          this.#slots.run(
            () => this.#inTurn(holding, signal, () => this.#lookAt(holding, signal)),
            signal,
          ),
        ),
      ),
    );
  }

  /** Looks once at what has just made a name fail, so that it is news when it is gone. Brings nothing forward. Never rejects. */
  async lookAfterFailure(holding: Holding, signal: AbortSignal): Promise<void> {
    const isSeen = holding.cause?.seenAt !== undefined;
    if (isSeen || !isWaiting(holding, this.#steps.clock.now())) return;
    await this.#tolerate(holding, signal, () =>
      this.#ownSlots.run(
        () => this.#inTurn(holding, signal, async () => void (await this.#see(holding, signal))),
        signal,
      ),
    );
  }

  /** In a slot already: a name that waits for one must not keep its turn from the other kind of look. */
  #inTurn(holding: Holding, signal: AbortSignal, look: () => Promise<void>): Promise<void> {
    const turn = this.#turns.getOrInsertComputed(holding, () => new Semaphore(1));
    return turn.run(look, signal);
  }

  async #lookAt(holding: Holding, signal: AbortSignal): Promise<void> {
    const isGone = (await this.#see(holding, signal)) === "gone";
    if (isGone && holding.cause?.seenAt !== undefined && this.#mayHurry(holding))
      this.#bringForward(holding);
  }

  /** What is to be seen of the cause now, which is remembered; `undefined`: it is not what the name waits for any more. */
  async #see(holding: Holding, signal: AbortSignal): Promise<Sight | undefined> {
    const { cause } = holding;
    if (cause === undefined) return undefined;
    const steps: SightSteps = {
      ...this.#steps,
      lookAtProvider: (place, host) => this.#providers.look(place, host, signal),
    };
    const sight = await this.#inTime(
      (inTime) => sightOfCause(steps, holding, cause.type, inTime),
      signal,
    );
    if (holding.cause !== cause || holding.isOrdering) return undefined;
    if (sight === "there" && cause.seenAt === undefined) {
      holding.cause = { ...cause, seenAt: this.#steps.clock.now() };
      await this.#steps.remember(holding);
    }
    return sight;
  }

  /** Other names wait for the place: a look that takes too long is given up, and tells nothing. */
  async #inTime(
    look: (signal: AbortSignal) => Promise<Sight>,
    signal: AbortSignal,
  ): Promise<Sight> {
    const late = new AbortController();
    const over = new AbortController();
    void this.#steps.clock
      .sleep(limits.preflightLookTimeoutMs, AbortSignal.any([signal, over.signal]))
      .then(
        () => late.abort(),
        () => undefined,
      );
    try {
      return await look(AbortSignal.any([signal, late.signal]));
    } catch (error) {
      signal.throwIfAborted();
      if (late.signal.aborted) return "unclear";
      throw error;
    } finally {
      over.abort();
    }
  }

  /** The program may have ended because of the attempt: then another one comes forward once a day, and not at each start. */
  #mayHurry(holding: Holding): boolean {
    if (!wasInterrupted(holding)) return true;
    const now = this.#steps.clock.now();
    if (wasHurried(holding, now)) return false;
    holding.hurriedAt = now; // on disk before the CA hears of the attempt
    return true;
  }

  async #tolerate(holding: Holding, signal: AbortSignal, look: () => Promise<void>): Promise<void> {
    try {
      await look();
    } catch (error) {
      const { host } = holding;
      if (!signal.aborted)
        this.#steps.log.warn("preflight.failed", { host, ...failureFacts(error) });
    }
  }

  /** Storage can be written into again: the attempts of all names that could not write are due. */
  storageIsBack(): void {
    this.#clear("STORAGE_FAILED", () => true);
  }

  /**
   * A CA has just issued: what failed by trouble of its own a while ago is due. Not what failed just now: one that
   * answers well half of the time would be asked without a pause. Not before the time that it named, and each name
   * once in the longest step of the ladder: the trouble may be with this name alone.
   *
   * @param directory its URL.
   */
  caWorks(directory: string): void {
    const now = this.#steps.clock.now();
    this.#clear(`${ACME}serverInternal`, (holding) => {
      const failedAt = Date.parse(holding.lastError?.at ?? "");
      const isMeant =
        now - failedAt >= limits.preflightEveryMs &&
        !wasHurried(holding, now) &&
        now >= (holding.turn?.waits[directory] ?? 0) &&
        this.#steps.directoryFor(holding) === directory;
      if (isMeant) holding.hurriedAt = now; // on disk before the CA hears of the attempt
      return isMeant;
    });
  }

  #clear(type: string, isMeant: (holding: Holding) => boolean): void {
    const now = this.#steps.clock.now();
    for (const holding of this.#steps.holdings.all()) {
      const isOfIt = holding.lastError?.type === type && isWaiting(holding, now);
      if (isOfIt && isMeant(holding)) this.#bringForward(holding);
    }
  }

  #bringForward(holding: Holding): void {
    const { host, lastError } = holding;
    holding.nextAttemptAt = this.#steps.clock.now();
    this.#steps.log.info("preflight.cleared", { host, type: lastError?.type });
    this.#steps.moved();
  }
}

/** A clock that was set back must not make it last. */
function wasHurried({ hurriedAt }: Holding, now: number): boolean {
  return hurriedAt !== undefined && Math.abs(now - hurriedAt) < limits.refusedMaxMs;
}

/** Failed, and its next attempt, which the loop makes by itself, is some time away. */
function isWaiting(holding: Holding, now: number): boolean {
  const { lastError, waiting, isOrdering, nextAttemptAt } = holding;
  const isKept = holding.listed || holding.certificate !== undefined;
  if (!isKept || isOrdering || lastError === undefined || waiting !== undefined) return false;
  return nextAttemptAt !== undefined && nextAttemptAt > now;
}

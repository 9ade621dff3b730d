import type { Clock } from "../base/clock.ts";
import { failureFacts, type Log } from "../base/log.ts";
import { Semaphore } from "../base/semaphore.ts";
import { limits } from "../config/limits.ts";
import { type SightSteps, sightOfCause } from "./cause-sight.ts";
import type { Holdings } from "./holdings.ts";
import type { Holding } from "./records.ts";

/** What the preflight needs from its surroundings. */
export interface PreflightSteps extends SightSteps {
  readonly holdings: Holdings;
  /** URL of the directory of the CA that is asked next for this name. */
  directoryFor(holding: Holding): string | undefined;
  /** Rings the renewal loop: an attempt moved. */
  moved(): void;
  readonly clock: Clock;
  readonly log: Log;
  /** 0 to 1. */
  random(): number;
}

/** What we saw of a failure since it happened. */
interface Watched {
  /** When it happened, as its record says. */
  readonly at: string;
  readonly wasSeen: boolean;
}

const ACME = "urn:ietf:params:acme:error:";
/** Causes that our own look found: it has seen them by that. */
const SEEN_BY_US: ReadonlySet<string> = new Set(["NAME_NOT_FOUND", "CHALLENGE_UNANSWERED"]);

/**
 * Between attempts, without any traffic to a CA: looks every 10 minutes whether what made a name fail is gone, and
 * then its attempt is due. Only a cause that was seen from here before counts as gone: one that we never
 * saw (the CA looks from elsewhere) would bring the next failure forward, again and again.
 */
export class Preflight {
  readonly #steps: PreflightSteps;
  readonly #watched = new WeakMap<Holding, Watched>();
  readonly #slots = new Semaphore(limits.preflightInFlightMax);

  constructor(steps: PreflightSteps) {
    this.#steps = steps;
  }

  /** Looks until the signal ends it. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, random } = this.#steps;
    while (!signal.aborted) {
      const waitMs = limits.preflightEveryMs * (1 - limits.jitter * random());
      await clock.sleep(waitMs, signal).catch(() => undefined);
      if (!signal.aborted) await this.lookAtAll(signal);
    }
  }

  /** One round over every name that waits after a failure. Never rejects. */
  async lookAtAll(signal: AbortSignal): Promise<void> {
    const now = this.#steps.clock.now();
    const waiting = [...this.#steps.holdings.all()].filter((holding) => isWaiting(holding, now));
    await Promise.all(
      waiting.map((holding) =>
        this.#slots
          .run(() => this.#lookAt(holding, signal), signal)
          .catch((error: unknown) => {
            const { host } = holding;
            if (!signal.aborted)
              this.#steps.log.warn("preflight.failed", { host, ...failureFacts(error) });
          }),
      ),
    );
  }

  async #lookAt(holding: Holding, signal: AbortSignal): Promise<void> {
    const { lastError } = holding;
    if (lastError === undefined) return;
    const { at, type } = lastError;
    const before = this.#watched.get(holding);
    const wasSeen = (before?.at === at && before.wasSeen) || SEEN_BY_US.has(type);
    const sight = await sightOfCause(this.#steps, holding, type, signal);
    this.#watched.set(holding, { at, wasSeen: wasSeen || sight === "there" });
    const isStillThis = holding.lastError === lastError && !holding.isOrdering;
    if (sight !== "gone" || !wasSeen || !isStillThis) return;
    this.#watched.set(holding, { at, wasSeen: false });
    this.#bringForward(holding);
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

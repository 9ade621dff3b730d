import type { CertificateName } from "../base/certificate-name.ts";
import type { Clock } from "../base/clock.ts";
import { failureFacts, type Log } from "../base/log.ts";
import type { Issuer } from "../config/config.ts";
import type { Attempts, FailureKind } from "../storage/attempts.ts";
import { type Holding, recallFailures } from "./records.ts";
import { retryTime } from "./schedule.ts";

/** A failure, judged: what the schedule and the operator want to know of it. */
export interface Failure {
  readonly kind: FailureKind;
  readonly type: string;
  readonly detail: string;
  readonly hint: string;
  readonly retryAfterMs: number | undefined;
}

/** What the memory needs from its surroundings. */
export interface AttemptSteps {
  readonly store: Pick<Attempts, "load" | "save" | "clear">;
  judge(error: unknown): Failure;
  /** Is there an order under way from before, which costs nothing to go on with? */
  hasOrder(host: CertificateName): Promise<boolean>;
  readonly clock: Clock;
  readonly log: Log;
  /** 0 to 1. */
  random(): number;
}

/** What stands on disk while an attempt is under way: read again only when it never ended. */
const INTERRUPTED = {
  type: "INTERRUPTED",
  detail: "The program ended while this certificate was being ordered",
  hint: "Nothing needs to be done; if it happens again and again, see why the program ends.",
};

/** With one issuer failing this often in a row, the next of the list has its turn. */
const ATTEMPTS_PER_ISSUER = 2;

/** How often and when: kept on disk per name, so that neither a restart nor a crash loop forgets it. */
export class AttemptMemory {
  readonly #steps: AttemptSteps;

  constructor(steps: AttemptSteps) {
    this.#steps = steps;
  }

  /**
   * At start: what happened before. An interrupted order may go on at once, and so may a first attempt
   * that was cut short before there was an order; a second one in a row waits, for the program may be
   * ending because of it.
   */
  async recall(holding: Holding): Promise<void> {
    const stored = await this.#steps.store.load(holding.host);
    if (stored === undefined) return;
    recallFailures(holding, stored);
    const wasCutShort = this.wasInterrupted(holding) && stored.attempts === 1;
    if (wasCutShort || (await this.#steps.hasOrder(holding.host)))
      holding.nextAttemptAt = undefined;
  }

  /** May an attempt be made now? */
  isDue(holding: Holding, now: number): boolean {
    return holding.nextAttemptAt === undefined || holding.nextAttemptAt <= now;
  }

  /** Did the program end during the last attempt, so that nobody knows how that went? */
  wasInterrupted({ lastError }: Holding): boolean {
    return lastError?.type === INTERRUPTED.type;
  }

  /** Nothing is tried before `at`; not a failure. */
  postpone(holding: Holding, at: number): void {
    holding.nextAttemptAt = at;
  }

  /**
   * Counts an attempt before it is made, as if it had failed already, and picks its issuer.
   *
   * @throws {LatchkeyError} `STORAGE_FAILED` when that cannot be written: then nothing is asked of a CA.
   */
  async begin(holding: Holding, issuers: readonly Issuer[]): Promise<Issuer> {
    const { host, attempts } = holding;
    holding.isOrdering = true;
    const issuer = issuers[Math.floor(attempts / ATTEMPTS_PER_ISSUER) % issuers.length];
    if (issuer === undefined) throw new TypeError(`No issuer for ${host}`);
    const counted = holding.failureKind === "refused" ? attempts + 1 : 1;
    const nextAttemptAt = this.#retryAt(holding, counted, "refused", undefined);
    const lastError = { ...INTERRUPTED, at: this.#steps.clock.now() };
    await this.#steps.store.save({
      host,
      kind: "refused",
      attempts: counted,
      nextAttemptAt,
      lastError,
    });
    return issuer;
  }

  /** The certificate is in use: nothing is remembered any more. */
  async succeeded(holding: Holding): Promise<void> {
    holding.attempts = 0;
    holding.nextAttemptAt = undefined;
    holding.lastError = undefined;
    holding.isRefused = false;
    try {
      await this.#steps.store.clear(holding.host);
    } catch (error) {
      this.#steps.log.error("storage.failed", { host: holding.host, ...failureFacts(error) });
    }
  }

  /** Remembers a failure and when to try again. Never rejects. */
  async failed(holding: Holding, error: unknown): Promise<void> {
    const { host } = holding;
    const now = this.#steps.clock.now();
    const { kind, type, detail, hint, retryAfterMs } = this.#steps.judge(error);
    holding.attempts = holding.failureKind === kind ? holding.attempts + 1 : 1;
    holding.failureKind = kind;
    holding.nextAttemptAt = this.#retryAt(holding, holding.attempts, kind, retryAfterMs);
    holding.lastError = { type, detail, hint, at: new Date(now).toISOString() };
    this.#steps.log.error("certificate.failed", {
      host,
      ...failureFacts(error),
      type,
      detail,
      hint,
      attempt: holding.attempts,
      nextAttemptAt: new Date(holding.nextAttemptAt).toISOString(),
    });
    try {
      const { attempts, nextAttemptAt } = holding;
      await this.#steps.store.save({
        host,
        kind,
        attempts,
        nextAttemptAt,
        lastError: { type, detail, hint, at: now },
      });
    } catch (cause) {
      this.#steps.log.error("storage.failed", { host, ...failureFacts(cause) });
    }
  }

  #retryAt(
    holding: Holding,
    attempts: number,
    kind: FailureKind,
    retryAfterMs: number | undefined,
  ): number {
    const now = this.#steps.clock.now();
    const lifeLeftMs = Math.max(0, (holding.certificate?.notAfter ?? 0) - now);
    return retryTime(now, { kind, attempts, retryAfterMs, lifeLeftMs }, this.#steps.random());
  }
}

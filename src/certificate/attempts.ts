import type { CertificateName } from "../base/certificate-name.ts";
import type { LastError } from "../base/certificate-record.ts";
import type { Clock } from "../base/clock.ts";
import { formatTime } from "../base/format-time.ts";
import { failureFacts, type Log } from "../base/log.ts";
import type { Issuer } from "../config/config.ts";
import { limits } from "../config/limits.ts";
import type { Attempts, FailureKind, FailureMemory } from "../storage/attempts.ts";
import { Turns } from "../storage/turns.ts";
import { INTERRUPTED, wasInterrupted } from "./interrupted.ts";
import { type Holding, recallFailures } from "./records.ts";
import { retryTime, waitUntil } from "./schedule.ts";
import { issuerInTurn, type TurnedFailure, turnAfter, type Weight } from "./turn.ts";
import type { Wait } from "./wait.ts";

/** A failure, judged: what the schedule and the operator want to know of it. */
export interface Failure {
  readonly kind: FailureKind;
  readonly type: string;
  readonly detail: string;
  readonly hint: string;
  readonly retryAfterMs: number | undefined;
  /** No attempt is made sooner, whatever the ladder says: this one cost much at the CA (a certificate, many requests). */
  readonly leastWaitMs: number;
  readonly weight: Weight;
  /** The type of the challenge that another type may do better than. */
  readonly challenge: string | undefined;
}

/** What the memory needs from its surroundings. */
export interface AttemptSteps {
  readonly store: Pick<Attempts, "load" | "save" | "clear">;
  judge(error: unknown): Failure;
  /** URL of the directory, which tells issuers apart. */
  directoryOf(issuer: Issuer): string;
  /** The names by which the CA with this directory goes in CAA records; empty when it has not said. */
  caaIdentitiesOf(directory: string): readonly string[];
  /** What the configuration says of ordering this name, as a digest. */
  configurationOf(host: CertificateName): string;
  /** Is there an order under way from before, which costs nothing to go on with, and has not brought the certificate in use? */
  hasOrder(host: CertificateName): Promise<boolean>;
  readonly clock: Clock;
  readonly log: Log;
  /** 0 to 1. */
  random(): number;
}

/** Causes that we found ourselves, by a look or a write: they are seen by that. */
const SEEN_BY_US = new Set<string>(["NAME_NOT_FOUND", "CHALLENGE_UNANSWERED", "STORAGE_FAILED"]);

const WAITING_HINT = "Nothing needs to be done: the attempt follows by itself at its time.";

/** How often and when: kept on disk per name, so that neither a restart nor a crash loop forgets it. */
export class AttemptMemory {
  readonly #steps: AttemptSteps;
  /** For each name what is written last is what happened last. */
  readonly #turns = new Turns<CertificateName>();

  constructor(steps: AttemptSteps) {
    this.#steps = steps;
  }

  /**
   * At start: what happened before. An interrupted order may go on at once, a few times, and so may a first
   * attempt that was cut short before there was an order; the next one in a row waits, for the program may be
   * ending because of it. What waits for a person has had one when the configuration is another.
   */
  async recall(holding: Holding): Promise<void> {
    const stored = await this.#steps.store.load(holding.host);
    if (stored === undefined) return;
    recallFailures(holding, stored);
    if (await this.#mayGoOn(holding, stored)) holding.nextAttemptAt = undefined;
  }

  async #mayGoOn(holding: Holding, { kind, attempts, configuration }: FailureMemory) {
    const { host } = holding;
    if (wasInterrupted(holding) && attempts === 1) return true;
    if (kind === "person") return configuration !== this.#steps.configurationOf(host);
    return attempts <= limits.resumedAtOnceMax && (await this.#steps.hasOrder(host));
  }

  /** May an attempt be made now? */
  isDue(holding: Holding, now: number): boolean {
    return holding.nextAttemptAt === undefined || holding.nextAttemptAt <= now;
  }

  /** See {@link AttemptSteps.hasOrder}. @throws {LatchkeyError} `STORAGE_FAILED`. */
  hasOrder({ host }: Holding): Promise<boolean> {
    return this.#steps.hasOrder(host);
  }

  /** Nothing is tried before `at`; not a failure. */
  postpone(holding: Holding, at: number): void {
    holding.nextAttemptAt = at;
  }

  /** The CA whose turn it is. */
  issuerOf({ host, turn }: Holding, issuers: readonly Issuer[]): Issuer {
    const issuer = issuers[issuerInTurn(this.#directoriesOf(issuers), turn)];
    if (issuer === undefined) throw new TypeError(`No issuer for ${host}`);
    return issuer;
  }

  /**
   * Counts an attempt before it is made, as if it had failed already.
   *
   * @throws {LatchkeyError} `STORAGE_FAILED` when that cannot be written: then nothing is asked of a CA.
   */
  async begin(holding: Holding, issuers: readonly Issuer[]): Promise<void> {
    const { attempts } = holding;
    holding.isOrdering = true;
    holding.waiting = undefined;
    const counted = holding.failureKind === "unreachable" ? 1 : attempts + 1;
    const nextAttemptAt = this.#ladderAt(holding, counted, "refused", issuers.length);
    const lastError = { ...INTERRUPTED, at: this.#steps.clock.now() };
    await this.#save(holding, { kind: "refused", attempts: counted, nextAttemptAt, lastError });
  }

  /**
   * The attempt cannot be made yet, and that is nobody's failure: it is put off, and the reason shown; after
   * a long wait the next issuer has its turn. What {@link begin} counted counts no more. Never rejects.
   */
  async putOff(holding: Holding, wait: Wait, issuers: readonly Issuer[]): Promise<void> {
    const { host, waiting } = holding;
    const { code: type, until, detail } = wait;
    const now = this.#steps.clock.now();
    const nextAttemptAt = this.#passTurn(
      holding,
      issuers,
      { type, detail },
      { weight: "none", now, waitUntil: until, ladderAt: this.#ladderNow(holding, issuers) },
    );
    holding.nextAttemptAt = nextAttemptAt;
    holding.waiting = { type, detail, hint: WAITING_HINT, at: formatTime(now) };
    if (waiting?.type !== type)
      this.#steps.log.info("order.waiting", {
        host,
        code: type,
        detail,
        nextAttemptAt: formatTime(nextAttemptAt),
      });
    if (holding.isOrdering) await this.#tolerate(host, () => this.#uncount(holding, nextAttemptAt));
  }

  /** The disk remembers again what it did before the attempt. */
  async #uncount(holding: Holding, nextAttemptAt: number): Promise<void> {
    const { host, attempts, lastError } = holding;
    if (attempts === 0 || lastError === undefined) return await this.#clear(host);
    await this.#saveAgain(holding, lastError, nextAttemptAt);
  }

  /**
   * What was learnt since of why it failed. Not while an attempt is under way: {@link begin} has written what
   * must stand there then. Never rejects.
   */
  async remember(holding: Holding): Promise<void> {
    const { host } = holding;
    await this.#tolerate(host, async () => {
      const { nextAttemptAt, lastError, isOrdering } = holding;
      if (isOrdering || lastError === undefined || nextAttemptAt === undefined) return;
      await this.#saveAgain(holding, lastError, nextAttemptAt);
    });
  }

  #saveAgain(holding: Holding, lastError: LastError, nextAttemptAt: number): Promise<void> {
    const { attempts, failureKind: kind } = holding;
    const at = Date.parse(lastError.at);
    return this.#save(holding, {
      ...{ kind, attempts, nextAttemptAt },
      lastError: { ...lastError, at },
    });
  }

  async #save(
    { host, turn, cause, failedChallenge, replacingFailedAt, hurriedAt }: Holding,
    failed: Pick<FailureMemory, "kind" | "attempts" | "nextAttemptAt" | "lastError">,
  ): Promise<void> {
    const configuration = this.#steps.configurationOf(host);
    const known = { host, turn, cause, failedChallenge, replacingFailedAt, hurriedAt };
    const memory = { ...failed, ...known, configuration };
    await this.#turns.take(host, () => this.#steps.store.save(memory));
  }

  #clear(host: CertificateName): Promise<void> {
    return this.#turns.take(host, () => this.#steps.store.clear(host));
  }

  /** The certificate is in use: nothing is remembered any more. Never rejects. */
  async succeeded(holding: Holding): Promise<void> {
    holding.standIn = holding.turn && holding.certificate?.issuer;
    if (holding.standIn === undefined) holding.switchedBy = undefined;
    await this.forget(holding);
  }

  /** What was tried was for nothing, or need not be tried again. Never rejects. */
  async forget(holding: Holding): Promise<void> {
    holding.attempts = 0;
    holding.nextAttemptAt = undefined;
    holding.lastError = undefined;
    holding.cause = undefined;
    holding.failedChallenge = undefined;
    holding.replacingFailedAt = undefined;
    holding.turn = undefined; // the next renewal starts with the first issuer again
    holding.waiting = undefined;
    holding.isRefused = false;
    await this.#tolerate(holding.host, () => this.#clear(holding.host));
  }

  /** Remembers a failure, whose turn it is now, and when to try again. Never rejects. */
  async failed(holding: Holding, error: unknown, issuers: readonly Issuer[]): Promise<void> {
    const { host } = holding;
    const now = this.#steps.clock.now();
    const failure = this.#steps.judge(error);
    const { kind, type, detail, hint } = failure;
    const issuer = this.#steps.directoryOf(this.issuerOf(holding, issuers));
    holding.attempts = holding.failureKind === kind ? holding.attempts + 1 : 1;
    holding.failureKind = kind;
    holding.failedChallenge = failure.challenge ?? holding.failedChallenge;
    holding.waiting = undefined;
    holding.lastError = { type, detail, hint, at: formatTime(now) };
    const caaIdentities = this.#steps.caaIdentitiesOf(issuer);
    const seenAt = SEEN_BY_US.has(type) ? now : undefined;
    holding.cause = { type, issuer, caaIdentities, seenAt };
    holding.nextAttemptAt = this.#passTurn(holding, issuers, failure, {
      weight: failure.weight,
      now,
      waitUntil:
        failure.retryAfterMs === undefined ? undefined : waitUntil(now, failure.retryAfterMs),
      ladderAt: Math.max(
        this.#ladderAt(holding, holding.attempts, kind, issuers.length),
        now + failure.leastWaitMs,
      ),
    });
    const { attempts, nextAttemptAt } = holding;
    const lastError = { type, detail, hint, at: now };
    // Before it is told: whoever hears of a failure finds it remembered, even if the program ends then.
    await this.#tolerate(host, () =>
      this.#save(holding, { kind, attempts, nextAttemptAt, lastError }),
    );
    this.#steps.log.error("certificate.failed", {
      host,
      issuer,
      ...failureFacts(error),
      type,
      detail,
      hint,
      attempt: attempts,
      nextAttemptAt: formatTime(nextAttemptAt),
    });
  }

  /** What is only remembered must not hold up what is done. */
  async #tolerate(host: CertificateName, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.#steps.log.error("storage.failed", { host, ...failureFacts(error) });
    }
  }

  /** Gives the turn to whom it belongs after a failure or a wait; when that one is to be asked. */
  #passTurn(
    holding: Holding,
    issuers: readonly Issuer[],
    { type, detail }: Pick<Failure, "type" | "detail">,
    failure: TurnedFailure,
  ): number {
    const directories = this.#directoriesOf(issuers);
    const from = directories[issuerInTurn(directories, holding.turn)];
    const { turn, at } = turnAfter(directories, holding.turn, failure);
    const { host } = holding;
    holding.turn = turn;
    const [first] = directories;
    if (turn.issuer === first) holding.switchedBy = undefined;
    else if (from === first) holding.switchedBy = { type, detail };
    if (turn.issuer !== from)
      this.#steps.log.warn("issuer.switched", { host, from, to: turn.issuer, type, detail });
    return at;
  }

  #directoriesOf(issuers: readonly Issuer[]): string[] {
    return issuers.map((issuer) => this.#steps.directoryOf(issuer));
  }

  /** When the failures of before let an issuer be asked that has its turn without another one. */
  #ladderNow(holding: Holding, issuers: readonly Issuer[]): number {
    const { attempts, failureKind } = holding;
    if (attempts === 0) return this.#steps.clock.now();
    return this.#ladderAt(holding, attempts, failureKind, issuers.length);
  }

  /** A step of the ladder is one round through all issuers. */
  #ladderAt(holding: Holding, attempts: number, kind: FailureKind, issuers: number): number {
    const now = this.#steps.clock.now();
    const lifeLeftMs = Math.max(0, (holding.certificate?.notAfter ?? 0) - now);
    const rounds = Math.ceil(attempts / Math.max(1, issuers));
    return retryTime(now, { kind, attempts: rounds, lifeLeftMs }, this.#steps.random());
  }
}

import type { CertificateName } from "../base/certificate-name.ts";
import { type Clock, withDeadline } from "../base/clock.ts";
import type { Credential } from "../base/credential.ts";
import { formatTime } from "../base/format-time.ts";
import { failureFacts, type Log } from "../base/log.ts";
import { SingleFlight } from "../base/single-flight.ts";
import type { Issuer, Renewal } from "../config/config.ts";
import { nameOf } from "../config/issuers.ts";
import { limits } from "../config/limits.ts";
import type { CertificateOutcome, IssuanceNews } from "../process/certificate-news.ts";
import type { ClientAddress } from "../process/messages.ts";
import type { AttemptMemory } from "./attempts.ts";
import { type Denial, outcomeWithout, refusalAt, whyNot } from "./denial.ts";
import type { Holdings } from "./holdings.ts";
import type { OrderQueue } from "./order-queue.ts";
import type { Decision } from "./policy.ts";
import { FIRST, rankOf, rankOfVisited } from "./rank.ts";
import { Recall, type RecallSteps } from "./recall.ts";
import { type Holding, type Issued, outcomeOf } from "./records.ts";
import { type Wait, waitIn } from "./wait.ts";

/** The steps of {@link CertificateKeeper.ensure}, in their order. */
export interface KeeperSteps extends RecallSteps {
  /** May this name be issued now? */
  decide(host: CertificateName, client?: ClientAddress): Promise<Decision>;
  /** Where an issuer's attempts stand in line: URL of its directory. */
  directoryOf(issuer: Issuer): string;
  /** Was this key (PEM) revoked, so that a certificate with it is as good as none? */
  isRevoked(key: string): boolean;
  /** Why nothing can be ordered for this name there now; `undefined` when it can. */
  waitFor(holding: Holding, directory: string): Wait | undefined;
  /** An operator wants it ordered there now: the CA is asked, even if it wanted to be left in peace. */
  reopen(holding: Holding, directory: string): void;
  /** A whole order with one issuer, to a verified certificate. */
  order(host: CertificateName, issuer: Issuer, signal: AbortSignal): Promise<Issued>;
  /** Makes it durable. */
  store(host: CertificateName, issued: Issued): Promise<void>;
  /** An attempt failed, and has been written down; the next one is some time away, or another issuer's. */
  failed(holding: Holding): void;
  /** Puts it into every worker; what a client then gets. */
  swap(credential: Credential, news: IssuanceNews): Promise<string | undefined>;
  /** An attempt has ended, whoever wanted it: the next one may be due sooner than the loop knows. */
  moved(): void;
}

/** How an order that an operator asked for ended. */
export type OrderedNow =
  | { readonly kind: "issued" | "failed"; readonly holding: Holding }
  | { readonly kind: "refused"; readonly why: string };

/** Owns every certificate of the program. Read {@link CertificateKeeper.ensure} first. */
export class CertificateKeeper {
  /** What is known from before. */
  readonly recall: Recall;
  readonly #steps: KeeperSteps;
  readonly #holdings: Holdings;
  readonly #attempts: AttemptMemory;
  readonly #queue: OrderQueue;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #signal: AbortSignal;
  readonly #flights = new SingleFlight<CertificateName, void>();

  /** @param signal Ends every order when the program drains. */
  constructor(
    steps: KeeperSteps,
    memory: {
      readonly holdings: Holdings;
      readonly attempts: AttemptMemory;
      readonly queue: OrderQueue;
    },
    surroundings: {
      readonly renewal: Renewal;
      readonly clock: Clock;
      readonly log: Log;
      readonly signal: AbortSignal;
      /** See {@link Recall.heldOf}. */
      readonly era: number;
    },
  ) {
    this.recall = new Recall(steps, memory, surroundings);
    this.#steps = steps;
    this.#holdings = memory.holdings;
    this.#attempts = memory.attempts;
    this.#queue = memory.queue;
    this.#clock = surroundings.clock;
    this.#log = surroundings.log;
    this.#signal = surroundings.signal;
  }

  /**
   * A visitor came for `host` and a worker has no certificate for it: need → load → order → verify →
   * store → swap. Callers that arrive meanwhile share one order. Never rejects.
   *
   * @param client the visitor's address, as far as what it may cost is counted.
   */
  async ensure(host: CertificateName, client?: ClientAddress): Promise<CertificateOutcome> {
    const decision = await this.#steps.decide(host, client);
    if (decision.kind !== "allowed") return outcomeWithout(decision);
    const holding = await this.recall.hold(host, decision.listed);
    if (holding === undefined) return { kind: "unavailable" };
    allow(holding);

    if ((await this.recall.load(holding)) && !this.#hasExpired(holding)) return outcomeOf(holding);
    if (!this.#flights.has(host) && !this.#attempts.isDue(holding, this.#clock.now()))
      return outcomeOf(holding);

    // Names on demand are strangers' doing, which must not put listed ones off.
    const own = rankOf(holding, this.#clock.now());
    const rank = decision.listed ? rankOfVisited(own) : own;
    this.#queue.hasten(host, rank);
    await this.#flights.run(host, () => this.#obtain(holding, decision.issuers, rank));
    return outcomeOf(holding);
  }

  #hasExpired({ certificate }: Holding): boolean {
    return certificate !== undefined && certificate.notAfter <= this.#clock.now();
  }

  /** See {@link AttemptMemory.forget}. */
  forget(holding: Holding): Promise<void> {
    return this.#attempts.forget(holding);
  }

  /** The renewal loop's turn for a name that is due: asks policy again, then orders. Never rejects. */
  async renew(holding: Holding): Promise<void> {
    const decision = await this.#steps.decide(holding.host);
    if (decision.kind !== "allowed") return this.#refuse(holding, decision);
    allow(holding);
    await this.#flights.run(holding.host, async () => {
      // Storage that could not be read before may hold it after all.
      if (holding.certificate === undefined && (await this.recall.load(holding))) return;
      if (this.#attempts.isDue(holding, this.#clock.now()))
        await this.#obtain(holding, decision.issuers);
    });
  }

  /**
   * An operator asks for a new certificate: policy and our budgets hold; the schedule, the failures of before and
   * the CA's Retry-After do not. An order that is under way for the name is as good. Never rejects.
   */
  async orderNow(host: CertificateName): Promise<OrderedNow> {
    const decision = await this.#steps.decide(host);
    if (decision.kind !== "allowed") return { kind: "refused", why: whyNot(decision) };
    const holding = await this.recall.hold(host, decision.listed);
    if (holding === undefined) return { kind: "refused", why: "there is no room for another name" };
    const before = holding.certificate?.serial;
    const isNew = () =>
      holding.certificate !== undefined &&
      holding.certificate.serial !== before &&
      !this.#steps.isRevoked(holding.certificate.files.key);
    while (this.#flights.has(host)) {
      this.#queue.hasten(host, FIRST); // nobody's hundred other names come between
      await this.#flights.run(host, async () => {});
    }
    if (!isNew()) {
      const issuer = this.#attempts.issuerOf(holding, decision.issuers);
      this.#steps.reopen(holding, this.#steps.directoryOf(issuer));
      await this.#flights.run(host, () => this.#obtain(holding, decision.issuers, FIRST));
    }
    return { kind: isNew() ? "issued" : "failed", holding };
  }

  /** Not this time: asked again in an hour, or in a minute when policy could not be asked. */
  #refuse(holding: Holding, decision: Denial): void {
    const now = this.#clock.now();
    holding.isDecided = true;
    const isForGood =
      decision.kind === "not-ours" || (decision.kind === "refused" && decision.isFinal);
    const waitMs = isForGood ? limits.refusedMinMs : limits.unreachableMinMs;
    this.#attempts.postpone(holding, now + waitMs);
    if (!isForGood) return; // told when it was asked
    holding.isRefused = true;
    holding.waiting = refusalAt(whyNot(decision), now);
    this.#log.info("certificate.refused", { host: holding.host, why: whyNot(decision) });
    // Nobody wants it any more: a customer who left.
    if (this.#hasExpired(holding) && !holding.isBusy) this.#holdings.release(holding);
  }

  /** One attempt, from its turn to the swap. Failures are remembered, never thrown. */
  async #obtain(
    holding: Holding,
    issuers: readonly Issuer[],
    rank = rankOf(holding, this.#clock.now()),
  ): Promise<void> {
    // Its place may have been given away while storage was read: the visitor comes again.
    if (this.#holdings.get(holding.host) !== holding) return;
    holding.isBusy = true;
    let hasFailed = false;
    try {
      const issuer = this.#attempts.issuerOf(holding, issuers);
      const directory = this.#steps.directoryOf(issuer);
      const attempt = {
        name: holding.host,
        directory,
        rank,
        waitFor: () => this.#steps.waitFor(holding, directory),
      };
      const wait = await this.#queue.run(attempt, () => this.#order(holding, issuer, issuers));
      if (wait !== undefined) await this.#attempts.putOff(holding, wait, issuers);
    } catch (error) {
      if (this.#signal.aborted) return; // stopping: the order is on disk and goes on at the next start
      const wait = waitIn(error);
      hasFailed = wait === undefined;
      if (wait === undefined) await this.#attempts.failed(holding, error, issuers);
      else await this.#attempts.putOff(holding, wait, issuers);
    } finally {
      holding.isOrdering = false;
      holding.isBusy = false;
      this.#steps.moved();
    }
    if (hasFailed) this.#steps.failed(holding);
  }

  async #order(holding: Holding, issuer: Issuer, issuers: readonly Issuer[]): Promise<void> {
    const { host } = holding;
    const startedAt = performance.now();
    // Not before: with many names due at once the last ones wait for long, and none of them has failed.
    const signal = withDeadline(this.#signal, limits.orderTimeoutMs);
    // Before the CA hears of it: a crash on the way costs an attempt, and a crash loop no orders.
    await this.#attempts.begin(holding, issuers);
    this.#log.info("order.started", { host, issuer: nameOf(issuer) });
    const issued = await this.#steps.order(host, issuer, signal);
    await this.#accept(holding, issued);
    this.#log.info("certificate.issued", {
      host,
      issuer: issued.issuer,
      serial: issued.credential.serial,
      notAfter: formatTime(issued.credential.notAfter),
      durationMs: Math.round(performance.now() - startedAt),
    });
    await this.#attempts.succeeded(holding);
    await this.goLive(holding, issued.credential);
  }

  /** Stored before it is swapped in: a crash must not lose a key already in use. Unsaved, it serves from memory. */
  async #accept(holding: Holding, issued: Issued): Promise<void> {
    const { chain, key } = issued.credential;
    const held = this.recall.heldOf(holding.host, issued);
    holding.certificate = { ...held, unsaved: { chain, key } };
    // Not only when it is saved: who looks meanwhile would take the failure for one of the next renewal.
    holding.lastError = undefined;
    await this.save(holding, issued);
  }

  /** Tries to make a certificate durable; `false`, and a log line, when storage will not have it now. */
  async save(holding: Holding, issued: Issued): Promise<boolean> {
    try {
      await this.#steps.store(holding.host, issued);
      const held = this.recall.heldOf(holding.host, issued);
      // An order may have ended meanwhile: then what was saved is the certificate before.
      if (holding.certificate?.serial === held.serial) holding.certificate = held;
      return true;
    } catch (error) {
      this.#log.error("certificate.unsaved", { host: holding.host, ...failureFacts(error) });
      return false;
    }
  }

  /** Puts the certificate of a name into every worker. */
  async goLive(holding: Holding, credential: Credential): Promise<void> {
    const { host, certificate } = holding;
    const news = { host, issuance: certificate?.issuance ?? 0, held: certificate?.unsaved };
    holding.servedSerial = await this.#steps.swap(credential, news);
  }
}

function allow(holding: Holding): void {
  if (holding.isRefused) holding.waiting = undefined;
  holding.isRefused = false;
  holding.isDecided = true;
}

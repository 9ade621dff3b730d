import type { CertificateName } from "../base/certificate-name.ts";
import type { Clock } from "../base/clock.ts";
import { failureFacts, type Log } from "../base/log.ts";
import { SingleFlight } from "../base/single-flight.ts";
import type { Renewal } from "../config/config.ts";
import { limits } from "../config/limits.ts";
import type { AttemptMemory } from "./attempts.ts";
import type { Holdings } from "./holdings.ts";
import { wasInterrupted } from "./interrupted.ts";
import { type HeldCertificate, type Holding, heldOf, type Issued, renewAtOf } from "./records.ts";

/** More than one manager ever gives numbers to. */
const ISSUANCES_IN_ERA = 2 ** 32;

/** What {@link Recall} asks for. */
export interface RecallSteps {
  /** What storage holds, whole; a broken issuance is set aside there and its predecessor comes instead. */
  load(host: CertificateName): Promise<Issued | undefined>;
  /** Is it of one of the issuers that the configuration wants for the name, and its key a good one? */
  isWanted(host: CertificateName, issued: Issued): boolean;
}

/** What is known of a name from before: its certificate and its failures, as storage has them. */
export class Recall {
  readonly #steps: RecallSteps;
  readonly #holdings: Holdings;
  readonly #attempts: AttemptMemory;
  readonly #renewal: Renewal;
  readonly #clock: Clock;
  readonly #log: Log;
  #lastIssuance: number;
  /** Those whose certificate in use was found gone from storage, until somebody asks. */
  readonly #missed = new Set<CertificateName>();
  readonly #recalls = new SingleFlight<CertificateName, Holding | undefined>();

  constructor(
    steps: RecallSteps,
    memory: { readonly holdings: Holdings; readonly attempts: AttemptMemory },
    surroundings: {
      readonly renewal: Renewal;
      readonly clock: Clock;
      readonly log: Log;
      readonly era: number;
    },
  ) {
    this.#steps = steps;
    this.#holdings = memory.holdings;
    this.#attempts = memory.attempts;
    this.#renewal = surroundings.renewal;
    this.#clock = surroundings.clock;
    this.#log = surroundings.log;
    this.#lastIssuance = surroundings.era * ISSUANCES_IN_ERA;
  }

  /** The name's turn at start. Never rejects. */
  async adopt(host: CertificateName, listed: boolean): Promise<void> {
    const holding = await this.hold(host, listed);
    if (holding === undefined) return;
    await this.load(holding);
    await this.#settle(holding);
  }

  /** What a manager of before could not save, unless storage has it, or a newer one. */
  async inherit(host: CertificateName, listed: boolean, issued: Issued): Promise<void> {
    const holding = await this.hold(host, listed);
    if (holding === undefined) return;
    holding.certificate = this.#newer(this.heldOf(host, issued), holding.certificate);
    await this.#settle(holding);
  }

  /**
   * One that is not due has just been renewed, which the program did not live to write down, or was not able to; or an
   * operator wanted another one, whose order is gone on with.
   */
  async #settle(holding: Holding): Promise<void> {
    const isDue = (renewAtOf(holding) ?? 0) <= this.#clock.now();
    if (isDue || !wasInterrupted(holding)) return;
    if (await this.#hasOrder(holding)) return;
    await this.#attempts.succeeded(holding);
  }

  async #hasOrder(holding: Holding): Promise<boolean> {
    try {
      return await this.#attempts.hasOrder(holding);
    } catch (error) {
      this.#waitForStorage(holding, error);
      return true;
    }
  }

  /** The place of a name. A new one brings what the disk remembers of its failures: it may have been here before. */
  hold(host: CertificateName, listed: boolean): Promise<Holding | undefined> {
    return this.#recalls.run(host, async () => {
      const known = this.#holdings.get(host);
      if (known !== undefined) return known;
      const holding = this.#holdings.hold(host, listed);
      if (holding !== undefined) await this.#recallFailures(holding);
      return holding;
    });
  }

  /**
   * Takes over what storage holds, at start or for a visitor; `true` when the name has a certificate. One in use that
   * was deleted there, or broke so that its predecessor is all there is, lives in memory only from now on, and is as good.
   */
  async load(holding: Holding): Promise<boolean> {
    const before = holding.certificate;
    if (before?.unsaved !== undefined) return true;
    try {
      const stored = await this.#steps.load(holding.host);
      // An order ended while storage was read: what was read is older, and may be all that storage will ever hold.
      if (holding.certificate !== before) return holding.certificate !== undefined;
      holding.certificate = this.#newer(before, stored && this.heldOf(holding.host, stored));
      if (holding.certificate?.unsaved !== undefined) this.#missed.add(holding.host);
      return holding.certificate !== undefined;
    } catch (error) {
      this.#waitForStorage(holding, error);
      return holding.certificate !== undefined;
    }
  }

  /** Whose certificate {@link load} has found gone from storage while it was in use; told once. */
  takeMissed(): readonly CertificateName[] {
    const missed = [...this.#missed];
    this.#missed.clear();
    return missed;
  }

  /** A certificate as the name holds it from now on: newer to workers than all that this manager, and those of the eras before, had. */
  heldOf(host: CertificateName, issued: Issued): HeldCertificate {
    this.#lastIssuance += 1;
    const isWanted = this.#steps.isWanted(host, issued);
    return heldOf(issued, this.#lastIssuance, this.#renewal, isWanted);
  }

  async #recallFailures(holding: Holding): Promise<void> {
    try {
      await this.#attempts.recall(holding);
    } catch (error) {
      this.#waitForStorage(holding, error);
    }
  }

  /** Who cannot see what there is does not ask the CA for it: it waits as after any failure of the disk. */
  #waitForStorage(holding: Holding, error: unknown): void {
    this.#attempts.postpone(holding, this.#clock.now() + limits.unreachableMinMs);
    this.#log.error("storage.unreadable", { host: holding.host, ...failureFacts(error) });
  }

  #newer(
    inUse: HeldCertificate | undefined,
    stored: HeldCertificate | undefined,
  ): HeldCertificate | undefined {
    if (inUse === undefined || inUse.notBefore <= (stored?.notBefore ?? 0)) return stored;
    return { ...inUse, unsaved: inUse.files };
  }
}

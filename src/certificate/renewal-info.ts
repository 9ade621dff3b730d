import { AcmeProblem } from "../acme/problem.ts";
import { AcmeReader } from "../acme/reader.ts";
import { Bell } from "../base/bell.ts";
import type { CertificateName } from "../base/certificate-name.ts";
import { type Clock, Deadline } from "../base/clock.ts";
import { codeOf, LatchkeyError } from "../base/errors.ts";
import { formatTime } from "../base/format-time.ts";
import { failureFacts, type Log } from "../base/log.ts";
import { limits } from "../config/limits.ts";
import type { RenewalInfos, StoredRenewalInfo } from "../storage/renewal-info.ts";
import type { Endpoint } from "./account.ts";
import type { Holdings } from "./holdings.ts";
import { type HeldCertificate, type Holding, renewAtOf } from "./records.ts";
import {
  afterFailure,
  afterSuggestion,
  failureWait,
  isBelievable,
  type Polling,
  recalled,
  type Subject,
  withoutAdvice,
} from "./window.ts";

/** What following the CAs' advice needs from its surroundings. */
export interface WatchSteps {
  readonly holdings: Holdings;
  readonly store: Pick<RenewalInfos, "load" | "save">;
  /** The way to the CA that issued a certificate of this name; `undefined` when it is none of ours any more. */
  endpointOf(host: CertificateName, directory: string): Endpoint | undefined;
  readonly polling: Polling;
  /** The clock of the machine may jump: what is due is looked for at least this often. */
  readonly checkEveryMs: number;
  readonly clock: Clock;
  readonly log: Log;
  /** From 0, below 1. */
  random(): number;
  /** The moment of a renewal may have moved. */
  moved(): void;
}

/** A CA, as far as asking it goes. */
interface Ca {
  readonly reader: AcmeReader;
  inFlight: number;
  /** Failures in a row that say something of the CA, not of one certificate. */
  failures: number;
  pausedUntil: number;
}

/** The CA as a whole gave no answer: the next name would have fared no better. */
class CaTrouble extends Error {}

/**
 * Follows what CAs advise about renewals (RFC 9773): asks after each issuance and then as often as the
 * CA wants to be asked, and keeps window and moment on disk. Nothing waits for it: whatever goes wrong
 * here, renewal goes by what was known before, or by the lifetime. Nobody is asked while storage takes
 * nothing, or about what it does not hold: each start would ask again.
 */
export class RenewalWatch {
  readonly #steps: WatchSteps;
  readonly #bell = new Bell();
  readonly #underWay = new Set<Holding>();
  /** By directory: as many as the configuration has issuers. */
  readonly #cas = new Map<string, Ca>();
  /** Took storage nothing when it was last tried? */
  #isHeld = false;

  constructor(steps: WatchSteps) {
    this.#steps = steps;
  }

  /** A certificate came from storage: brings what is stored of its renewal. Never rejects. */
  async recall(host: CertificateName, subject: Subject): Promise<void> {
    const { holdings, store, clock, log, polling } = this.#steps;
    const holding = holdings.get(host);
    if (holding === undefined || holding.renewalInfo?.serial === subject.serial) return;
    try {
      const stored = await store.load(host);
      if (stored !== undefined)
        holding.renewalInfo = recalled(stored, subject, clock.now(), polling);
    } catch (error) {
      log.warn("storage.unreadable", { host, ...failureFacts(error) });
    }
  }

  /** There is a new certificate: its CA is asked about it now. */
  noticed(): void {
    this.#bell.ring();
  }

  /** Asks whom it is time to ask, until the signal ends it. Of one CA only a few certificates at once. */
  async keepAsking(signal: AbortSignal): Promise<void> {
    const { clock, checkEveryMs, polling } = this.#steps;
    while (!signal.aborted) {
      if (this.#isHeld) await clock.sleep(polling.minMs, signal).catch(() => undefined);
      if (signal.aborted) return;
      const nextAt = this.#askDue(signal);
      const waitMs = Math.min(checkEveryMs, Math.max(SHORTEST_WAIT_MS, nextAt - clock.now()));
      const rang = await this.#bell.sleep(clock, waitMs, signal);
      // Many answers may come at once, each of which makes room for another question.
      if (rang) await clock.sleep(SHORTEST_WAIT_MS, signal).catch(() => undefined);
    }
  }

  /** Starts what is due and has room; when the next is due. */
  #askDue(signal: AbortSignal): number {
    const now = this.#steps.clock.now();
    let nextAt = Number.POSITIVE_INFINITY;
    for (const { holding, certificate, at } of this.#looks(now)) {
      const ca = this.#caOf(holding.host, certificate.issuer);
      if (ca === undefined) continue;
      const dueAt = Math.max(at, ca.pausedUntil);
      if (dueAt > now) nextAt = Math.min(nextAt, dueAt);
      // Otherwise the end of one under way makes room and rings.
      else if (ca.inFlight < limits.renewalInfoInFlightMax) {
        void this.#ask(holding, certificate, ca, signal);
      }
    }
    return nextAt;
  }

  /** Every certificate that is to be asked about some time, the longest due first. */
  #looks(now: number) {
    const looks = [...this.#steps.holdings.all()].flatMap((holding) => {
      const { certificate, renewalInfo, isRefused } = holding;
      if (certificate?.certId === undefined || !certificate.followsAdvice) return [];
      if (certificate.unsaved !== undefined) return []; // it has no folder to remember the answer in
      // RFC 9773 §4.3: not about one that has expired. And whom policy refuses causes no traffic.
      if (certificate.notAfter <= now || isRefused || this.#underWay.has(holding)) return [];
      const isKnown = renewalInfo?.serial === certificate.serial;
      return [{ holding, certificate, at: isKnown ? renewalInfo.nextCheckAt : 0 }];
    });
    return looks.sort((a, b) => a.at - b.at);
  }

  #caOf(host: CertificateName, directory: string): Ca | undefined {
    const known = this.#cas.get(directory);
    if (known !== undefined) return known;
    const endpoint = this.#steps.endpointOf(host, directory);
    if (endpoint === undefined) return undefined;
    const reader = new AcmeReader({ ...endpoint, clock: this.#steps.clock });
    const ca = { reader, inFlight: 0, failures: 0, pausedUntil: 0 };
    this.#cas.set(directory, ca);
    return ca;
  }

  /** One question about one certificate. Never rejects. */
  async #ask(
    holding: Holding,
    certificate: HeldCertificate,
    ca: Ca,
    signal: AbortSignal,
  ): Promise<void> {
    this.#underWay.add(holding);
    ca.inFlight += 1;
    try {
      if (!(await this.#begin(holding, certificate))) return;
      using deadline = new Deadline(signal, limits.acmeRequestTimeoutMs);
      const info = await this.#answer(holding, certificate, ca, deadline.signal);
      ca.failures = 0;
      await this.#take(holding, certificate, info);
    } catch (error) {
      if (!signal.aborted) await this.#fail(holding, certificate, ca, error);
    } finally {
      ca.inFlight -= 1;
      this.#underWay.delete(holding);
      this.#bell.ring();
    }
  }

  /**
   * Writes down that its CA is asked, as if it had given nothing: a crash loop must not ask at each start. `false`:
   * nothing can be written.
   */
  async #begin(holding: Holding, certificate: HeldCertificate): Promise<boolean> {
    const { store, clock, log, polling } = this.#steps;
    const { host, renewalInfo } = holding;
    const draw = { now: clock.now(), chance: this.#steps.random(), polling };
    try {
      await store.save(host, afterFailure(renewalInfo, certificate, undefined, draw));
      this.#isHeld = false;
      return true;
    } catch (error) {
      if (!this.#isHeld) log.warn("storage.failed", { host, ...failureFacts(error) });
      this.#isHeld = true;
      return false;
    }
  }

  /** What is known when the CA has answered. Throws when it gave nothing that can be used. */
  async #answer(
    { host, renewalInfo }: Holding,
    certificate: HeldCertificate,
    { reader }: Ca,
    signal: AbortSignal,
  ): Promise<StoredRenewalInfo> {
    const { clock, polling } = this.#steps;
    await reader.directory(signal).catch((cause) => {
      throw new CaTrouble("no directory", { cause });
    });
    const suggestion = await reader.renewalInfo(certificate.certId ?? "", signal);
    const draw = { now: clock.now(), chance: this.#steps.random(), polling };
    if (suggestion === undefined) return withoutAdvice(renewalInfo, certificate, draw);
    if (isBelievable(suggestion, certificate))
      return afterSuggestion(renewalInfo, certificate, suggestion, draw);
    const why = `from ${formatTime(suggestion.start)} to ${formatTime(suggestion.end)}`;
    throw new LatchkeyError(
      "ACME_PROTOCOL",
      `Cannot renew ${host} when the CA advises: ${why} is no time in its life`,
    );
  }

  /** Uses what is known from now on, if it is still about the certificate in use, and makes it durable. */
  async #take(
    holding: Holding,
    certificate: HeldCertificate,
    info: StoredRenewalInfo,
  ): Promise<void> {
    const { renewalInfo: known } = holding;
    if (holding.certificate?.serial !== certificate.serial) return;
    holding.renewalInfo = info;
    this.#steps.moved();
    await this.#save(holding, info);
    this.#tell(holding, known);
  }

  async #save({ host, certificate }: Holding, info: StoredRenewalInfo): Promise<void> {
    const { store, log } = this.#steps;
    if (certificate?.unsaved !== undefined) return; // its files were deleted meanwhile
    try {
      await store.save(host, info);
    } catch (error) {
      log.warn("storage.failed", { host, ...failureFacts(error) });
    }
  }

  /** A line for each moment that was picked anew, and one for each page that the CA points to. */
  #tell(holding: Holding, known: StoredRenewalInfo | undefined): void {
    const { log } = this.#steps;
    const { host, renewalInfo } = holding;
    const window = renewalInfo?.window;
    if (window === undefined) return;
    const facts = {
      host,
      start: formatTime(window.start),
      end: formatTime(window.end),
      renewAt: formatTime(renewAtOf(holding) ?? window.pickedAt),
    };
    const { explanationUrl } = window;
    if (explanationUrl !== undefined && explanationUrl !== known?.window?.explanationUrl)
      log.warn("renewal-info.explained", { ...facts, explanationUrl });
    const isSame = known?.serial === renewalInfo?.serial && known?.window?.start === window.start;
    if (!isSame || known?.window?.end !== window.end) log.info("renewal-info.received", facts);
  }

  async #fail(
    holding: Holding,
    certificate: HeldCertificate,
    ca: Ca,
    thrown: unknown,
  ): Promise<void> {
    const { clock, log, polling } = this.#steps;
    const error = thrown instanceof CaTrouble ? thrown.cause : thrown;
    const retryAfterMs = retryAfterOf(error);
    const draw = { now: clock.now(), chance: this.#steps.random(), polling };
    if (thrown instanceof CaTrouble || isTemporary(error)) {
      ca.failures += 1;
      ca.pausedUntil = draw.now + failureWait(ca.failures, retryAfterMs, draw.chance, polling);
    }
    const info = afterFailure(holding.renewalInfo, certificate, retryAfterMs, draw);
    log.info("renewal-info.failed", {
      host: holding.host,
      ...failureFacts(error),
      nextCheckAt: formatTime(info.nextCheckAt),
    });
    await this.#take(holding, certificate, info);
  }
}

/** As {@link keepRenewing}: no spin, and at most this many rounds of questions a second. */
const SHORTEST_WAIT_MS = 250;

/** Says the failure that the CA is in trouble? Else it is about this certificate alone. */
function isTemporary(error: unknown): boolean {
  const code = codeOf(error);
  if (code !== "ACME_PROBLEM" && code !== "ACME_PROTOCOL") return true;
  const status = error instanceof LatchkeyError ? Number(error.facts["status"] ?? 0) : 0;
  return status >= 500 || status === 429;
}

function retryAfterOf(error: unknown): number | undefined {
  if (error instanceof AcmeProblem) return error.retryAfterMs;
  const ms = error instanceof LatchkeyError ? error.facts["retryAfterMs"] : undefined;
  return typeof ms === "number" ? ms : undefined;
}

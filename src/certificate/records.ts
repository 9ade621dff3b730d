import { certIdOf } from "../acme/cert-id.ts";
import type { CertificateName } from "../base/certificate-name.ts";
import type { CertificateRecord, CertificateState, LastError } from "../base/certificate-record.ts";
import type { Credential } from "../base/credential.ts";
import { formatTime } from "../base/format-time.ts";
import type { Renewal } from "../config/config.ts";
import type { CertificateOutcome } from "../process/certificate-news.ts";
import type { Cause, FailureKind, FailureMemory, IssuerTurn } from "../storage/attempts.ts";
import type { StoredRenewalInfo } from "../storage/renewal-info.ts";
import { renewalTime, spreadOf } from "./schedule.ts";
import { advisedTime } from "./window.ts";

/** A certificate as it comes from an order or from storage: verified. */
export interface Issued {
  readonly credential: Credential;
  /** URL of the directory that issued it. */
  readonly issuer: string;
}

/** See {@link Credential}. */
type CredentialFiles = Pick<Credential, "chain" | "key">;

/** One name of the program, and everything the certificate floor remembers of it. */
export interface Holding {
  readonly host: CertificateName;
  /** Listed hosts are certified unasked and for ever; on-demand names while policy says yes. */
  readonly listed: boolean;
  certificate: HeldCertificate | undefined;
  /** What a CA advised last, perhaps on the certificate before: see {@link adviceOf}. */
  renewalInfo: StoredRenewalInfo | undefined;
  /** Does an attempt wait for its turn, or is it under way? */
  isBusy: boolean;
  /** Is an order under way? */
  isOrdering: boolean;
  /** Failures in a row, all of `failureKind`. */
  attempts: number;
  failureKind: FailureKind;
  nextAttemptAt: number | undefined;
  lastError: LastError | undefined;
  /** What made the last attempt fail that came to its end; see {@link Preflight}. */
  cause: Cause | undefined;
  /** The type of the challenge that failed last: the next attempt tries another one. */
  failedChallenge: string | undefined;
  /** When an order that said which certificate it replaces failed, perhaps by that: the next ones do not. */
  replacingFailedAt: number | undefined;
  /** Whose turn it is among several issuers; `undefined`: the first one's. */
  turn: IssuerTurn | undefined;
  /** When its attempt was last brought forward because its CA issued for another name. */
  hurriedAt: number | undefined;
  /** Why a due attempt is put off, when that is no failure: a CA's limits. */
  waiting: LastError | undefined;
  /** The issuer of the certificate in use, when it came after another one had failed. */
  standIn: string | undefined;
  /** What the first issuer failed by when another one got its turn, as long as this program knows. */
  switchedBy: Pick<LastError, "type" | "detail"> | undefined;
  isRefused: boolean;
  /** Has policy been asked since the program started? Until then nobody knows whether it refuses the name. */
  isDecided: boolean;
  servedSerial: string | undefined;
}

/** The certificate in use. */
export interface HeldCertificate {
  readonly issuer: string;
  readonly serial: string;
  /** See `IssuanceNews`. */
  readonly issuance: number;
  /** What its CA calls it (RFC 9773 §4.1); `undefined` when it names no key of an issuer. */
  readonly certId: string | undefined;
  readonly notBefore: number;
  readonly notAfter: number;
  /** When to renew by the lifetime alone; see {@link renewAtOf}. */
  readonly renewAt: number;
  /** Does the CA's advice on when to renew count? */
  readonly followsAdvice: boolean;
  /** PEM, as they are stored: somebody may delete the storage of a program that runs. Never logged. */
  readonly files: CredentialFiles;
  /** Set while it could not be saved, or was deleted: it lives in memory only. */
  readonly unsaved: CredentialFiles | undefined;
}

/**
 * A certificate as a name holds it from now on. One of a CA that the configuration no longer wants, or with
 * a key that was revoked, serves on, and is due at once.
 */
export function heldOf(
  { credential, issuer }: Issued,
  issuance: number,
  renewal: Renewal,
  isWanted: boolean,
): HeldCertificate {
  const { serial, notBefore, notAfter } = credential;
  const certId = certIdOf(credential.chain);
  const renewAt = isWanted ? renewalTime(credential, renewal.at, spreadOf(serial)) : notBefore;
  const followsAdvice = isWanted && renewal.at === "auto";
  const files = { chain: credential.chain, key: credential.key };
  const held = {
    issuer,
    serial,
    issuance,
    certId,
    notBefore,
    notAfter,
    renewAt,
    followsAdvice,
    files,
  };
  return { ...held, unsaved: undefined };
}

/** The certificate is not wanted any more: it serves on, and is due at once. */
export function unwanted(certificate: HeldCertificate): HeldCertificate {
  return { ...certificate, renewAt: certificate.notBefore, followsAdvice: false };
}

/** What the CA advises on the certificate in use, if that counts (RFC 9773). */
export function adviceOf({ certificate, renewalInfo }: Holding): StoredRenewalInfo | undefined {
  const isOwn = certificate !== undefined && renewalInfo?.serial === certificate.serial;
  return isOwn && certificate.followsAdvice ? renewalInfo : undefined;
}

/** When the certificate in use is to be renewed: by its CA's advice, else by its lifetime. */
export function renewAtOf(holding: Holding): number | undefined {
  const { certificate } = holding;
  const advice = adviceOf(holding);
  return certificate && ((advice && advisedTime(certificate, advice)) ?? certificate.renewAt);
}

/** Gives a name the failures that the disk remembers of it. */
export function recallFailures(holding: Holding, memory: FailureMemory): void {
  const { type, detail, hint = "", at } = memory.lastError;
  holding.attempts = memory.attempts;
  holding.failureKind = memory.kind;
  holding.nextAttemptAt = memory.nextAttemptAt;
  holding.lastError = { type, detail, hint, at: formatTime(at) };
  holding.cause = memory.cause ?? { type, issuer: "", caaIdentities: [] };
  holding.turn = memory.turn;
  holding.failedChallenge = memory.failedChallenge;
  holding.replacingFailedAt = memory.replacingFailedAt;
  holding.hurriedAt = memory.hurriedAt;
}

/** A name that nothing is known of yet. */
export function newHolding(host: CertificateName, listed: boolean): Holding {
  return {
    host,
    listed,
    certificate: undefined,
    renewalInfo: undefined,
    isBusy: false,
    isOrdering: false,
    attempts: 0,
    failureKind: "refused",
    nextAttemptAt: undefined,
    lastError: undefined,
    cause: undefined,
    failedChallenge: undefined,
    replacingFailedAt: undefined,
    turn: undefined,
    hurriedAt: undefined,
    waiting: undefined,
    standIn: undefined,
    switchedBy: undefined,
    isRefused: false,
    isDecided: false,
    servedSerial: undefined,
  };
}

/** What a worker that asked for the name gets. */
export function outcomeOf({ host, certificate }: Holding): CertificateOutcome {
  if (certificate === undefined) return { kind: "unavailable" };
  if (certificate.unsaved === undefined) return { kind: "stored" };
  const { issuance, unsaved } = certificate;
  return { kind: "held", credential: { host, issuance, ...unsaved } };
}

/** The row that people and programs see, as of `now`. */
export function recordOf(holding: Holding, now: number): CertificateRecord {
  const { certificate } = holding;
  const window = adviceOf(holding)?.window;
  return {
    host: holding.host,
    state: stateOf(holding, now),
    issuer: certificate?.issuer ?? null,
    serial: certificate?.serial ?? null,
    notBefore: timeText(certificate?.notBefore),
    notAfter: timeText(certificate?.notAfter),
    renewAt: timeText(renewAtOf(holding)),
    renewalInfo: window ? { start: formatTime(window.start), end: formatTime(window.end) } : null,
    attempts: holding.attempts,
    nextAttemptAt: timeText(nextAttemptOf(holding, now)),
    lastError: holding.lastError ?? holding.waiting ?? null,
    servedSerial: holding.servedSerial ?? null,
  };
}

/** A renewal that failed, and is due or waits for its turn, is made from now on. */
function nextAttemptOf(holding: Holding, now: number): number | undefined {
  const { nextAttemptAt } = holding;
  return stateOf(holding, now) === "failing" ? Math.max(nextAttemptAt ?? now, now) : nextAttemptAt;
}

/** The row of a host that has no certificate of its own making: given by hand, passed through, or a pattern. */
export function foreignRecord(host: string, state: CertificateState): CertificateRecord {
  return {
    host,
    state,
    issuer: null,
    serial: null,
    notBefore: null,
    notAfter: null,
    renewAt: null,
    renewalInfo: null,
    attempts: 0,
    nextAttemptAt: null,
    lastError: null,
    servedSerial: null,
  };
}

/** One that has expired is served on, for want of a better one, and is none to anybody who looks at it. */
function stateOf(
  { certificate, isOrdering, isRefused, lastError }: Holding,
  now: number,
): CertificateState {
  const isGood = certificate !== undefined && now < certificate.notAfter;
  if (isRefused) return "refused";
  if (isOrdering) return isGood ? "renewing" : "issuing";
  if (isGood) return lastError === undefined ? "valid" : "failing";
  return certificate === undefined && lastError === undefined ? "waiting" : "failed";
}

function timeText(ms: number | undefined): string | null {
  return ms === undefined ? null : formatTime(ms);
}

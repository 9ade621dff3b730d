import type { LastError } from "../base/certificate-record.ts";
import { unreachable } from "../base/errors.ts";
import { formatTime } from "../base/format-time.ts";
import { keyOf, type Trouble, type TroubleKind } from "../base/trouble.ts";
import { type Flaw, type FlawJudging, flawsOf, isGrave, remedyOf } from "./flaw.ts";
import type { Given } from "./manual.ts";
import { adviceOf, type Holding, renewAtOf } from "./records.ts";

/** What a name's troubles are judged by, besides its holding. */
export interface Judging {
  /** See `alerts.expiresWithin`. */
  readonly expiresWithin: number;
  readonly now: number;
  /** URLs of the directories of the issuers that the configuration names, in its order. */
  readonly issuers: readonly string[];
  /** Did this trouble last when we looked before? */
  lasted(key: string): boolean;
}

/** What is wrong with one name. Pure. One that policy refuses is nobody's any more: a customer who left. */
export function troublesOf(holding: Holding, judging: Judging): Trouble[] {
  if (holding.isRefused || isUndecided(holding, judging.now)) return [];
  const found = [
    failureOf(holding, judging),
    expiryOf(holding, judging),
    standInOf(holding, judging),
  ];
  return found.filter((trouble) => trouble !== undefined).map((trouble) => ahead(trouble, judging));
}

/** Is it a name on demand that is to be renewed, if policy still wants it, and nobody has asked since the start? */
export function isUndecided(holding: Holding, now: number): boolean {
  const { listed, isDecided } = holding;
  return !listed && !isDecided && (renewAtOf(holding) ?? now) <= now;
}

/** What is due, and waits for its turn, has no time that anybody could tell. */
function ahead(trouble: Trouble, { now }: Judging): Trouble {
  const { nextAttemptAt: next } = trouble;
  return next !== undefined && next <= now ? { ...trouble, nextAttemptAt: undefined } : trouble;
}

/** The program ended in the middle of a first attempt: the next one tells more. */
const CUT_SHORT = { type: "INTERRUPTED", attempts: 1 };

/** The last attempt failed. Names on demand without a certificate are strangers' ideas: nobody is told of them. */
function failureOf(holding: Holding, { now, lasted }: Judging): Trouble | undefined {
  const { host, certificate, lastError, listed, attempts, nextAttemptAt } = holding;
  if (lastError === undefined || (certificate === undefined && !listed)) return undefined;
  const isCutShort = lastError.type === CUT_SHORT.type && attempts <= CUT_SHORT.attempts;
  const kind = certificate === undefined ? "issuance.failing" : "renewal.failing";
  // What was told before the program ended is not over by its end.
  if (isCutShort && !lasted(keyOf({ kind, host }))) return undefined;
  const cause = { host, detail: detailOf(lastError), hint: lastError.hint, nextAttemptAt };
  if (certificate === undefined) {
    const message = `${host} has no certificate, and the attempt to get one failed`;
    return { kind, severity: "critical", message, ...cause };
  }
  const isExpired = certificate.notAfter <= now;
  const message = `The renewal of ${host} fails; its certificate ${isExpired ? "expired" : "is good until"} ${formatTime(certificate.notAfter)}`;
  return { kind, severity: isExpired ? "critical" : "warning", message, ...cause };
}

/** Little of its life is left, and not because its CA wants to renew it later. */
function expiryOf(holding: Holding, judging: Judging): Trouble | undefined {
  const { host, certificate, lastError, waiting, nextAttemptAt } = holding;
  if (certificate === undefined) return undefined;
  const renewAt = renewAtOf(holding) ?? 0;
  const isAdvised = adviceOf(holding) !== undefined && lastError === undefined;
  if (isAdvised && judging.now < renewAt) return undefined;
  const cause = waiting ?? lastError;
  const detail = cause === undefined ? "It has not been renewed" : detailOf(cause);
  const hint = remedyFor(host, cause);
  const trouble = expiring(host, certificate, judging);
  return trouble && { ...trouble, detail, hint, nextAttemptAt: nextAttemptAt ?? renewAt };
}

function remedyFor(host: string, cause: LastError | undefined): string {
  if (cause === undefined) return `Run: latchkey renew ${host}`;
  if (cause.type !== "ACME_PAUSED") return cause.hint;
  return `It is tried at its time. To ask the CA before, run: latchkey retry ${host}`;
}

function expiring(
  host: string,
  { notBefore, notAfter }: { readonly notBefore: number; readonly notAfter: number },
  { now, expiresWithin }: Pick<Judging, "now" | "expiresWithin">,
): Omit<Trouble, "detail" | "hint" | "nextAttemptAt"> | undefined {
  if (notAfter - now > (notAfter - notBefore) * expiresWithin) return undefined;
  const isExpired = notAfter <= now;
  const message = `The certificate of ${host} ${isExpired ? "expired" : "expires"} ${formatTime(notAfter)}`;
  return {
    kind: "certificate.expiring",
    host,
    severity: isExpired ? "critical" : "warning",
    message,
  };
}

/** From the moment that another issuer has the turn until the first one has issued again. */
function standInOf(holding: Holding, { issuers, lasted }: Judging): Trouble | undefined {
  const { host, turn, certificate, standIn, switchedBy } = holding;
  const kind = "issuer.switched";
  const kept = lasted(keyOf({ kind, host })) ? certificate?.issuer : undefined;
  const other = turn?.issuer ?? standIn ?? kept;
  const [firstIssuer] = issuers;
  if (other === undefined || other === firstIssuer || !issuers.includes(other)) return undefined;
  return {
    kind,
    host,
    severity: "warning",
    message: `${other} is asked for the certificate of ${host} in place of ${firstIssuer}`,
    detail: `${firstIssuer} failed${switchedBy === undefined ? " before" : `: ${detailOf(switchedBy)}`}`,
    hint: "Nothing needs to be done unless it lasts: the next renewal starts with the first issuer again.",
    nextAttemptAt: holding.nextAttemptAt,
  };
}

/** What is wrong with files given by hand, which nobody renews but a person: the worst of each kind. Pure. */
export function troublesOfGiven(given: Given, judging: FlawJudging): Trouble[] {
  const troubles = new Map<TroubleKind, Trouble>();
  for (const flaw of flawsOf(given, judging)) {
    const kind = kindOf(flaw);
    if (kind === undefined || troubles.has(kind)) continue;
    troubles.set(kind, {
      ...{ kind, host: given.host, severity: isGrave(flaw) ? "critical" : "warning" },
      message: messageOf(given, flaw),
      detail: detailOf({ type: flaw.code, detail: flaw.detail }),
      hint: `${remedyOf(given, flaw)}.`,
      nextAttemptAt: undefined,
    });
  }
  return [...troubles.values()];
}

function kindOf({ kind }: Flaw): TroubleKind | undefined {
  switch (kind) {
    case "unusable":
    case "misnamed":
    case "early":
    case "spoilt":
      return "certificate.unusable";
    case "expired":
    case "expiring":
      return "certificate.expiring";
    case "cut": // perhaps all clients know its issuer
    case "narrow": // perhaps nobody visits the others
      return undefined;
    default:
      return unreachable(kind);
  }
}

function messageOf({ host, pair }: Given, { kind }: Flaw): string {
  if (kind === "unusable") return `The certificate given by hand for ${host} cannot be used`;
  if (kind === "spoilt")
    return `The files of the certificate given by hand for ${host} cannot be used any more`;
  if (kind === "misnamed") return `The certificate given by hand for ${host} is for other hosts`;
  if (kind === "early") return `The certificate given by hand for ${host} is not valid yet`;
  const end = pair.kind === "usable" ? formatTime(pair.notAfter) : "";
  return `The certificate of ${host} ${kind === "expired" ? "expired" : "expires"} ${end}`;
}

function detailOf({ type, detail }: { readonly type: string; readonly detail: string }): string {
  return `${type}: ${detail}`;
}

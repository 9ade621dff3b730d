import { AcmeProblem, BINDING_HINT, hintFor, type Verdict, verdictOf } from "../acme/problem.ts";
import { codeOf, LatchkeyError, messageOf } from "../base/errors.ts";
import { limits } from "../config/limits.ts";
import type { FailureKind } from "../storage/attempts.ts";
import type { Failure } from "./attempts.ts";

/** What a person can do about a failure of ours, by its code. */
const HINTS: Readonly<Record<string, string>> = {
  NAME_NOT_FOUND: "Give the name an A or AAAA record that leads to this machine.",
  CHALLENGE_UNANSWERED:
    "Let every A and AAAA record of the name lead here, and no other server take ports 80 and 443.",
  ACME_CHALLENGE_FAILED:
    "Check that the name points to this machine and that ports 80 and 443 are reachable from the internet.",
  ACME_CHALLENGE_UNKNOWN:
    "Let acme.challenges name one that the CA offers: http-01 needs a listener under listen.http, tls-alpn-01 one under listen.https, dns-01 needs acme.dns; or choose another issuer.",
  ACME_ACCOUNT_BINDING:
    "Make an account on the CA's website and write the two values it shows as eab: { kid, hmac } of the issuer, or choose another issuer.",
  ACME_PROFILE_UNKNOWN:
    "Correct the profile of the issuer to one that the CA offers, or remove it.",
  CERTIFICATE_INVALID:
    "The CA sent a certificate that does not fit; the next attempt orders a new one.",
  KEY_REVOKED: "Nothing needs to be done: the next attempt orders a certificate for a new key.",
  CERTIFICATE_NOT_YET_VALID:
    "Set this machine's clock right; the same certificate is fetched again, and used when its time has come.",
  ACME_UNFINISHED:
    "Nothing needs to be done: the next attempt goes on with the same order. See the status page of the CA if it lasts.",
  DNS_FAILED:
    "Check `acme.dns` (credentials, zones) and that every name server of the zone serves what is put there; the CA was not told to look.",
  STORAGE_FAILED:
    "Free space on the disk of the storage folder, or make it writable; nothing is asked of the CA until then.",
  STORAGE_UNUSABLE: "Make the storage folder writable for the user that runs latchkey.",
  PROCESS_UNREACHABLE:
    "Nothing needs to be done if it is over within minutes; else the machine is too busy, or a process of this program hangs: see its log.",
  TimeoutError: "The CA was too slow; the order goes on at the next attempt.",
};

const FALLBACK_HINT = "See the log of the program for what happened around this time.";

/** Failures of ours that no issuer has to do with. */
const UNRELATED: ReadonlySet<string> = new Set([
  "CERTIFICATE_NOT_YET_VALID",
  "KEY_REVOKED",
  "PROCESS_UNREACHABLE",
  "DNS_FAILED",
  "STORAGE_FAILED",
  "STORAGE_UNUSABLE",
  "STORAGE_LOCKED",
]);

/** What is tried again as soon as what never reached the CA: that, and what goes on where it was. */
const UNREACHABLE: ReadonlySet<string> = new Set([...UNRELATED, "TimeoutError", "ACME_UNFINISHED"]);

/** Every nonce of many in a row was refused, which cost as many requests: the CA is broken. */
const BAD_NONCE = "urn:ietf:params:acme:error:badNonce";

/** Turns whatever ended an attempt into what the schedule and the operator want to know. */
export function judge(error: unknown): Failure {
  const verdict = verdictOf(error);
  const retryAfterMs = verdict.kind === "wait" ? undefined : verdict.afterMs;
  const code = codeOf(error) ?? (error instanceof Error ? error.name : "unknown");
  const type = error instanceof AcmeProblem ? error.type : code;
  const detail = error instanceof AcmeProblem ? error.detail : messageOf(error);
  const isNonceless = type === BAD_NONCE;
  const isDecisive = verdict.kind === "wait" || isNonceless;
  return {
    kind: kindOf(verdict, code),
    challenge: challengeIn(error),
    type,
    detail,
    hint: hintOf(error, type, detail),
    retryAfterMs,
    leastWaitMs: code === "CERTIFICATE_INVALID" || isNonceless ? limits.refusedMinMs : 0,
    weight: UNRELATED.has(code) ? "none" : isDecisive ? "decisive" : "counted",
  };
}

function hintOf(error: unknown, type: string, detail: string): string {
  const isBinding = error instanceof AcmeProblem && error.isBindingRefused;
  if (isBinding) return BINDING_HINT;
  return HINTS[type] ?? hintFor(type, detail, challengeOf(error)) ?? FALLBACK_HINT;
}

function kindOf({ kind }: Verdict, code: string): FailureKind {
  if (kind === "unreachable" || UNREACHABLE.has(code)) return "unreachable";
  return kind === "wait" ? "person" : "refused";
}

/** Failures that have to do with one port, one server or one kind of record, which a challenge of another type goes around. */
const CHALLENGE_FAULTS = /:(?:connection|dns|unauthorized|incorrectResponse|tls)$/;

function challengeOf(error: unknown): string | undefined {
  return error instanceof AcmeProblem ? error.challenge : undefined;
}

/** The type of the challenge that another type may do better than. */
function challengeIn(error: unknown): string | undefined {
  if (error instanceof AcmeProblem)
    return CHALLENGE_FAULTS.test(error.type) ? error.challenge : undefined;
  const challenge = error instanceof LatchkeyError ? error.facts["challenge"] : undefined;
  return typeof challenge === "string" ? challenge : undefined;
}

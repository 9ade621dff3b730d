import { AcmeProblem, hintFor, verdictOf } from "../acme/problem.ts";
import { codeOf, messageOf } from "../base/errors.ts";
import type { Failure } from "./attempts.ts";

/** What a person can do about a failure of ours, by its code. */
const HINTS: Readonly<Record<string, string>> = {
  ACME_CHALLENGE_FAILED:
    "Check that the name points to this machine and that ports 80 and 443 are reachable from the internet.",
  ACME_ACCOUNT_BINDING:
    "Make an account on the CA's website and write the two values it shows as eab: { kid, hmac } of the issuer, or choose another issuer.",
  CERTIFICATE_INVALID:
    "The CA sent a certificate that does not fit; the next attempt orders a new one.",
  STORAGE_FAILED:
    "Free space on the disk of the storage folder, or make it writable; nothing is asked of the CA until then.",
  STORAGE_UNUSABLE: "Make the storage folder writable for the user that runs latchkey.",
  TimeoutError: "The CA was too slow; the order goes on at the next attempt.",
};

const FALLBACK_HINT = "See the log of the program for what happened around this time.";

/** Failures of ours that no issuer has to do with. */
const UNRELATED: ReadonlySet<string> = new Set([
  "STORAGE_FAILED",
  "STORAGE_UNUSABLE",
  "STORAGE_LOCKED",
]);

/** Failures of ours that never reached the CA. */
const UNREACHABLE: ReadonlySet<string> = new Set([...UNRELATED, "TimeoutError"]);

/** Turns whatever ended an attempt into what the schedule and the operator want to know. */
export function judge(error: unknown): Failure {
  const verdict = verdictOf(error);
  const retryAfterMs = verdict.kind === "wait" ? undefined : verdict.afterMs;
  const code = codeOf(error) ?? (error instanceof Error ? error.name : "unknown");
  const type = error instanceof AcmeProblem ? error.type : code;
  const detail = error instanceof AcmeProblem ? error.detail : messageOf(error);
  return {
    kind: verdict.kind === "unreachable" || UNREACHABLE.has(code) ? "unreachable" : "refused",
    type,
    detail,
    hint: HINTS[type] ?? hintFor(type, detail) ?? FALLBACK_HINT,
    retryAfterMs,
    weight: UNRELATED.has(code) ? "none" : verdict.kind === "wait" ? "decisive" : "counted",
  };
}

import { AcmeProblem, hintFor, verdictOf } from "../acme/problem.ts";
import { codeOf, messageOf } from "../base/errors.ts";
import type { Failure } from "./attempts.ts";

/** What a person can do about a failure of ours, by its code. */
const HINTS: Readonly<Record<string, string>> = {
  ACME_UNREACHABLE: "Check that this machine reaches the CA: DNS, outgoing HTTPS, and its clock.",
  ACME_PROTOCOL: "The directory URL may not be an ACME server's; check acme.issuers.",
  ACME_CHALLENGE_FAILED:
    "Check that the name points to this machine and that ports 80 and 443 are reachable from the internet.",
  CERTIFICATE_INVALID:
    "The CA sent a certificate that does not fit; the next attempt orders a new one.",
  STORAGE_FAILED:
    "Free space on the disk of the storage folder, or make it writable; nothing is asked of the CA until then.",
  STORAGE_UNUSABLE: "Make the storage folder writable for the user that runs latchkey.",
  TimeoutError: "The CA was too slow; the order goes on at the next attempt.",
};

const FALLBACK_HINT = "See the log of the program for what happened around this time.";

/** Failures that never reached the CA, or that it never answered. */
const UNREACHABLE = new Set([
  "ACME_UNREACHABLE",
  "STORAGE_FAILED",
  "STORAGE_UNUSABLE",
  "STORAGE_LOCKED",
  "TimeoutError",
]);

/** Turns whatever ended an attempt into what the schedule and the operator want to know. */
export function judge(error: unknown): Failure {
  if (error instanceof AcmeProblem) {
    const verdict = verdictOf(error);
    return {
      kind: verdict.kind === "unreachable" ? "unreachable" : "refused",
      type: error.type,
      detail: error.detail,
      hint: hintFor(error.type, error.detail) ?? FALLBACK_HINT,
      retryAfterMs: error.retryAfterMs,
    };
  }
  const code = codeOf(error) ?? (error instanceof Error ? error.name : "unknown");
  return {
    kind: UNREACHABLE.has(code) ? "unreachable" : "refused",
    type: code,
    detail: messageOf(error),
    hint: HINTS[code] ?? FALLBACK_HINT,
    retryAfterMs: undefined,
  };
}

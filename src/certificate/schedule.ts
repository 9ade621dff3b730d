import { createHash } from "node:crypto";
import { unreachable } from "../base/errors.ts";
import { limits } from "../config/limits.ts";
import type { FailureKind } from "../storage/attempts.ts";

/** The life of a certificate, in milliseconds since the epoch. */
export interface Validity {
  readonly notBefore: number;
  readonly notAfter: number;
}

/** Lifetimes under this renew at half, others with a third left (Let's Encrypt's integration guide). */
const SHORT_LIFETIME_MS = 10 * 86_400_000;

/**
 * When to renew, in milliseconds since the epoch: with `at` of the lifetime left, or (`auto`) with a
 * third of it left, half under ten days; moved up to a tenth of that rest earlier (of the time before
 * it, where that is shorter, so that it never comes before the certificate), so that certificates
 * issued together part ways. 90 days: day 57-60. 160 hours: hour 72-80.
 *
 * @param spread 0 (not moved) to 1 (moved fully); see {@link spreadOf}.
 */
export function renewalTime(
  { notBefore, notAfter }: Validity,
  at: "auto" | number,
  spread: number,
): number {
  const lifetimeMs = notAfter - notBefore;
  const left = at === "auto" ? (lifetimeMs < SHORT_LIFETIME_MS ? 1 / 2 : 1 / 3) : at;
  const restMs = lifetimeMs * left;
  const movableMs = Math.min(restMs, lifetimeMs - restMs) * limits.jitter;
  return Math.round(notAfter - restMs - movableMs * spread);
}

/** A number from 0 to 1 that a certificate keeps for life, also across restarts. */
export function spreadOf(serial: string): number {
  return createHash("sha256").update(serial).digest().readUInt32BE(0) / 0xffff_ffff;
}

/**
 * When to try again after the `attempts`-th failure in a row (1 is the first).
 * Unreachable: 1, 2, 4, 8, 15, 15 … min. Refused: 1, 10, 100 min, then the smaller of a day and a
 * tenth of the life that is left, at least an hour. A person's: a day. All ± 10 %. What the CA asks for wins over it: see
 * {@link waitUntil}.
 *
 * @param lifeLeftMs What is left of the certificate in use; 0 without one.
 * @param chance 0 to 1, drawn for this failure.
 */
export function retryTime(
  now: number,
  failure: {
    readonly kind: FailureKind;
    readonly attempts: number;
    readonly lifeLeftMs: number;
  },
  chance: number,
): number {
  return Math.round(now + waitAfter(failure) * (1 + limits.jitter * (2 * chance - 1)));
}

function waitAfter(failure: Parameters<typeof retryTime>[1]): number {
  switch (failure.kind) {
    case "unreachable":
      return unreachableWait(failure.attempts);
    case "person":
      return limits.refusedMaxMs;
    case "refused":
      return refusedWait(failure.attempts, failure.lifeLeftMs);
    default:
      return unreachable(failure.kind);
  }
}

/** No wait of ours is longer, so that a later moment was named under another clock: then it is a day from now. */
export function withinADay(at: number, now: number): number {
  return at - now > limits.refusedMaxMs * (1 + limits.jitter) ? now + limits.refusedMaxMs : at;
}

/** The moment that a Retry-After (in milliseconds) means: believed from a minute to a day. */
export function waitUntil(now: number, retryAfterMs: number): number {
  return now + Math.min(Math.max(retryAfterMs, limits.retryAfterMinMs), limits.retryAfterMaxMs);
}

function unreachableWait(attempts: number): number {
  return Math.min(
    limits.unreachableMinMs * 2 ** Math.min(attempts - 1, 10),
    limits.unreachableMaxMs,
  );
}

function refusedWait(attempts: number, lifeLeftMs: number): number {
  const step = limits.refusedLadderMs[attempts - 1];
  if (step !== undefined) return step;
  const tenth = lifeLeftMs > 0 ? lifeLeftMs / 10 : limits.refusedMaxMs;
  return Math.max(limits.refusedMinMs, Math.min(limits.refusedMaxMs, tenth));
}

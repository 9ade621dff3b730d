import { limits } from "../config/limits.ts";
import type { Holding } from "./records.ts";

/** Before everything else: a person waits for it. */
export const FIRST = Number.NEGATIVE_INFINITY;

/** Further than any expiry (9999-12-31 is RFC 5280's last), in milliseconds since the epoch. */
const NEW = 300_000_000_000_000;
const DEAD = 2 * NEW;

/** A new name that a visitor waits for comes before those that nobody waits for. */
export function rankOfVisited(rank: number): number {
  return rank === NEW ? NEW - 1 : rank;
}

/**
 * How urgent an attempt is, the lowest first: renewals before new names, the nearest expiry first, and last
 * what has failed for long without a certificate. Those all share one rank: who waits longest is first.
 */
export function rankOf(holding: Holding, now: number): number {
  const { certificate } = holding;
  if (certificate !== undefined && certificate.notAfter > now) return certificate.notAfter;
  if (isDead(holding)) return DEAD;
  return certificate?.notAfter ?? NEW;
}

/** Is it tried once a day, because it only ever fails and there is nothing to lose? */
function isDead({ attempts, failureKind }: Holding): boolean {
  return failureKind !== "unreachable" && attempts > limits.refusedLadderMs.length;
}

import type { Candidate } from "./candidate.ts";

/**
 * The one with the fewest requests under way for its share, as this worker counts them; of equals, each
 * in its turn. `undefined` when none may be chosen.
 */
export function chooseLeastBusy<Each extends Candidate>(
  candidates: readonly Each[],
): Each | undefined {
  let best: Each | undefined;
  for (const each of candidates) {
    if (each.share === 0) continue;
    each.credit += each.share;
    if (best === undefined || isBefore(each, best)) best = each;
  }
  // Its turn is over; the longer the others have waited, the sooner they have theirs.
  if (best !== undefined) best.credit = 0;
  return best;
}

/** Has it less to do for its share, counting the request that is dealt out? */
export function isLessBusy(one: Candidate, other: Candidate): boolean {
  return (one.active + 1) * other.share < (other.active + 1) * one.share;
}

function isBefore(one: Candidate, best: Candidate): boolean {
  return isLessBusy(one, best) || (!isLessBusy(best, one) && one.credit > best.credit);
}

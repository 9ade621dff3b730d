import type { Candidate } from "./candidate.ts";

/**
 * Smooth weighted round robin: each gets its share of the turns, spread as evenly as can be (`a a b a`
 * and not `a a a b`). `undefined` when none may be chosen.
 */
export function chooseInRotation<Each extends Candidate>(
  candidates: readonly Each[],
): Each | undefined {
  let total = 0;
  let best: Each | undefined;
  for (const each of candidates) {
    if (each.share === 0) continue;
    each.credit += each.share;
    total += each.share;
    if (best === undefined || each.credit > best.credit) best = each;
  }
  if (best !== undefined) best.credit -= total;
  return best;
}

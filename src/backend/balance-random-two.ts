import { isLessBusy } from "./balance-least-connections.ts";
import type { Candidate } from "./candidate.ts";

/** A random number from 0 to below 1. */
export type Random = () => number;

/**
 * The less busy of two that are drawn by their shares ("power of two choices"): nearly as even as the
 * least busy of all, without every worker running to the same one. `undefined` when none may be chosen.
 */
export function chooseOfTwo<Each extends Candidate>(
  candidates: readonly Each[],
  random: Random,
): Each | undefined {
  const one = draw(candidates, random, undefined);
  const other = one && draw(candidates, random, one);
  if (one === undefined || other === undefined) return one;
  return isLessBusy(other, one) ? other : one;
}

/** One at random, as likely as its share says, and not `except`. */
function draw<Each extends Candidate>(
  candidates: readonly Each[],
  random: Random,
  except: Each | undefined,
): Each | undefined {
  let total = 0;
  for (const each of candidates) if (each !== except) total += each.share;
  let left = random() * total;
  let last: Each | undefined;
  for (const each of candidates) {
    if (each === except || each.share === 0) continue;
    last = each; // rounding may leave a little over at the end
    left -= each.share;
    if (left < 0) break;
  }
  return last;
}

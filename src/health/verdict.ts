import type { HealthCheck } from "../config/destination.ts";

/** What has come of looking at a backend. */
export interface Verdict {
  /** Undefined until the first look: until then it counts as up. */
  readonly isHealthy: boolean | undefined;
  /** Looks in a row that said the opposite. */
  readonly against: number;
}

/** Nobody has looked yet. */
export const UNKNOWN: Verdict = { isHealthy: undefined, against: 0 };

/**
 * The verdict after one more look. The first look decides by itself, so that a program that starts does
 * not send visitors to a backend that is plainly down; from then on it takes as many in a row as the
 * check says.
 */
export function judgeLook(
  { isHealthy, against }: Verdict,
  isGood: boolean,
  { healthyAfter, unhealthyAfter }: Pick<HealthCheck, "healthyAfter" | "unhealthyAfter">,
): Verdict {
  if (isHealthy === undefined) return { isHealthy: isGood, against: 0 };
  if (isGood === isHealthy) return { isHealthy, against: 0 };
  const needed = isGood ? healthyAfter : unhealthyAfter;
  return against + 1 >= needed
    ? { isHealthy: isGood, against: 0 }
    : { isHealthy, against: against + 1 };
}

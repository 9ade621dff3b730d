import { limits } from "../config/limits.ts";

/** How the life of a child was. */
export interface End {
  /** Had it been told to finish? */
  readonly wanted: boolean;
  readonly livedMs: number;
  readonly wasReady: boolean;
}

/** Early deaths in a row of one place, after one more end. Pure. */
export function deathsAfter(before: number, { wanted, livedMs }: End): number {
  return wanted || livedMs >= limits.restartForgetMs ? 0 : before + 1;
}

/**
 * At once after a wanted end; after 0.1 s doubling to 30 s when children keep dying young. What kills every worker
 * after a while must not keep them all waiting: the last one that could serve is soon back. Pure.
 *
 * @param isLast Does no other one serve?
 */
export function restartWaitMs(deaths: number, end: End, isLast: boolean): number {
  if (end.wanted) return 0;
  const maxMs = isLast && end.wasReady ? limits.restartLastMaxMs : limits.restartMaxMs;
  return Math.min(maxMs, limits.restartMinMs * 2 ** Math.max(0, deaths - 1));
}

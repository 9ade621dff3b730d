import { limits } from "../config/limits.ts";
import type { IssuerTurn } from "../storage/attempts.ts";

/**
 * How a failure weighs on the issuer that the attempt was made with: `none`, for what it has nothing to
 * do with (our own disk); `counted`, so that several in a row mean the next one; `decisive`, for what
 * asking the same one again cannot mend.
 */
export type Weight = "none" | "counted" | "decisive";

/** With one issuer failing this often in a row, the next of the list has its turn. */
const FAILURES_PER_ISSUER = 2;

/** A failure as the turn sees it; times in milliseconds since the epoch. */
export interface TurnedFailure {
  readonly weight: Weight;
  readonly now: number;
  /** Until when the issuer asked us to wait; `undefined` when it did not. */
  readonly waitUntil: number | undefined;
  /** When our own ladder says to try again. */
  readonly ladderAt: number;
}

/** The issuer of the next attempt among `issuers` (URLs of directories, in order): the first unless another has its turn. */
export function issuerInTurn(issuers: readonly string[], turn: IssuerTurn | undefined): number {
  return Math.max(0, issuers.indexOf(turn?.issuer ?? ""));
}

/**
 * Whose turn it is after a failure, and when. The next issuers of the list are asked at once, since they have
 * not said no; those before them by the ladder, when the round starts again. Until the moment that an issuer
 * named nothing is asked of it: whoever lets itself be asked before the others has the turn, so that one that
 * wants a day of peace holds up nobody.
 */
export function turnAfter(
  issuers: readonly string[],
  turn: IssuerTurn | undefined,
  failure: TurnedFailure,
): { readonly turn: IssuerTurn; readonly at: number } {
  const { now, waitUntil, ladderAt } = failure;
  const index = issuerInTurn(issuers, turn);
  const issuer = issuers[index] ?? "";
  const before = turn?.issuer === issuer ? turn.failures : 0;
  const failures = failure.weight === "none" ? before : before + 1;
  const waits = waitsAfter(turn, issuer, failure);
  if (issuers.length < 2 || !isOver(failure, failures))
    return { turn: { issuer, failures, waits }, at: waitUntil ?? ladderAt };
  const readyAt = (place: number, name: string) =>
    Math.max(place > index ? now : ladderAt, waits[name] ?? 0);
  const places = issuers.map((name, place) => ({ name, place, at: readyAt(place, name) }));
  const inTurn = [...places.slice(index + 1), ...places.slice(0, index + 1)];
  const next = inTurn.reduce((best, each) => (each.at < best.at ? each : best));
  return { turn: { issuer: next.name, failures: 0, waits }, at: next.at };
}

function isOver({ weight, waitUntil, now }: TurnedFailure, failures: number): boolean {
  const isLongWait = waitUntil !== undefined && waitUntil - now >= limits.refusedMinMs;
  return weight === "decisive" || isLongWait || failures >= FAILURES_PER_ISSUER;
}

/** What issuers asked us to wait for, without what is over. */
function waitsAfter(
  turn: IssuerTurn | undefined,
  issuer: string,
  { waitUntil, now }: TurnedFailure,
): Readonly<Record<string, number>> {
  const kept = Object.entries(turn?.waits ?? {}).filter(
    ([name, until]) => name !== issuer && until > now,
  );
  return Object.fromEntries(waitUntil === undefined ? kept : [...kept, [issuer, waitUntil]]);
}

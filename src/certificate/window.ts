import { limits } from "../config/limits.ts";
import type { StoredRenewalInfo, StoredWindow } from "../storage/renewal-info.ts";
import type { Validity } from "./schedule.ts";

/** What a CA answered about a certificate (RFC 9773 §4.2). Times in milliseconds since the epoch. */
export interface Suggestion {
  readonly start: number;
  readonly end: number;
  readonly explanationUrl: string | undefined;
  /** Not clamped. */
  readonly retryAfterMs: number | undefined;
}

/** The certificate that a suggestion is about. */
export interface Subject extends Validity {
  readonly serial: string;
}

/** How often a CA is asked; see `renewalInfo…` of the limits. */
export interface Polling {
  /** Not more often than this, also after a failure. */
  readonly minMs: number;
  /** Not less often than this, unless `minMs` is longer. */
  readonly maxMs: number;
  /** When the CA does not say; also the longest wait after failures. */
  readonly usualMs: number;
}

/** Less of the life than this left, and a CA's advice no longer delays the renewal. */
const ADVICE_DELAYS_UNTIL_LEFT = 1 / 20;
/** Before that there is room for the first attempts after one that is refused, of a short life this part at most. */
const ROOM_MS = limits.refusedLadderMs.reduce((sum, ms) => sum + ms * (1 + limits.jitter), 0);
const ROOM_MAX = 1 / 4;
/** Between two renewals that a CA hurried lies this part of the life, within `renewalRestMaxMs`. */
const REST = 1 / 10;

/** The questions of a program that runs; tests have shorter waits. */
export function polling(): Polling {
  return {
    minMs: limits.renewalInfoMinMs,
    maxMs: limits.renewalInfoMaxMs,
    usualMs: limits.renewalInfoUsualMs,
  };
}

/** Can it be meant? One that reaches beyond the end of the certificate cannot, nor one from before there were any. */
export function isBelievable(
  { start, end }: Pick<Suggestion, "start" | "end">,
  { notAfter }: Validity,
): boolean {
  return start >= 0 && start < end && end <= notAfter;
}

/**
 * When to renew by a CA's advice: at the moment picked, which may be past, but with at least a twentieth of
 * the life left, and room for some attempts before that. `undefined` when the CA gave no window.
 */
export function advisedTime(
  subject: Validity,
  { window, hurriedAt = 0 }: Pick<StoredRenewalInfo, "window" | "hurriedAt">,
): number | undefined {
  if (window === undefined) return undefined;
  return Math.round(Math.min(Math.max(window.pickedAt, hurriedAt), latestOf(subject)));
}

function latestOf({ notBefore, notAfter }: Validity): number {
  const lifetimeMs = notAfter - notBefore;
  const roomMs = Math.min(ROOM_MS, lifetimeMs * ROOM_MAX);
  return notAfter - lifetimeMs * ADVICE_DELAYS_UNTIL_LEFT - roomMs;
}

/**
 * What is known after a CA gave a window that {@link isBelievable}. The moment is drawn evenly from a
 * window that is new, as far as it is not too late (so that names of one time part ways), and kept while it stays the same (RFC 9773 §4.2).
 *
 * A moment that is past, or comes soon after issuance, hurries the renewal: the certificate may be about to be
 * revoked. A CA that always says so would have us order without end: the next hurry comes a while after the last.
 *
 * @param known What was known before, perhaps of the certificate before this one.
 * @param chance From 0, below 1.
 */
export function afterSuggestion(
  known: StoredRenewalInfo | undefined,
  subject: Subject,
  suggestion: Suggestion,
  { now, chance, polling }: Draw,
): StoredRenewalInfo {
  const own = known?.serial === subject.serial ? known : undefined;
  const window = pick(suggestion, own?.window, latestOf(subject), chance);
  return {
    serial: subject.serial,
    nextCheckAt: now + between(suggestion.retryAfterMs ?? polling.usualMs, polling),
    failures: 0,
    window,
    hurriedAt: hurryOf(window, known, own, subject, now),
  };
}

function hurryOf(
  { pickedAt }: StoredWindow,
  known: StoredRenewalInfo | undefined,
  own: StoredRenewalInfo | undefined,
  { notBefore, notAfter }: Validity,
  now: number,
): number | undefined {
  const restMs = Math.min((notAfter - notBefore) * REST, limits.renewalRestMaxMs);
  const isHurry = pickedAt <= now || pickedAt < notBefore + restMs;
  const isNews = pickedAt !== own?.window?.pickedAt;
  // Windows may move on with the clock while a renewal is tried: that does not put it off.
  if (!isHurry || !isNews || isHurried(own)) return known?.hurriedAt;
  const restedAt = known?.hurriedAt === undefined ? now : Math.round(known.hurriedAt + restMs);
  return Math.max(now, pickedAt, restedAt);
}

function isHurried(own: StoredRenewalInfo | undefined): boolean {
  const { window, hurriedAt } = own ?? {};
  return window !== undefined && hurriedAt !== undefined && window.pickedAt <= hurriedAt;
}

/** What is known of a CA that advises nobody: its directory is looked at again, which by then is old. */
export function withoutAdvice(
  known: StoredRenewalInfo | undefined,
  { serial }: Subject,
  { now, polling }: Draw,
): StoredRenewalInfo {
  const nextCheckAt = now + polling.maxMs;
  return { serial, nextCheckAt, failures: 0, window: undefined, hurriedAt: known?.hurriedAt };
}

/**
 * What is known after a CA gave no window that can be used: what was known before, and a next look
 * after 1, 2, 4 … min ± 10 %, at most `usualMs`; later if the CA said so.
 */
export function afterFailure(
  known: StoredRenewalInfo | undefined,
  { serial }: Subject,
  retryAfterMs: number | undefined,
  { now, chance, polling }: Draw,
): StoredRenewalInfo {
  const own = known?.serial === serial ? known : undefined;
  const failures = (own?.failures ?? 0) + 1;
  const waitMs = failureWait(failures, retryAfterMs, chance, polling);
  return {
    serial,
    nextCheckAt: now + waitMs,
    failures,
    window: own?.window,
    // Also of the certificate before.
    hurriedAt: known?.hurriedAt,
  };
}

/** How long to wait after the `failures`-th failure in a row; 1 is the first. */
export function failureWait(
  failures: number,
  retryAfterMs: number | undefined,
  chance: number,
  polling: Polling,
): number {
  const stepMs = Math.min(polling.minMs * 2 ** Math.min(failures - 1, 20), polling.usualMs);
  const movedMs = stepMs * (1 + limits.jitter * (2 * chance - 1));
  return between(Math.max(movedMs, retryAfterMs ?? 0), polling);
}

/**
 * What storage holds, as far as it can be believed of this certificate; a wall clock that was wrong
 * when it was written must not put off the next look for years.
 */
export function recalled(
  stored: StoredRenewalInfo,
  subject: Subject,
  now: number,
  polling: Polling,
): StoredRenewalInfo {
  const { serial, window } = stored;
  const isOwn = serial === subject.serial;
  const isUsable = window !== undefined && (!isOwn || isBelievable(window, subject));
  return {
    ...stored,
    window: isUsable ? window : undefined,
    nextCheckAt: Math.min(stored.nextCheckAt, now + polling.maxMs),
  };
}

/** The circumstances of a decision. */
export interface Draw {
  readonly now: number;
  /** From 0, below 1. */
  readonly chance: number;
  readonly polling: Polling;
}

function pick(
  { start, end, explanationUrl }: Suggestion,
  known: StoredWindow | undefined,
  latestAt: number,
  chance: number,
): StoredWindow {
  const isSame = known?.start === start && known.end === end;
  const until = start < latestAt ? Math.min(end, latestAt) : end;
  const pickedAt = isSame ? known.pickedAt : start + Math.floor((until - start) * chance);
  return { start, end, pickedAt, explanationUrl };
}

function between(ms: number, { minMs, maxMs }: Polling): number {
  return Math.round(Math.max(Math.min(ms, maxMs), minMs));
}

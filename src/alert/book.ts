import { keyOf, type Trouble } from "../base/trouble.ts";
import { limits } from "../config/limits.ts";
import type { ToldTrouble } from "../storage/told-troubles.ts";
import type { NoticeState } from "./notice.ts";
import { type Due, type Telling, tell } from "./tell.ts";

/** What is wrong now, as far as that is known. */
export interface Sight {
  readonly troubles: readonly Trouble[];
  /** Nobody has looked yet whether this one lasts: it is neither on nor over. */
  isUndecided(key: string): boolean;
}

/** What leaves: messages that are on their way, and those that may follow. */
export interface Outbox {
  /** Takes one of the messages that may be sent now; `false` when there is none left. */
  take(): boolean;
  /** Is the last message about this one still on its way? Then it has not failed yet. */
  holds(key: string): boolean;
}

/**
 * The book of what was told, one step on: which of the troubles of now have begun, have grown worse,
 * last for another day, or are over. Pure: the caller saves the book, then sends the tellings.
 *
 * @param outbox What finds no message waits in the book; see {@link tell}.
 */
export function turnPage(
  book: readonly ToldTrouble[],
  sight: Sight,
  now: number,
  outbox: Outbox,
): { readonly book: readonly ToldTrouble[]; readonly tellings: readonly Telling[] } {
  const pages = new Map(book.map((told) => [told.key, settled(told, now)]));
  const on = new Map(sight.troubles.map((trouble) => [keyOf(trouble), trouble]));
  const over = [...pages.values()].filter(({ key }) => !on.has(key) && !sight.isUndecided(key));
  const found = [...turnThoseOn(pages, on, now), ...turnThoseOver(pages, over, now)];
  const due = found.filter((each) => !isAgain(each) || !outbox.holds(each.told.key));
  const tellings = tell(due, now, () => outbox.take());
  const keys = new Set(tellings.flatMap((telling) => telling.keys));
  for (const each of due) {
    if (keys.has(each.told.key)) pages.set(each.told.key, afterTelling(each, now));
  }
  return { book: [...pages.values()], tellings };
}

type Pages = Map<string, ToldTrouble>;

/** Brings their pages up to date; what of them is due to be told. */
function turnThoseOn(pages: Pages, on: ReadonlyMap<string, Trouble>, now: number): Due[] {
  const due: Due[] = [];
  for (const [key, trouble] of on) {
    if (!pages.has(key) && pages.size >= limits.troublesMax) continue; // its turn comes when others are over
    const told = onAgain(pages.get(key) ?? newPage(key, trouble, now), now);
    pages.set(key, told);
    const state = dueWhileOn(told, trouble, now);
    if (state !== undefined) due.push({ told, trouble, state });
  }
  return due;
}

/** The same for what is over. */
function turnThoseOver(pages: Pages, over: readonly ToldTrouble[], now: number): Due[] {
  const due: Due[] = [];
  for (const before of over) {
    const told = { ...before, endedAt: before.endedAt ?? now };
    if (isForgotten(told, now)) pages.delete(told.key);
    else pages.set(told.key, told);
    if (isDueWhenOver(told, now)) due.push({ told, trouble: undefined, state: "recovered" });
  }
  return due;
}

/** A receiver has taken it: it need not be told again. */
export function markDelivered(
  book: readonly ToldTrouble[],
  { keys, notice }: Telling,
): readonly ToldTrouble[] {
  const at = Date.parse(notice.at);
  const isMeant = ({ key, toldAt }: ToldTrouble) => keys.includes(key) && toldAt === at;
  return book.map((told) => (isMeant(told) ? { ...told, isDelivered: true } : told));
}

/** A clock that was wrong by a year must not make us silent for one. */
function settled(told: ToldTrouble, now: number): ToldTrouble {
  const { toldAt } = told;
  return toldAt !== undefined && toldAt > now ? { ...told, toldAt: now } : told;
}

function newPage(
  key: string,
  { kind, host, severity, message }: Trouble,
  now: number,
): ToldTrouble {
  const untold = { state: undefined, toldAt: undefined, isDelivered: false, endedAt: undefined };
  return { key, kind, host, severity, message, since: now, ...untold };
}

function onAgain(told: ToldTrouble, now: number): ToldTrouble {
  return told.endedAt === undefined ? told : { ...told, since: now, endedAt: undefined };
}

function dueWhileOn(told: ToldTrouble, trouble: Trouble, now: number): NoticeState | undefined {
  const { state, toldAt = Number.NEGATIVE_INFINITY, isDelivered } = told;
  const quietMs = now - toldAt;
  // One that comes and goes is told of once an hour.
  if (state !== "begun") return quietMs >= limits.alertQuietMs ? "begun" : undefined;
  if (hasGrown(told, trouble)) return "begun";
  if (!isDelivered) return quietMs >= limits.alertRetellMs ? "begun" : undefined;
  return quietMs >= limits.alertReminderMs ? "reminder" : undefined;
}

/** Was the same told, and not taken? */
function isAgain({ told, trouble, state }: Due): boolean {
  return told.state === state && !told.isDelivered && !hasGrown(told, trouble);
}

function hasGrown(told: ToldTrouble, trouble: Trouble | undefined): boolean {
  return trouble?.severity === "critical" && told.severity !== "critical";
}

function isDueWhenOver({ state, toldAt = 0, isDelivered }: ToldTrouble, now: number): boolean {
  if (state === "begun") return true;
  return state === "recovered" && !isDelivered && now - toldAt >= limits.alertRetellMs;
}

/** Is there nothing left to be told of it, nor to be remembered against its coming back? */
function isForgotten(
  { state, toldAt = 0, isDelivered, endedAt = 0 }: ToldTrouble,
  now: number,
): boolean {
  if (state !== "recovered") return state === undefined;
  return isDelivered
    ? now - toldAt >= limits.alertQuietMs
    : now - endedAt >= limits.alertReminderMs;
}

function afterTelling({ told, trouble, state }: Due, now: number): ToldTrouble {
  const { severity, message } = trouble ?? told;
  const isOver = state === "recovered";
  return {
    ...told,
    severity,
    message,
    state: isOver ? state : "begun",
    toldAt: now,
    isDelivered: false,
  };
}

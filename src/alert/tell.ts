import { formatTime } from "../base/format-time.ts";
import type { Trouble } from "../base/trouble.ts";
import type { ToldTrouble } from "../storage/told-troubles.ts";
import type { Notice, NoticeState } from "./notice.ts";

/** One thing that is due to be told. */
export interface Due {
  readonly told: ToldTrouble;
  /** As it is now; `undefined` when it is over. */
  readonly trouble: Trouble | undefined;
  readonly state: NoticeState;
}

/** Something to be told: what receivers get, and the troubles it tells of. */
export interface Telling {
  readonly notice: Notice;
  readonly keys: readonly string[];
}

/** In a message about several, the rest is counted. */
const NAMED_MAX = 20;

/**
 * A message for each, the most urgent first; when there are fewer messages than things to tell, the
 * last one tells of all the rest together. Without any, nothing is told.
 *
 * @param take Takes a message; `false` when there is none left.
 */
export function tell(due: readonly Due[], now: number, take: () => boolean): readonly Telling[] {
  const sorted = due.toSorted((a, b) => urgencyOf(a) - urgencyOf(b));
  let messages = 0;
  while (messages < sorted.length && take()) messages += 1;
  if (messages === sorted.length) return sorted.map((each) => single(each, now));
  if (messages === 0) return [];
  const [first, rest] = [sorted.slice(0, messages - 1), sorted.slice(messages - 1)];
  return [...first.map((each) => single(each, now)), together(rest, now)];
}

function urgencyOf({ state, trouble, told }: Due): number {
  if (state === "recovered") return 3;
  if (state === "reminder") return 2;
  return (trouble ?? told).severity === "critical" ? 0 : 1;
}

function single({ told, trouble, state }: Due, now: number): Telling {
  const { kind, host, severity, message } = trouble ?? told;
  const next = trouble?.nextAttemptAt;
  const notice: Notice = {
    event: kind,
    state,
    key: told.key,
    host: host ?? null,
    severity,
    message: state === "recovered" ? over(message) : message,
    detail: trouble?.detail ?? null,
    hint: trouble?.hint ?? null,
    nextAttemptAt: next === undefined ? null : formatTime(next),
    since: formatTime(told.since),
    at: formatTime(now),
  };
  return { notice, keys: [told.key] };
}

/** The first half of its sentence says what was wrong; the rest of it was true then. */
function over(message: string): string {
  return `No longer so: ${message.split("; ")[0]}`;
}

function together(due: readonly Due[], now: number): Telling {
  const isOver = due.every(({ state }) => state === "recovered");
  const isCritical = due.some(
    ({ state, trouble }) => state !== "recovered" && trouble?.severity === "critical",
  );
  const named = due.slice(0, NAMED_MAX).map(({ state, told }) => `${state}: ${told.key}`);
  const unnamed = due.length - named.length;
  const notice: Notice = {
    event: "alerts.more",
    state: isOver ? "recovered" : "begun",
    key: "alerts.more",
    host: null,
    severity: isCritical ? "critical" : "warning",
    message: `${due.length} more alerts, told together since there are so many`,
    detail: [...named, ...(unnamed > 0 ? [`and ${unnamed} more`] : [])].join("\n"),
    hint: "See `latchkey certs` for each host.",
    nextAttemptAt: null,
    since: formatTime(Math.min(...due.map(({ told }) => told.since))),
    at: formatTime(now),
  };
  return { notice, keys: due.map(({ told }) => told.key) };
}

import type { Severity, TroubleKind } from "../base/trouble.ts";

/** One alert, as receivers get it: the body of a webhook, the standard input of a program. Plain JSON. */
export interface Notice {
  /** What it is about; `alerts.more` stands for several that would have been too many at once. */
  readonly event: TroubleKind | "alerts.more";
  /** `begun` once; `reminder` at most once a day while it lasts; `recovered` once. */
  readonly state: NoticeState;
  /** The same for all that is told of one trouble, for receivers that put them together. */
  readonly key: string;
  readonly host: string | null;
  readonly severity: Severity;
  /** One sentence. */
  readonly message: string;
  /** The cause, verbatim; `null` where there is none any more. */
  readonly detail: string | null;
  /** What a person can do. */
  readonly hint: string | null;
  /** When the next attempt is made; times are RFC 3339, UTC. */
  readonly nextAttemptAt: string | null;
  /** Since when it lasts, or lasted. */
  readonly since: string;
  /** When it was told. */
  readonly at: string;
}

export type NoticeState = "begun" | "reminder" | "recovered";

/** What a webhook gets: the notice, the machine that tells it, and all of it as `text`, which chats show. */
export function webhookBody(notice: Notice, machine: string): string {
  return JSON.stringify({ ...notice, machine, text: textOf(notice, machine) });
}

const HEADING: Readonly<Record<NoticeState, string>> = {
  begun: "Trouble",
  reminder: "Still in trouble",
  recovered: "Recovered",
};

function textOf({ state, message, detail, hint, nextAttemptAt }: Notice, machine: string): string {
  const lines = [`${HEADING[state]} at ${machine}: ${message}`];
  if (detail !== null && detail !== "") lines.push(detail);
  if (hint !== null && hint !== "") lines.push(`→ ${hint}`);
  if (nextAttemptAt !== null) lines.push(`Next attempt: ${nextAttemptAt}`);
  return lines.join("\n");
}

/** The same as variables of a program's environment: `LATCHKEY_EVENT`, `LATCHKEY_HOST` …; empty where there is nothing. */
export function environmentOf(notice: Notice, machine: string): Record<string, string> {
  const facts = Object.entries({ ...notice, machine });
  return Object.fromEntries(
    facts.map(([name, value]) => [
      `LATCHKEY_${name.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`,
      value ?? "",
    ]),
  );
}

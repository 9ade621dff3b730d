import type { Auth } from "./auth.ts";
import type { ClientAuth } from "./config.ts";
import type { PathEntry } from "./destination.ts";
import { formatDuration, formatSize } from "./quantities.ts";
import type { Rules } from "./rules.ts";

/**
 * Who is let in at an entry of `paths`, and how much of them is taken, behind what it does: ` (auth basic, deny 2,
 * rate 100/1s)`. Empty where everybody is. Names no user, address or file.
 */
export function describeGuards(entry: PathEntry): string {
  const { auth, rules } = entry;
  const maxBody = entry.answer === undefined ? entry.maxBodyBytes : undefined;
  return inBrackets([
    ...authNotes(auth),
    ...ruleNotes(rules),
    ...(maxBody === undefined ? [] : [`body ${formatSize(maxBody)}`]),
  ]);
}

/** The same of a host that answers by itself. */
export function describeRules(rules: Rules | undefined): string {
  return inBrackets(ruleNotes(rules));
}

/** Which certificates clients show, behind where ours is from: ` (mTLS)`. Empty where none is asked for. */
export function describeClientAuth(clientAuth: ClientAuth | undefined): string {
  if (clientAuth === undefined) return "";
  return clientAuth.mode === "require" ? " (mTLS)" : " (mTLS if shown)";
}

function authNotes(auth: Auth | undefined): readonly string[] {
  return auth === undefined ? [] : [`auth ${auth.kind}`];
}

function ruleNotes({ allow, deny, maintenance, rateLimit }: Rules = {}): readonly string[] {
  const notes: string[] = [];
  if (allow !== undefined) notes.push(`allow ${allow.length}`);
  if (deny !== undefined) notes.push(`deny ${deny.length}`);
  if (maintenance !== undefined)
    notes.push(maintenance.marker === undefined ? "maintenance" : "maintenance by marker");
  if (rateLimit !== undefined)
    notes.push(`rate ${rateLimit.requests}/${formatDuration(rateLimit.perMs)}`);
  return notes;
}

function inBrackets(notes: readonly string[]): string {
  return notes.length === 0 ? "" : ` (${notes.join(", ")})`;
}

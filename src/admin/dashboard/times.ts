import { type Html, html } from "./html.ts";

const UNITS = [
  { name: "day", ms: 86_400_000 },
  { name: "hour", ms: 3_600_000 },
  { name: "minute", ms: 60_000 },
  { name: "second", ms: 1_000 },
] as const;

/** `in 3 days`, `1 hour ago`, `now`; of two units the smaller one, until it comes to two of the larger. */
export function distanceInWords(ms: number): string {
  const away = Math.abs(ms);
  if (Number.isNaN(ms)) return "at an unknown time";
  const unit = UNITS.find((each) => away >= 2 * each.ms) ?? UNITS[3];
  const amount = Math.floor(away / unit.ms);
  if (amount === 0) return "now";
  const words = `${amount} ${unit.name}${amount === 1 ? "" : "s"}`;
  return ms < 0 ? `${words} ago` : `in ${words}`;
}

/** A moment (RFC 3339, UTC): how far away it is, and when. */
export function moment(at: string, now: number): Html {
  return html`${distanceInWords(Date.parse(at) - now)} ${exactly(at)}`;
}

/** A moment to the second. */
export function exactly(at: string): Html {
  const exact = at.replace(/\.\d+Z$/, "Z");
  return html`<time datetime="${exact}">${exact}</time>`;
}

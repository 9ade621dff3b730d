import type { CertificateRecord, CertificateState } from "../../base/certificate-record.ts";
import { healthOf } from "../health.ts";
import { isTroubled, type Snapshot } from "../snapshot.ts";
import { type Html, html } from "./html.ts";

/** How something stands: the class of what shows it, and beside its colour always a sign and a word. */
export type Level = "bad" | "warn" | "busy" | "good" | "none";

const SIGNS: Readonly<Record<Level, string>> = {
  bad: "✕",
  warn: "!",
  busy: "…",
  good: "✓",
  none: "·",
};

/** A word in the colour of its level, behind its sign. */
export function badge(level: Level, word: string): Html {
  return html`<strong class="state ${level}">${signOf(level)} ${word}</strong>`;
}

/** For eyes alone: a word stands beside it. */
export function signOf(level: Level): Html {
  return html`<span aria-hidden="true">${SIGNS[level]}</span>`;
}

/** What a state is shown as, and what it means. Those that a person has to look at come first. */
export const STATES: Readonly<Record<CertificateState, { level: Level; meaning: string }>> = {
  failed: { level: "bad", meaning: "no valid certificate" },
  failing: { level: "warn", meaning: "served, but not renewed" },
  refused: { level: "warn", meaning: "not allowed to have one" },
  issuing: { level: "busy", meaning: "being ordered" },
  renewing: { level: "busy", meaning: "served, being renewed" },
  waiting: { level: "busy", meaning: "not ordered yet" },
  valid: { level: "good", meaning: "served" },
  manual: { level: "good", meaning: "given by hand" },
  "pass-through": { level: "none", meaning: "its backend has it" },
};

const RANKS = Object.keys(STATES);

/** Those in trouble first, the worst of them before the others; otherwise in their order. */
export function worstFirst(hosts: readonly CertificateRecord[]): readonly CertificateRecord[] {
  const rank = (host: CertificateRecord) =>
    RANKS.indexOf(host.state) - (host.lastError === null ? 0 : 0.5);
  return hosts.toSorted((one, other) => rank(one) - rank(other));
}

/** The whole program in a word or two. */
export interface Headline {
  readonly level: Level;
  readonly text: string;
}

/** What is to be known first: how many hosts are in trouble, else what else is wrong. */
export function headlineOf(snapshot: Snapshot): Headline {
  const { status } = healthOf(snapshot);
  const { hosts, backends, troubles, workers } = snapshot;
  const troubled = hosts.filter((host) => isTroubled([host])).length;
  if (!workers.some(({ ready, draining }) => ready && !draining))
    return { level: "bad", text: "No worker is serving" };
  const isBad = troubles.some(({ severity }) => severity === "critical");
  const level = isBad || (status === "failing" && hosts.length > 0) ? "bad" : "warn";
  if (troubled > 0) return { level, text: `${counted(troubled, "host")} failing` };
  if (troubles.length > 0) return { level, text: counted(troubles.length, "trouble") };
  const down = backends.filter(({ state }) => state === "down").length;
  if (down > 0) return { level: "warn", text: `${counted(down, "backend")} down` };
  // Those that wait may do so for a visitor who never comes.
  if (hosts.some(({ state }) => state === "issuing"))
    return { level: "busy", text: "Certificates are being ordered" };
  return { level: "good", text: "All is well" };
}

/** `1 host`, `2 hosts`, `10,000 hosts` */
export function counted(amount: number, noun: string): string {
  return `${numberText(amount)} ${noun}${amount === 1 ? "" : "s"}`;
}

/** `10,000` */
export function numberText(amount: number): string {
  return amount.toLocaleString("en-US");
}

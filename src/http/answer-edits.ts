import type { HeaderLine, HeaderRules, Page, Rules } from "../config/rules.ts";
import { Fields, scanFields } from "./fields.ts";
import type { ResponseHead } from "./head.ts";
import { type OwnAnswer, refusalWith } from "./refuse.ts";

/** What changes in the head of an answer. */
export interface AnswerEdits {
  /** Fields that do not go on, in lower case. */
  readonly removed: readonly string[];
  /** Field lines that are added, each with its CRLF. */
  readonly lines: string;
}

/** The field lines of some names and values. */
export function linesOf(fields: readonly HeaderLine[]): string {
  return fields.map(([name, value]) => `${name}: ${value}\r\n`).join("");
}

/** What the rules, if there are any, take off every head that a backend sends, in lower case. */
export function removedFrom(rules: Rules | undefined): readonly string[] {
  return rules?.response?.removed ?? [];
}

/** What the rules, if there are any, change in the head of a backend's answer. */
export function answerEdits(
  rules: Rules | undefined,
  { fields }: ResponseHead,
): AnswerEdits | undefined {
  if (rules?.response === undefined) return undefined;
  const { removed, added, defaults } = rules.response;
  if (defaults.length === 0) return { removed, lines: linesOf(added) };
  const sent = new Set(fields.names.map((_, index) => fields.nameText(index).toLowerCase()));
  const missing = defaults.filter(([name]) => !sent.has(name.toLowerCase()));
  return { removed, lines: linesOf([...missing, ...added]) };
}

/** `first`, and then `then`: what it removes it also takes from the lines that `first` adds. */
export function joinedEdits(first: AnswerEdits | undefined, then: AnswerEdits): AnswerEdits {
  if (first === undefined) return then;
  return {
    removed: [...first.removed, ...then.removed],
    lines: without(first.lines, then.removed) + then.lines,
  };
}

/** The head as the client will see it: without the fields `named`, and edited. */
export function seenHead(
  head: ResponseHead,
  named: readonly string[],
  edits: AnswerEdits | undefined,
): ResponseHead {
  if (edits === undefined && named.length === 0) return head;
  const before = head.fields;
  const removed = [...named, ...(edits?.removed ?? [])];
  let text = "";
  for (let index = 0; index < before.count; index += 1) {
    if (removed.includes(before.nameText(index).toLowerCase())) continue;
    text += before.text.slice(before.lineStart(index), before.lineStart(index + 1));
  }
  const fields = new Fields(`${text}${edits?.lines ?? ""}\r\n`);
  scanFields(fields.text, 0, fields, Number.POSITIVE_INFINITY);
  return { ...head, fields };
}

/** An answer of ours as the rules want it: with a page of theirs for its body, and their fields. */
export function dressed(answer: OwnAnswer, rules: Rules | undefined): OwnAnswer {
  if (rules === undefined) return answer;
  const { pages, response } = rules;
  const paged = pages !== undefined && answer.isPlain === true ? withPage(answer, pages) : answer;
  return response === undefined ? paged : withFields(paged, response);
}

/** The answer `status` with a page for its body, or in plain words where there is none. */
export function pageAnswer(status: number, lines: string, page: Page | undefined): OwnAnswer {
  if (page === undefined) return refusalWith(status, lines);
  return { status, lines: `Content-Type: ${page.type}\r\n${lines}`, body: page.body };
}

function withPage(answer: OwnAnswer, pages: Readonly<Record<string, Page>>): OwnAnswer {
  const page = pages[`${answer.status}`] ?? pages[`${Math.floor(answer.status / 100)}xx`];
  if (page === undefined) return answer;
  const lines = without(answer.lines, ["content-type"]);
  return { ...answer, lines: `Content-Type: ${page.type}\r\n${lines}`, body: page.body };
}

function withFields(answer: OwnAnswer, { removed, added, defaults }: HeaderRules): OwnAnswer {
  const kept = without(answer.lines, removed);
  const sent = namesIn(kept);
  const missing = defaults.filter(([name]) => !sent.includes(name.toLowerCase()));
  return { ...answer, lines: kept + linesOf([...missing, ...added]) };
}

function without(lines: string, removed: readonly string[]): string {
  return lines
    .split(/(?<=\r\n)/)
    .filter((line) => !removed.includes(nameIn(line)))
    .join("");
}

function namesIn(lines: string): readonly string[] {
  return lines.split(/(?<=\r\n)/).map(nameIn);
}

function nameIn(line: string): string {
  return line.slice(0, Math.max(0, line.indexOf(":"))).toLowerCase();
}

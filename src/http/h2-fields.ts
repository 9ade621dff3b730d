import type { OutgoingHttpHeaders } from "node:http2";
import type { AnswerEdits } from "./answer-edits.ts";
import type { FinalAnswer } from "./answer-reader.ts";
import { CONNECTION_SPECIFIC } from "./connection-specific.ts";
import type { ResponseHead } from "./head.ts";
import { answerPairs } from "./headers.ts";
import { bodyOf, dateLine, type OwnAnswer } from "./refuse.ts";

/** A field section as `node:http2` takes it: name, value, name, value …, in their order. */
export type Pairs = readonly string[];

/** RFC 9113 §8.2.2: what HTTP/2 has no place for, also when the configuration sets it. */
const LEFT_OUT: ReadonlySet<string> = new Set([...CONNECTION_SPECIFIC, "http2-settings", "te"]);

const SPACE_AROUND = /^[ \t]+|[ \t]+$/g;

/** The head of a backend's answer. `now`: when it came, for one without a date. */
export function headPairs(
  head: ResponseHead,
  answer: FinalAnswer,
  now: number,
  edits: AnswerEdits | undefined,
): Pairs {
  const removed = edits === undefined ? answer.named : [...answer.named, ...edits.removed];
  const pairs = [":status", `${head.status}`, ...answerPairs(head, removed)];
  if (edits !== undefined) pairs.push(...linePairs(edits.lines));
  if (!head.fields.names.includes("date")) pairs.push(...linePairs(dateLine(now)));
  // RFC 9110 §8.6: what HEAD and 304 say is the length of what GET would get; 204 has none.
  if (answer.length !== undefined && !hasNoLength(head.status))
    pairs.push("content-length", `${answer.length}`);
  return pairs;
}

/** The head of an answer of ours. */
export function ownPairs(answer: OwnAnswer, now: number): Pairs {
  const pairs = [":status", `${answer.status}`, ...linePairs(dateLine(now) + answer.lines)];
  if (!hasNoLength(answer.status)) pairs.push("content-length", `${bodyOf(answer).length}`);
  return pairs;
}

/** RFC 8441 §5: the answer that makes a tunnel is 200, without what HTTP/1.1's handshake proves. */
export function tunnelPairs(
  head: ResponseHead,
  named: readonly string[],
  edits: AnswerEdits | undefined,
): Pairs {
  const removed = ["sec-websocket-accept", ...named, ...(edits?.removed ?? [])];
  return [":status", "200", ...answerPairs(head, removed), ...linePairs(edits?.lines ?? "")];
}

/** An interim answer. */
export function interimFields(head: ResponseHead, named: readonly string[]): OutgoingHttpHeaders {
  return gathered([":status", `${head.status}`, ...answerPairs(head, named)]);
}

/** Trailers, of their lines. */
export function trailerFields(lines: string): OutgoingHttpHeaders {
  return gathered(linePairs(lines));
}

/** Does an answer with this status have no content, whatever is asked? RFC 9110 §15.3.5, §15.3.6, §15.4.5. */
export function hasNoContent(status: number): boolean {
  return status === 204 || status === 205 || status === 304;
}

function hasNoLength(status: number): boolean {
  return status === 204 || status === 205;
}

function linePairs(lines: string): readonly string[] {
  const pairs: string[] = [];
  for (const line of lines.split("\r\n")) {
    const colon = line.indexOf(":");
    if (colon < 1) continue;
    const name = line.slice(0, colon).toLowerCase();
    if (!LEFT_OUT.has(name)) pairs.push(name, line.slice(colon + 1).replace(SPACE_AROUND, ""));
  }
  return pairs;
}

/** Repeated fields stay apart, as an array. */
function gathered(pairs: Pairs): OutgoingHttpHeaders {
  const fields = new Map<string, string[]>();
  for (let at = 0; at < pairs.length; at += 2) {
    const values = fields.get(pairs[at] ?? "") ?? [];
    fields.set(pairs[at] ?? "", [...values, pairs[at + 1] ?? ""]);
  }
  return Object.fromEntries(fields);
}

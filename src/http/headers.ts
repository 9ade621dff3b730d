import { unreachable } from "../base/errors.ts";
import type { Admitted } from "./admit.ts";
import type { FieldName, Fields } from "./fields.ts";
import { forwardedLines, type Sender } from "./forwarded.ts";
import type { ResponseHead } from "./head.ts";
import type { HeadEdits } from "./policy.ts";

/** A request as the backend shall get it, apart from its body. */
export interface Outgoing {
  /** Path and query, or `*`. */
  readonly target: string;
  /** Value of Host. */
  readonly authority: string;
  readonly requestId: string;
  /** Of {@link Loops}: that it has been here. */
  readonly loopLine: string;
  /** What policies change. */
  readonly edits: HeadEdits | undefined;
}

/**
 * The head to send to a backend: request line, Host and framing are written anew from the values that
 * the gate read; end-to-end fields are copied as they stand; what tells about the client is ours.
 */
export function writeRequestHead(request: Admitted, outgoing: Outgoing, sender: Sender): string {
  const { fields } = request.head;
  const { edits } = outgoing;
  const dropped = edits === undefined ? request.named : [...request.named, ...edits.removed];
  return (
    `${request.method} ${outgoing.target} HTTP/1.1\r\nHost: ${outgoing.authority}\r\n` +
    keptLines(fields, sender.isTrusted ? KEPT_OF_TRUSTED : KEPT_OF_STRANGER, dropped) +
    forwardedLines(fields, sender, request.authority) +
    (sender.identity?.lines ?? "") +
    `X-Request-Id: ${outgoing.requestId}\r\n` +
    outgoing.loopLine +
    framingLine(request) +
    (request.expectsContinue ? "Expect: 100-continue\r\n" : "") +
    connectionLine(request) +
    (edits?.lines ?? "") +
    "\r\n"
  );
}

function framingLine(request: Admitted): string {
  switch (request.framing) {
    case "none":
      return "";
    case "length":
      return `Content-Length: ${request.contentLength}\r\n`;
    case "chunked":
      return "Transfer-Encoding: chunked\r\n";
    default:
      return unreachable(request.framing);
  }
}

function connectionLine(request: Admitted): string {
  if (request.webSocketKey !== undefined) return "Upgrade: websocket\r\nConnection: Upgrade\r\n";
  // RFC 9110 §10.1.4: TE goes one hop only, and Connection has to say so.
  return request.takesTrailers ? "TE: trailers\r\nConnection: TE\r\n" : "";
}

/**
 * The head to send to a client: the status line written anew, end-to-end fields as they stand, then
 * `lines`, which say how the body is framed and whether the connection is kept.
 */
export function writeResponseHead(
  head: ResponseHead,
  named: readonly string[],
  lines: string,
): string {
  const kept = keptLines(head.fields, KEPT_OF_BACKEND, named);
  return `HTTP/1.1 ${head.status} ${head.reason}\r\n${kept}${lines}\r\n`;
}

/** The end-to-end fields of an answer that we give on, name and value in turn, names in lower case. */
export function answerPairs({ fields }: ResponseHead, named: readonly string[]): string[] {
  const pairs: string[] = [];
  for (let index = 0; index < fields.count; index += 1) {
    const known = fields.names[index];
    const name = fields.nameText(index).toLowerCase();
    if (known === undefined || !KEPT_OF_BACKEND.has(known) || named.includes(name)) continue;
    pairs.push(name, fields.value(index));
  }
  return pairs;
}

/** The end-to-end lines of an answer that we give on, without its date: for an answer of ours. */
export function answerLines(head: ResponseHead, named: readonly string[]): string {
  return keptLines(head.fields, KEPT_OF_BACKEND, [...named, "date"]);
}

/** Fields that pass through us, by whom they come from. All the others are dropped or made anew. */
const KEPT_OF_STRANGER: ReadonlySet<FieldName> = new Set([
  "other",
  "date",
  "sec-websocket-key",
  "cdn-loop",
]);
const KEPT_OF_TRUSTED: ReadonlySet<FieldName> = new Set([
  "other",
  "date",
  "sec-websocket-key",
  "cdn-loop",
  "x-forwarded-other",
  "forwarded",
]);
const KEPT_OF_BACKEND: ReadonlySet<FieldName> = new Set([
  "other",
  "date",
  "underscored",
  "sec-websocket-accept",
  "x-request-id",
]);

/** The lines of the kept fields; neighbours are copied in one piece. */
function keptLines(fields: Fields, kept: ReadonlySet<FieldName>, named: readonly string[]): string {
  let lines = "";
  let runStart = fields.lineStart(0);
  for (let index = 0; index < fields.count; index += 1) {
    const name = fields.names[index];
    const isKept = name === "other" || (name !== undefined && kept.has(name));
    if (isKept && (named.length === 0 || !named.includes(fields.nameText(index).toLowerCase())))
      continue;
    lines += fields.text.slice(runStart, fields.lineStart(index));
    runStart = fields.lineStart(index + 1);
  }
  return lines + fields.text.slice(runStart, fields.end);
}

import { isDeepStrictEqual } from "node:util";
import type * as UriPathModule from "../../src/base/uri-path.ts";
import type * as AdmitModule from "../../src/http/admit.ts";
import type * as AnswerModule from "../../src/http/answer.ts";
import type * as BodyModule from "../../src/http/body.ts";
import type * as H2HeadModule from "../../src/http/h2-head.ts";
import type * as HeadModule from "../../src/http/head.ts";
import type * as Http2AnswerModule from "../../src/http/http2-answer.ts";
import { pathReadings } from "../base/uri-path-vectors.ts";
import { answerVectors } from "./answer-vectors.ts";
import { bodyVectors } from "./body-vectors.ts";
import { badHeads, badTrailers, goodHeads, tunnelHeads } from "./h2-head-vectors.ts";
import { headVectors } from "./head-vectors.ts";
import { type Http2AnswerVector, http2Answers, http2Trailers } from "./http2-answer-vectors.ts";
import { shop } from "./judge-head.ts";
import { lentPiece } from "./lent-piece.ts";

/** The pure parts that the rows are about; those of `src/`, or a copy with one rule less. */
export interface PureParts {
  readonly head: typeof HeadModule;
  readonly admit: typeof AdmitModule;
  readonly answer: typeof AnswerModule;
  readonly body: typeof BodyModule;
  readonly h2Head: typeof H2HeadModule;
  readonly http2Answer: typeof Http2AnswerModule;
  readonly uriPath: typeof UriPathModule;
}

/** The first row that these parts answer otherwise than it says; `undefined` when they hold all of them. */
export function firstFailingRow(parts: PureParts): string | undefined {
  return http1Row(parts) ?? streamRow(parts) ?? http2AnswerRow(parts) ?? pathRow(parts);
}

function http1Row(parts: PureParts): string | undefined {
  const head = headVectors.find(({ bytes, expect }) => headStatus(parts, bytes) !== expect);
  if (head !== undefined) return head.name;
  const answer = answerVectors.find(
    (row) => answerKind(parts, row.bytes, row.method, row.isConnect) !== row.expect,
  );
  if (answer !== undefined) return answer.name;
  return bodyVectors.find(({ bytes, expect }) => {
    const read = readChunked(parts, [bytes]);
    return read.state !== expect.state || (expect.state === "done" && read.rest !== expect.rest);
  })?.name;
}

/** Heads and trailers of HTTP/2's requests. */
function streamRow(parts: PureParts): string | undefined {
  const rows = [
    ...goodHeads.map(([name, pairs]) => [name, 0, pairs, true] as const),
    ...badHeads.map(([name, status, pairs]) => [name, status, pairs, true] as const),
    ...tunnelHeads,
  ];
  const head = rows.find(
    ([, status, pairs, isWhole]) => streamStatus(parts, pairs, isWhole) !== status,
  );
  if (head !== undefined) return head[0];
  return badTrailers.find(([, pairs]) => {
    const read = parts.h2Head.readStreamTrailers(pairs);
    return !("status" in read && read.status === 400);
  })?.[0];
}

/** The status that a head is refused with, or 0. */
export function streamStatus(
  parts: Pick<PureParts, "h2Head" | "admit">,
  pairs: readonly string[],
  isWhole: boolean,
): number {
  const head = parts.h2Head.readStreamHead(pairs, isWhole);
  if (head.kind === "fault") return head.status;
  const request = parts.admit.admit(head, shop);
  return request.kind === "fault" ? request.status : 0;
}

function http2AnswerRow(parts: PureParts): string | undefined {
  const answer = http2Answers.find((row) => http2AnswerText(parts, row) !== row.expect);
  return (answer ?? http2Trailers.find((row) => http2TrailersText(parts, row) !== row.expect))
    ?.name;
}

/** The head of HTTP/1.1 that an answer of HTTP/2 becomes; `undefined`: none. */
export function http2AnswerText(
  { http2Answer }: Pick<PureParts, "http2Answer">,
  { pairs, method = "GET", isWhole = false, isTunnel = false }: Http2AnswerVector,
): string | undefined {
  const webSocketKey = isTunnel ? "dGhlIHNhbXBsZSBub25jZQ==" : undefined;
  const head = http2Answer.readAnswerHead(pairs, { method, isWhole, webSocketKey });
  return typeof head === "string" ? head : undefined;
}

/** The same of trailers. */
export function http2TrailersText(
  { http2Answer }: Pick<PureParts, "http2Answer">,
  { pairs }: Http2AnswerVector,
): string | undefined {
  const trailers = http2Answer.readAnswerTrailers(pairs);
  return "kind" in trailers ? undefined : trailers.text;
}

function pathRow({ uriPath }: PureParts): string | undefined {
  return pathReadings.find(([target, strictly, loosely]) => {
    const expected =
      strictly === "ambiguous" ? { kind: strictly } : { kind: "path", strictly, loosely };
    const reading = uriPath.readUriPath(target);
    return !isDeepStrictEqual(reading, strictly === "as it stands" ? undefined : expected);
  })?.[0];
}

function headStatus(parts: PureParts, bytes: string): number {
  const head = parts.head.readRequestHead(lentPiece(bytes), 0, bytes.length);
  if (head.kind === "partial") return 0;
  if (head.kind === "fault") return head.status;
  const request = parts.admit.admit(head, shop);
  return request.kind === "fault" ? request.status : 200;
}

/** What an answer's head is taken for: see `AnswerVector.expect`. */
export function answerKind(
  parts: Pick<PureParts, "head" | "answer">,
  bytes: string,
  method = "GET",
  isConnect = false,
): string {
  const head = parts.head.readResponseHead(lentPiece(bytes), 0, bytes.length);
  if (head.kind === "partial") return head.kind;
  if (head.kind === "fault") return head.status === 502 ? "fault" : `fault ${head.status}`;
  const webSocketKey = isConnect ? "dGhlIHNhbXBsZSBub25jZQ==" : undefined;
  const answer = parts.answer.judgeAnswer(head, { method, webSocketKey, tunnelStatus: 200 });
  return answer.kind === "final" ? answer.end : answer.kind;
}

/** Reads a chunked body that comes in these pieces. */
export function readChunked(parts: Pick<PureParts, "body">, pieces: readonly string[]) {
  const reader = new parts.body.BodyReader();
  reader.begin("chunked", 0);
  let content = "";
  let rest = "";
  let state: BodyModule.BodyState = "more";
  for (const piece of pieces) {
    const bytes = lentPiece(piece);
    if (state === "done") {
      rest += piece;
    } else if (state === "more") {
      state = reader.read(bytes, 0, piece.length);
      content += bytes.toString("latin1", reader.dataStart, reader.dataEnd);
      if (state === "done") rest += bytes.toString("latin1", reader.next, piece.length);
    }
  }
  return { state, content, rest, trailers: reader.trailers };
}

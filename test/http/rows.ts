import type * as AdmitModule from "../../src/http/admit.ts";
import type * as AnswerModule from "../../src/http/answer.ts";
import type * as BodyModule from "../../src/http/body.ts";
import type * as HeadModule from "../../src/http/head.ts";
import { answerVectors } from "./answer-vectors.ts";
import { bodyVectors } from "./body-vectors.ts";
import { headVectors } from "./head-vectors.ts";
import { shop } from "./judge-head.ts";

/** The pure parts that the rows are about; those of `src/`, or a copy with one rule less. */
export interface PureParts {
  readonly head: typeof HeadModule;
  readonly admit: typeof AdmitModule;
  readonly answer: typeof AnswerModule;
  readonly body: typeof BodyModule;
}

/** The first row that these parts answer otherwise than it says; `undefined` when they hold all of them. */
export function firstFailingRow(parts: PureParts): string | undefined {
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

function headStatus(parts: PureParts, bytes: string): number {
  const buffer = Buffer.from(bytes, "latin1");
  const head = parts.head.readRequestHead(buffer, 0, buffer.length);
  if (head.kind === "partial") return 0;
  if (head.kind === "fault") return head.status;
  const request = parts.admit.admit(head, shop);
  return request.kind === "fault" ? request.status : 200;
}

/** What an answer's head is taken for: see `AnswerVector.expect`. */
export function answerKind(
  parts: PureParts,
  bytes: string,
  method = "GET",
  isConnect = false,
): string {
  const buffer = Buffer.from(bytes, "latin1");
  const head = parts.head.readResponseHead(buffer, 0, buffer.length);
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
    const bytes = Buffer.from(piece, "latin1");
    if (state === "done") {
      rest += piece;
    } else if (state === "more") {
      state = reader.read(bytes, 0, bytes.length);
      content += bytes.toString("latin1", reader.dataStart, reader.dataEnd);
      if (state === "done") rest += bytes.toString("latin1", reader.next);
    }
  }
  return { state, content, rest, trailers: reader.trailers };
}

import { limits } from "../config/limits.ts";
import { type Answer, judgeAnswer, type Question } from "./answer.ts";
import { BodyReader } from "./body.ts";
import type { Fields } from "./fields.ts";
import { type ResponseHead, readResponseHead } from "./head.ts";

export type FinalAnswer = Extract<Answer, { kind: "final" }> & {
  /** May fields come behind its content? */
  readonly mayHaveTrailers: boolean;
};

/** Hears an answer while it is read. */
export interface AnswerListener {
  answerInterim(head: ResponseHead, named: readonly string[]): void;
  answerBegan(head: ResponseHead, answer: FinalAnswer): void;
  /** The bytes are valid during the call only. */
  answerContent(bytes: Buffer, start: number, end: number): void;
}

/** What a piece of an answer has come to. */
export type AnswerProgress =
  | { readonly kind: "more" }
  /** `hasMore`: bytes follow the answer, and answer nothing. */
  | { readonly kind: "done"; readonly hasMore: boolean; readonly trailers: Fields | undefined }
  /** The connection speaks WebSocket now; `rest` of it came already. */
  | {
      readonly kind: "switch";
      readonly head: ResponseHead;
      readonly named: readonly string[];
      readonly rest: Buffer;
    }
  | { readonly kind: "fault"; readonly why: string };

const MORE = { kind: "more" } as const;
const DONE = { kind: "done", hasMore: false, trailers: undefined } as const;

/** Reads answers, one after the other, from the bytes of a backend connection. */
export class AnswerReader {
  readonly #listener: AnswerListener;
  readonly #hasFrames: boolean;
  readonly #body = new BodyReader();
  #question: Question = { method: "", webSocketKey: undefined };
  #final: FinalAnswer | undefined;
  #interims = 0;
  /** A head as far as it has come. */
  #held: Buffer | undefined;

  /** `hasFrames`: they are HTTP/2's, where trailers may follow content of a known length too (RFC 9113 §8.1). */
  constructor(listener: AnswerListener, { hasFrames = false } = {}) {
    this.#listener = listener;
    this.#hasFrames = hasFrames;
  }

  /** Starts on the answer to another question. */
  begin(question: Question): void {
    this.#question = question;
    this.#final = undefined;
    this.#interims = 0;
    this.#held = undefined;
  }

  /** Has the final head been read? */
  get hasBegun(): boolean {
    return this.#final !== undefined;
  }

  /** Is the end of the connection the end of the answer? */
  get endsWithConnection(): boolean {
    return this.#final?.end === "close";
  }

  /** May the connection carry another exchange, once this answer is done? */
  get isReusable(): boolean {
    return this.#final?.isReusable === true;
  }

  /** Reads the first `length` bytes of `bytes`; keeps a copy of what it cannot use yet. */
  read(bytes: Buffer, length: number): AnswerProgress {
    if (this.#final !== undefined) return this.#readBody(bytes, 0, length);
    if (this.#held === undefined) return this.#readHeads(bytes, length);
    const joined = Buffer.concat([this.#held, bytes.subarray(0, length)]);
    this.#held = undefined;
    return this.#readHeads(joined, joined.length);
  }

  #readHeads(bytes: Buffer, end: number): AnswerProgress {
    let at = 0;
    while (at < end) {
      const head = readResponseHead(bytes, at, end);
      if (head.kind === "fault") return head;
      if (head.kind === "partial") {
        this.#held = Buffer.from(bytes.subarray(at, end));
        return MORE;
      }
      const answer = judgeAnswer(head, this.#question);
      if (answer.kind === "fault") return answer;
      at += head.length;
      if (answer.kind === "switch") {
        const rest = Buffer.from(bytes.subarray(at, end));
        return { kind: "switch", head, named: answer.named, rest };
      }
      if (answer.kind === "final") {
        const mayHaveTrailers = this.#hasFrames || answer.end === "chunked";
        this.#final = { ...answer, mayHaveTrailers };
        this.#body.begin(answer.end, answer.length ?? 0);
        this.#listener.answerBegan(head, this.#final);
        return this.#readBody(bytes, at, end);
      }
      this.#interims += 1;
      if (this.#interims > limits.interimMax)
        return { kind: "fault", why: "interim answers do not end" };
      this.#listener.answerInterim(head, answer.named);
    }
    return MORE;
  }

  #readBody(bytes: Buffer, start: number, end: number): AnswerProgress {
    const body = this.#body;
    const state = body.read(bytes, start, end);
    if (body.dataEnd > body.dataStart)
      this.#listener.answerContent(bytes, body.dataStart, body.dataEnd);
    if (state === "more") return MORE;
    if (state === "fault") return { kind: "fault", why: body.why };
    if (body.next === end && body.trailers === undefined) return DONE;
    return { kind: "done", hasMore: body.next < end, trailers: body.trailers };
  }
}

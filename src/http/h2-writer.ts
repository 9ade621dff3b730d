import type { OutgoingHttpHeaders, ServerHttp2Stream } from "node:http2";
import type { Admitted } from "./admit.ts";
import type { AnswerEdits } from "./answer-edits.ts";
import type { FinalAnswer } from "./answer-reader.ts";
import type { AnswerWriter } from "./front.ts";
import {
  hasNoContent,
  headPairs,
  interimFields,
  ownPairs,
  type Pairs,
  trailerFields,
  tunnelPairs,
} from "./h2-fields.ts";
import type { ResponseHead } from "./head.ts";
import { bodyOf, type OwnAnswer, refusal } from "./refuse.ts";

/**
 * Writes the answer of one HTTP/2 stream. What one event says goes out with its flush, so that a small
 * answer ends with its head or its only piece. Does not own the stream.
 */
export class H2Writer implements AnswerWriter {
  readonly #stream: ServerHttp2Stream;
  readonly #isHead: boolean;
  readonly #sent: (bytes: number) => void;
  #head: Pairs | undefined;
  #pieces: Buffer[] = [];
  #trailers: OutgoingHttpHeaders | undefined;
  #mayHaveTrailers = false;
  #isBodiless = false;
  #isOver = false;
  #hasSent = false;
  readonly tunnelStatus = 200;
  status = 0;
  bytesOut = 0;

  /** `isHead`: it answers HEAD. Node has ended our side of the stream then, whether the request is understood or not. `sent` hears how much content leaves. */
  constructor(stream: ServerHttp2Stream, isHead: boolean, sent: (bytes: number) => void) {
    this.#stream = stream;
    this.#isHead = isHead;
    this.#sent = sent;
    stream.on("wantTrailers", () => {
      if (!stream.destroyed && !stream.closed) stream.sendTrailers(this.#trailers ?? {});
    });
  }

  begin(): void {
    this.status = 0;
    this.bytesOut = 0;
    this.#head = undefined;
    this.#pieces = [];
    this.#isOver = false;
  }

  takeBack(): boolean {
    if (this.#hasSent) return false;
    this.begin();
    return true;
  }

  interim(_request: Admitted, head: ResponseHead, named: readonly string[]): void {
    if (this.#isOpen) this.#stream.additionalHeaders(interimFields(head, named));
  }

  head(
    _request: Admitted,
    head: ResponseHead,
    answer: FinalAnswer,
    _closes: boolean,
    now: number,
    edits: AnswerEdits | undefined,
  ): void {
    this.status = head.status;
    this.#head = headPairs(head, answer, now, edits);
    this.#isBodiless = answer.end === "none" || this.#isBodilessWith(head.status);
    this.#mayHaveTrailers = answer.mayHaveTrailers;
  }

  switched(head: ResponseHead, named: readonly string[], edits: AnswerEdits | undefined): void {
    this.status = 200;
    this.#head = tunnelPairs(head, named, edits);
  }

  content(bytes: Buffer, start: number, end: number): void {
    if (this.#isBodiless) return;
    this.bytesOut += end - start;
    this.#pieces.push(Buffer.from(bytes.subarray(start, end)));
  }

  /** Trailers have a place behind any body (RFC 9113 §8.1), and nobody has to ask for them. */
  end(_request: Admitted, trailers: string): void {
    this.#isOver = true;
    if (trailers !== "") this.#trailers = trailerFields(trailers);
  }

  own(own: OwnAnswer, request: Admitted | undefined, _closes: boolean, now: number): void {
    const isTunnel = request?.webSocketKey !== undefined && own.status < 300; // or would be taken for one
    const answer = isTunnel ? refusal(501) : own;
    const body = bodyOf(answer);
    this.status = answer.status;
    this.#head = ownPairs(answer, now);
    this.#isBodiless = this.#isBodilessWith(answer.status);
    this.content(body, 0, body.length);
    this.#isOver = true;
  }

  flush(): boolean {
    const stream = this.#stream;
    if (!this.#isOpen) return true; // its close says the rest
    if (this.#head !== undefined) this.#respond(this.#head);
    const pieces = this.#pieces;
    this.#pieces = [];
    const [first] = pieces;
    if (first !== undefined) this.#write(pieces.length === 1 ? first : Buffer.concat(pieces));
    if (this.#isOver && !stream.writableEnded) stream.end();
    return !stream.writableNeedDrain;
  }

  #write(bytes: Buffer): void {
    this.#stream.write(bytes);
    this.#sent(bytes.length);
  }

  #respond(head: Pairs): void {
    this.#hasSent = true;
    this.#head = undefined;
    const isEmpty = this.#isOver && this.#pieces.length === 0 && this.#trailers === undefined;
    const endStream = this.#isBodiless || isEmpty;
    const waitForTrailers =
      !endStream && this.#mayHaveTrailers && !(this.#isOver && this.#trailers === undefined);
    this.#stream.respond(head, { endStream, waitForTrailers });
  }

  #isBodilessWith(status: number): boolean {
    return this.#isHead || hasNoContent(status);
  }

  get #isOpen(): boolean {
    return !this.#stream.destroyed && !this.#stream.closed;
  }
}

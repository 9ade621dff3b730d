import type { Compression } from "../config/compress.ts";
import type { Admitted } from "./admit.ts";
import { type AnswerEdits, joinedEdits, seenHead } from "./answer-edits.ts";
import type { FinalAnswer } from "./answer-reader.ts";
import { encode } from "./compress.ts";
import type { Compressor, CompressorOwner, Compressors } from "./compressor.ts";
import type { Fields } from "./fields.ts";
import type { AnswerWriter } from "./front.ts";
import type { ResponseHead } from "./head.ts";

/** Whose answer it is. At most one of the last two is called for each answer, and only after {@link Encoding.end} or for a fault. */
export interface EncodingOwner {
  /** More content may come. */
  encodingDrained(): void;
  /** What `end` left over is with the writer. */
  encodingEnded(trailers: Fields | undefined): void;
  answerBroken(why: string): void;
}

/** What is told of an answer: its framing, and what changes in its head. */
interface Told {
  readonly answer: FinalAnswer;
  readonly edits: AnswerEdits | undefined;
}

/**
 * The way of an answer's content to the client's writer: as it is, or through a compressor. One serves
 * one answer after the other.
 */
export class Encoding implements CompressorOwner {
  readonly #owner: EncodingOwner;
  readonly #writer: AnswerWriter;
  readonly #compressors: Compressors;
  #compressor: Compressor | undefined;
  #trailers: Fields | undefined;

  constructor(owner: EncodingOwner, writer: AnswerWriter, compressors: Compressors) {
    this.#owner = owner;
    this.#writer = writer;
    this.#compressors = compressors;
  }

  /** Starts on an answer that has `edits`, and says how it goes on. */
  begin(
    request: Admitted,
    head: ResponseHead,
    { answer, edits }: Told,
    compression: Compression | undefined,
  ): Told {
    if (compression === undefined) return { answer, edits };
    const codings = this.#compressors.hasRoom ? compression.codings : [];
    const seen = seenHead(head, answer.named, edits);
    const encoded = encode(request, seen, answer, { ...compression, codings });
    if (encoded === undefined) return { answer, edits };
    if (encoded.coding !== undefined && encoded.answer.end !== "none")
      this.#compressor = this.#compressors.start(encoded.coding, this);
    return { answer: encoded.answer, edits: joinedEdits(edits, encoded.edits) };
  }

  /** A piece of content; the bytes are copied. */
  content(bytes: Buffer, start: number, end: number): void {
    if (this.#compressor === undefined) this.#writer.content(bytes, start, end);
    else this.#compressor.write(Buffer.from(bytes.subarray(start, end)));
  }

  /** Writes what there is. `false`: no more content until `encodingDrained`, or until the client takes some. */
  flush(): boolean {
    const takesMore = this.#writer.flush();
    return takesMore && this.#compressor?.takesMore !== false;
  }

  /** The content has ended. `false`: some of it is on its way; `encodingEnded` follows. */
  end(trailers: Fields | undefined): boolean {
    if (this.#compressor === undefined) return true;
    this.#trailers = trailers;
    this.#compressor.end();
    return false;
  }

  /** The client takes more. `false`: the compressor does not, and says when. */
  resume(): boolean {
    this.#compressor?.resume();
    return this.#compressor?.takesMore !== false;
  }

  /** The answer is over, whichever way. */
  abort(): void {
    this.#compressor?.destroy();
    this.#compressor = undefined;
    this.#trailers = undefined;
  }

  compressed(bytes: Buffer): boolean {
    this.#writer.content(bytes, 0, bytes.length);
    return this.#writer.flush();
  }

  compressorDrained(): void {
    this.#owner.encodingDrained();
  }

  compressorEnded(): void {
    const trailers = this.#trailers;
    this.abort();
    this.#owner.encodingEnded(trailers);
  }

  compressorFailed(cause: Error): void {
    this.abort();
    this.#owner.answerBroken(`the answer cannot be compressed: ${cause.message}`);
  }
}

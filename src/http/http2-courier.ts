import { type ClientHttp2Stream, constants } from "node:http2";
import { keepCompact } from "../backend/compact.ts";
import { failureOf } from "../backend/failure.ts";
import type { BackendSession } from "../backend/session.ts";
import { watchEnd } from "../backend/stream-end.ts";
import { StreamTunnel } from "../backend/stream-tunnel.ts";
import { unreachable } from "../base/errors.ts";
import type { Question } from "./answer.ts";
import { type AnswerListener, AnswerReader } from "./answer-reader.ts";
import type { Courier, CourierUser } from "./courier.ts";
import { type Fault, Fields } from "./fields.ts";
import type { ResponseHead } from "./head.ts";
import { readAnswerHead, readAnswerTrailers } from "./http2-answer.ts";
import { writeStreamHead, writeStreamTrailers } from "./http2-request.ts";
import type { Resend } from "./resend.ts";

/**
 * Carries requests over HTTP/2, each on a stream of its own. What the backend says is read as the HTTP/1.1
 * answer that means the same, so that there is one judge of both. An answer is whole when END_STREAM has
 * come, and never without it. A WebSocket gets a stream to itself, by extended CONNECT (RFC 8441).
 */
export class Http2Courier implements Courier {
  readonly #user: CourierUser;
  readonly #answer: AnswerReader;
  resetCode: number | undefined;
  #session: BackendSession | undefined;
  #stream: ClientHttp2Stream | undefined;
  #question: Question = { method: "", webSocketKey: undefined };
  #mayHaveTrailers = false;
  #head = "";
  /** What of the body waits for the stream to be opened. */
  #held: Buffer[] = [];
  #isRequestSent = false;
  #hasEnded: () => boolean = () => false;
  #trailers = "";
  #hasAnswered = false;
  /** Has all content come that the head promised? */
  #isComplete = false;
  #answerTrailers: Fields | undefined;

  constructor(user: CourierUser, listener: AnswerListener) {
    this.#user = user;
    this.#answer = new AnswerReader(listener, { hasFrames: true });
  }

  get hasBegun(): boolean {
    return this.#answer.hasBegun;
  }

  get takesBody(): boolean {
    if (this.#stream === undefined) return this.#session !== undefined && this.#held.length === 0;
    return !this.#stream.writableNeedDrain;
  }

  /**
   * Begins to carry a request over a stream of `session` that is taken for this courier. Nothing is written
   * before {@link flush}. `mayHaveTrailers`: of the request; waited for, they hold up an end that the backend's
   * window has no room for. `isSent`: there is nothing to come but `head`.
   */
  begin(
    session: BackendSession,
    head: string,
    question: Question,
    mayHaveTrailers: boolean,
    isSent: boolean,
  ): void {
    this.#session = session;
    this.#head = head;
    this.#question = question;
    this.resetCode = undefined;
    this.#mayHaveTrailers = mayHaveTrailers;
    this.#isRequestSent = isSent;
    this.#held = [];
    this.#trailers = "";
    this.#hasAnswered = false;
    this.#isComplete = false;
    this.#answerTrailers = undefined;
    this.#answer.begin(question);
  }

  sendBody(bytes: Buffer, start: number, end: number, isLent: boolean): void {
    const part = bytes.subarray(start, end);
    const piece = isLent ? Buffer.from(part) : part;
    if (this.#stream === undefined) this.#held.push(piece);
    else this.#stream.write(piece);
  }

  endBody(trailers: string): void {
    this.#isRequestSent = true;
    this.#trailers = trailers;
  }

  flush(): boolean {
    const stream = this.#stream ?? this.#open();
    if (stream === undefined) return false;
    for (const piece of this.#held.splice(0)) stream.write(piece);
    if (this.#isRequestSent && !this.#isTunnel && !stream.writableEnded) stream.end();
    return !stream.writableNeedDrain;
  }

  resume(): void {
    this.#stream?.resume();
  }

  abort(): void {
    const stream = this.#stream;
    const session = this.#session;
    this.#rest();
    if (stream === undefined) session?.leave();
    else session?.cancel(stream);
  }

  get #isTunnel(): boolean {
    return this.#question.webSocketKey !== undefined;
  }

  #open(): ClientHttp2Stream | undefined {
    const session = this.#session;
    if (session === undefined) return undefined;
    const isTunnel = this.#isTunnel;
    const hasNoTrailers = this.#isRequestSent && this.#trailers === "";
    const stream = session.request(writeStreamHead(this.#head, session.scheme, isTunnel), {
      endStream: hasNoTrailers && this.#held.length === 0 && !isTunnel,
      waitForTrailers: this.#mayHaveTrailers && !hasNoTrailers,
    });
    if (stream === undefined) {
      this.#rest();
      session.leave();
      this.#user.answerLost("the session takes no more requests", "always");
      return undefined;
    }
    this.#stream = stream;
    this.#hear(stream, session);
    return stream;
  }

  /** Whatever comes of a stream that is not this courier's any more matters to its session alone. */
  #hear(stream: ClientHttp2Stream, session: BackendSession): void {
    const hasEnded = watchEnd(stream);
    keepCompact(stream);
    this.#hasEnded = hasEnded;
    const isMine = () => this.#stream === stream;
    let failure: Error | undefined;
    stream.on("error", (error) => {
      failure = error;
    });
    stream.on("close", () => {
      session.leave();
      if (isMine()) this.#lose(stream, session, failureOf(failure, "the backend closed"));
    });
    stream.on("drain", () => {
      if (isMine()) this.#user.courierDrained();
    });
    stream.on("wantTrailers", () => stream.sendTrailers(writeStreamTrailers(this.#trailers)));
    stream.on("headers", (_headers, flags, pairs) => {
      if (isMine()) this.#readHead(stream, flags, pairs);
    });
    stream.on("response", (_headers, flags, pairs) => {
      if (!isMine()) return;
      this.#readHead(stream, flags, pairs);
      if (!isMine()) return;
      stream.on("data", (bytes) => {
        if (isMine() && typeof bytes !== "string") this.#read(stream, bytes);
      });
      stream.on("end", () => {
        // Node may tell of the end before it tells of the trailers, in the same turn.
        process.nextTick(() => {
          if (isMine()) this.#end(hasEnded());
        });
      });
    });
    stream.on("trailers", (_headers, _flags, pairs) => {
      if (isMine()) this.#readTrailers(pairs);
    });
  }

  #readHead(stream: ClientHttp2Stream, flags: number, pairs: readonly string[]): void {
    const isWhole = (flags & constants.NGHTTP2_FLAG_END_STREAM) !== 0;
    this.#hasAnswered = true;
    const { method, webSocketKey } = this.#question;
    const head = readAnswerHead(pairs, { method, isWhole, webSocketKey });
    if (typeof head !== "string") this.#refuse(head);
    else {
      this.#take(Buffer.from(head, "latin1"));
      // What ends with its head is told in one with its end: gRPC tells a status alone by that.
      if (!isWhole) this.#told(stream);
    }
  }

  #read(stream: ClientHttp2Stream, bytes: Buffer): void {
    this.#take(bytes);
    this.#told(stream);
  }

  #told(stream: ClientHttp2Stream): void {
    if (this.#stream === stream && !this.#user.answerRead()) stream.pause();
  }

  #take(bytes: Buffer): void {
    if (this.#session !== undefined) this.#session.hasHeard = true;
    if (this.#isComplete) {
      this.#refuse({ why: "the answer is longer than its Content-Length" });
      return;
    }
    const progress = this.#answer.read(bytes, bytes.length);
    switch (progress.kind) {
      case "done":
        this.#isComplete = true;
        if (progress.hasMore) this.#refuse({ why: "the answer is longer than its Content-Length" });
        break;
      case "switch":
        this.#switch(progress.head, progress.named, progress.rest);
        break;
      case "fault":
        this.#refuse(progress);
        break;
      case "more":
        break;
      default:
        unreachable(progress);
    }
  }

  #readTrailers(pairs: readonly string[]): void {
    const trailers = readAnswerTrailers(pairs);
    if (trailers instanceof Fields) this.#answerTrailers = trailers;
    else this.#refuse(trailers);
  }

  /** Everything has been read; `isClean`: and END_STREAM was the end of it. */
  #end(isClean: boolean): void {
    const stream = this.#stream;
    const session = this.#session;
    if (stream === undefined || session === undefined) return;
    if (!isClean) this.resetCode = resetCodeOf(stream, session);
    if (!isClean || !(this.#isComplete || this.#answer.endsWithConnection)) {
      this.abort();
      this.#user.answerLost("the answer ended in the middle", "never");
      return;
    }
    session.isReused = true;
    const trailers = this.#answerTrailers;
    const isRequestSent = stream.writableFinished;
    this.#rest();
    if (!isRequestSent) session.cancel(stream);
    this.#user.answerDone(trailers);
  }

  #switch(head: ResponseHead, named: readonly string[], rest: Buffer): void {
    const stream = this.#stream;
    const session = this.#session;
    if (stream === undefined || session === undefined) return;
    session.isReused = true;
    const tunnel = new StreamTunnel(stream, session, this.#hasEnded);
    this.#rest();
    this.#user.answerSwitched(head, named, tunnel, rest);
  }

  #lose(stream: ClientHttp2Stream, session: BackendSession, why: string): void {
    const resend = this.#hasAnswered ? "never" : resendOf(stream, session);
    if (resend === "over-http1") session.refuse();
    this.resetCode = resetCodeOf(stream, session);
    this.#rest();
    if (session.isLost) this.#user.answerLost("the backend is not there any more", resend, 504);
    else this.#user.answerLost(why, resend);
  }

  #refuse({ why }: Pick<Fault, "why">): void {
    this.abort();
    this.#user.answerMalformed(why);
  }

  #rest(): void {
    this.#session = undefined;
    this.#stream = undefined;
    this.#held = [];
    this.#head = "";
  }
}

/** RFC 9113 §7. Without TLS nobody can choose. */
function wantsHttp1({ rstCode }: ClientHttp2Stream, session: BackendSession): boolean {
  if (session.wantsHttp1) return true;
  return rstCode === constants.NGHTTP2_HTTP_1_1_REQUIRED && session.scheme === "https";
}

/** Where the connection is lost, Node closes its streams with a code of its own. */
function resetCodeOf({ rstCode }: ClientHttp2Stream, session: BackendSession): number | undefined {
  return session.isOpen ? rstCode : undefined;
}

/** RFC 9113 §8.7: a stream that was refused, or is above the last one of a GOAWAY, was not looked at. */
function resendOf(stream: ClientHttp2Stream, session: BackendSession): Resend {
  if (wantsHttp1(stream, session)) return "over-http1";
  if (stream.rstCode === constants.NGHTTP2_REFUSED_STREAM || session.isUnseen(stream.id))
    return "always";
  return session.isReused && !session.isOpen ? "if-idempotent" : "elsewhere";
}

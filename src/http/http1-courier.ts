import type { BackendConnection, BackendUser } from "../backend/connection.ts";
import { failureOf } from "../backend/failure.ts";
import type { BackendPool } from "../backend/pool.ts";
import { unreachable } from "../base/errors.ts";
import type { Framing } from "./admit.ts";
import type { Question } from "./answer.ts";
import { type AnswerListener, AnswerReader } from "./answer-reader.ts";
import { CHUNK_END, chunkStart, lastChunk } from "./body.ts";
import type { Courier, CourierUser } from "./courier.ts";
import type { Fields } from "./fields.ts";
import type { ResponseHead } from "./head.ts";
import { Outlet } from "./outlet.ts";

/** RFC 8446 §5.1: the type of a record, and the first byte of its version. */
const TLS_ALERT = 21;
const TLS_MAJOR = 3;
/** RFC 9113 §6.5: the type of the first frame, behind a length of three bytes that is small. */
const HTTP2_SETTINGS = 4;

/**
 * Carries requests over HTTP/1.1: one at a time on a connection, which goes to the pool when the
 * answer has ended cleanly, and is destroyed when anything is wrong.
 */
export class Http1Courier implements Courier, BackendUser {
  readonly #user: CourierUser;
  readonly #pool: BackendPool;
  readonly #outlet = new Outlet();
  readonly #answer: AnswerReader;
  readonly resetCode = undefined;
  #connection: BackendConnection | undefined;
  #framing: Framing = "none";
  #isRequestSent = false;
  #hasAnswered = false;

  constructor(user: CourierUser, listener: AnswerListener, pool: BackendPool) {
    this.#user = user;
    this.#pool = pool;
    this.#answer = new AnswerReader(listener);
  }

  get hasBegun(): boolean {
    return this.#answer.hasBegun;
  }

  get takesBody(): boolean {
    return this.#connection?.socket.writableNeedDrain === false;
  }

  /**
   * Begins to carry a request over `connection`, which is this courier's from now on. Nothing is written
   * before {@link flush}, so that a small body can join the head. `isSent`: there is nothing to come
   * but `head`.
   */
  begin(
    connection: BackendConnection,
    head: string,
    question: Question,
    framing: Framing,
    isSent: boolean,
  ): void {
    connection.lend(this);
    this.#connection = connection;
    this.#framing = framing;
    this.#isRequestSent = isSent;
    this.#hasAnswered = false;
    this.#answer.begin(question);
    this.#outlet.open(connection.socket);
    this.#outlet.say(head);
  }

  sendBody(bytes: Buffer, start: number, end: number): void {
    if (this.#framing === "chunked") this.#outlet.say(chunkStart(end - start));
    this.#outlet.pass(bytes, start, end);
    if (this.#framing === "chunked") this.#outlet.say(CHUNK_END);
  }

  endBody(trailers: string): void {
    this.#isRequestSent = true;
    if (this.#framing === "chunked") this.#outlet.say(lastChunk(trailers));
  }

  flush(): boolean {
    return this.#isRequestSent ? this.#outlet.flush() : this.#outlet.flushSoon();
  }

  resume(): void {
    this.#connection?.resume();
  }

  abort(): void {
    this.#connection?.destroy();
    this.#rest();
  }

  backendConnected(): void {
    // It was connected before it was lent to a courier.
  }

  backendRead(bytes: Buffer, length: number): boolean {
    const isFirst = !this.#hasAnswered;
    this.#hasAnswered = true;
    const progress = this.#answer.read(bytes, length);
    switch (progress.kind) {
      case "more":
        return this.#user.answerRead();
      case "done":
        this.#finish(progress.hasMore, progress.trailers);
        return true;
      case "switch":
        this.#switch(progress.head, progress.named, progress.rest);
        return true;
      case "fault":
        this.abort();
        this.#user.answerMalformed((isFirst && otherProtocol(bytes, length)) || progress.why);
        return true;
      default:
        return unreachable(progress);
    }
  }

  backendDrained(): void {
    this.#user.courierDrained();
  }

  backendEnded(): void {
    if (this.#answer.endsWithConnection) this.#finish(false, undefined);
    else this.#lose("the backend closed");
  }

  backendClosed(cause: Error | undefined): void {
    this.#lose(failureOf(cause, "the backend closed"));
  }

  #finish(hasMore: boolean, trailers: Fields | undefined): void {
    const connection = this.#connection;
    const isReusable = this.#answer.isReusable && this.#isRequestSent && !hasMore;
    this.#rest();
    if (connection !== undefined && isReusable) this.#pool.keep(connection);
    else connection?.destroy();
    this.#user.answerDone(trailers);
  }

  #switch(head: ResponseHead, named: readonly string[], rest: Buffer): void {
    const connection = this.#connection;
    this.#rest();
    if (connection !== undefined) this.#user.answerSwitched(head, named, connection, rest);
  }

  /** RFC 9112 §9.3.1: a connection used before may have been closing while we wrote. */
  #lose(why: string): void {
    const resend = this.#connection?.isReused === true ? "if-idempotent" : "elsewhere";
    this.abort();
    this.#user.answerLost(why, this.#hasAnswered ? "never" : resend);
  }

  #rest(): void {
    this.#connection = undefined;
    this.#outlet.shut();
  }
}

/** Which protocol the first bytes are of, where they are not HTTP/1.1: an alert of TLS, SETTINGS of HTTP/2. */
function otherProtocol(bytes: Buffer, length: number): string | undefined {
  const start = bytes.subarray(0, length);
  if (start[0] === TLS_ALERT && start[1] === TLS_MAJOR)
    return "it answers with TLS: is it https://?";
  const isHttp2 = start[0] === 0 && start[1] === 0 && start[3] === HTTP2_SETTINGS;
  return isHttp2 ? "it answers with HTTP/2: is it h2c://?" : undefined;
}

import type { BackendConnection } from "../backend/connection.ts";
import { failureOf } from "../backend/failure.ts";
import { BackendSession, type SessionOwner } from "../backend/session.ts";
import type { AnswerListener } from "../http/answer-reader.ts";
import type { CourierUser } from "../http/courier.ts";
import type { ResponseHead } from "../http/head.ts";
import { Http2Courier } from "../http/http2-courier.ts";

/** Hears what comes of a question; one of the three, once. */
export interface AskingUser {
  http2Answered(status: number): void;
  http2Failed(why: string): void;
  /** The backend wants HTTP/1.1. */
  http2Refused(): void;
}

/** One GET over HTTP/2, of which only the status matters. Owns the session, and with it the connection. */
export class Http2Asking implements SessionOwner, CourierUser, AnswerListener {
  readonly #user: AskingUser;
  readonly #head: string;
  readonly #session: BackendSession;
  readonly #courier = new Http2Courier(this, this);
  #isRefused = false;

  /** `connection` is made, and this one's from now on; `head` as it would be with HTTP/1.1. */
  constructor(connection: BackendConnection, head: string, user: AskingUser) {
    this.#user = user;
    this.#head = head;
    this.#session = BackendSession.over(connection, this);
    this.#session.backendConnected();
  }

  close(): void {
    this.#courier.abort();
    this.#session.destroy();
  }

  sessionOpened(session: BackendSession): void {
    session.take();
    const question = { method: "GET", webSocketKey: undefined };
    this.#courier.begin(session, this.#head, question, false, true);
    this.#courier.flush();
  }

  sessionFreed(): void {
    // One question is all there is.
  }

  sessionDeclined(): void {
    this.#user.http2Failed("it does not speak HTTP/2");
  }

  sessionRefused(): void {
    this.#isRefused = true;
  }

  sessionClosed(_session: BackendSession, cause: Error | undefined): void {
    this.#fail(failureOf(cause, "it closed without an answer"));
  }

  courierDrained(): void {
    // The one request is its head: nothing waits to be written.
  }

  answerRead(): boolean {
    return true;
  }

  answerInterim(): void {
    // The answer is still to come.
  }

  answerBegan(head: ResponseHead): void {
    this.#user.http2Answered(head.status);
  }

  answerContent(): void {
    // The body is nobody's business.
  }

  answerDone(): void {
    // Its head has said everything.
  }

  answerSwitched(): void {
    this.#user.http2Failed("it switches protocols");
  }

  answerMalformed(why: string): void {
    this.#user.http2Failed(why);
  }

  answerLost(why: string): void {
    this.#fail(why);
  }

  #fail(why: string): void {
    if (this.#isRefused) this.#user.http2Refused();
    else this.#user.http2Failed(why);
  }
}

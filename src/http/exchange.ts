import type { NoBackend } from "../backend/balance.ts";
import type { BackendConnection, BackendUser } from "../backend/connection.ts";
import { type Deadlines, NEVER } from "../backend/deadlines.ts";
import { dial } from "../backend/dial.ts";
import type { BackendPool } from "../backend/pool.ts";
import { Seat, type SeatTools, type Sitter } from "../backend/seat.ts";
import { unreachable } from "../base/errors.ts";
import type { Backend, PathRoute } from "../config/config.ts";
import { withLine } from "./added-line.ts";
import type { Framing } from "./admit.ts";
import type { Question } from "./answer.ts";
import type { AnswerListener, FinalAnswer } from "./answer-reader.ts";
import type { Asker } from "./asker.ts";
import type { CourierUser, Resend } from "./courier.ts";
import type { Fields } from "./fields.ts";
import type { ResponseHead } from "./head.ts";
import { Http1Courier } from "./http1-courier.ts";
import { refusal, unavailable } from "./refuse.ts";

/** What exchanges share. */
export interface Backends extends SeatTools {
  readonly pool: BackendPool;
  readonly deadlines: Deadlines;
}

/** `waiting`: for a backend below its limit. `asking`: the request is on its way, or the answer, or both. */
type Phase = "idle" | "waiting" | "connecting" | "asking";

/** RFC 9110 §9.2.2, without TRACE: what may be sent again when nobody knows whether it arrived. */
const IDEMPOTENT: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS", "PUT", "DELETE"]);

/**
 * The backend's side of one request after the other: chooses a backend, gets a connection, has a
 * courier carry the request over it, and keeps the deadlines. Owns a backend connection while it is
 * being made; then the courier does.
 */
export class Exchange implements BackendUser, CourierUser, AnswerListener, Sitter {
  readonly #asker: Asker;
  readonly #backends: Backends;
  readonly #courier: Http1Courier;
  readonly #seat: Seat;
  #phase: Phase = "idle";
  #route: PathRoute | undefined;
  #question: Question = { method: "", webSocketKey: undefined };
  #framing: Framing = "none";
  /** The one being made. */
  #connection: BackendConnection | undefined;
  #backend: Backend | undefined;
  #failure: 502 | 504 = 502;
  #isRequestSent = false;
  #isBodyTaken = false;
  #deadline = NEVER;

  constructor(asker: Asker, backends: Backends) {
    this.#asker = asker;
    this.#backends = backends;
    this.#courier = new Http1Courier(this, this, backends.pool);
    this.#seat = new Seat(this, backends);
  }

  /** The backend of the exchange, or of the last one, for the access log. */
  get backend(): Backend | undefined {
    return this.#backend;
  }

  /** May body bytes be given to {@link sendBody} now? */
  get takesBody(): boolean {
    return this.#phase === "asking" && this.#courier.takesBody;
  }

  /** Begins the exchange. Nothing is written before {@link flush}, so that a small body can join the head. */
  start(route: PathRoute, question: Question, framing: Framing): void {
    this.#route = route;
    this.#question = question;
    this.#framing = framing;
    this.#failure = 502;
    this.#isRequestSent = false;
    this.#isBodyTaken = false;
    this.#seat.begin(route);
    this.#chooseBackend(false);
  }

  /** Adds body content; the bytes are the exchange's from now on. */
  sendBody(bytes: Buffer, start: number, end: number): void {
    this.#isBodyTaken = true;
    this.#courier.sendBody(bytes, start, end);
  }

  /** The request is complete; `trailers` are lines, or nothing. */
  endBody(trailers: string): void {
    this.#isRequestSent = true;
    if (this.#framing === "chunked") this.#isBodyTaken = true;
    if (this.#phase === "asking") this.#courier.endBody(trailers);
  }

  /** Writes what was given. `false`: give no more until `bodyWanted`. */
  flush(): boolean {
    if (this.#phase !== "asking") return false;
    const takesMore = this.#courier.flush();
    if (!this.#courier.hasBegun) this.#waitForAnswer(takesMore);
    return takesMore;
  }

  /** Reads on after `answerFlushed` returned `false`. */
  resumeAnswer(): void {
    if (this.#phase !== "asking") return;
    this.#deadline = this.#in(this.#route?.timeouts.idleMs);
    this.#courier.resume();
  }

  /** Nobody waits for the answer any more. */
  abort(): void {
    this.#connection?.destroy();
    this.#courier.abort();
    this.#rest();
  }

  tick(now: number): void {
    if (now < this.#deadline) return;
    if (this.#phase === "connecting") {
      this.#connection?.destroy();
      this.#connectFailed(504, undefined);
    } else if (this.#phase === "waiting") {
      this.#unavailable("every backend has all that it may have");
    } else {
      this.#break(504, "the backend takes too long");
    }
  }

  backendConnected(): void {
    const connection = this.#connection;
    if (connection === undefined) return;
    this.#seat.connected();
    connection.lend(this.#courier);
    this.#begin(connection, this.#backend ?? connection.backend);
    this.#asker.bodyWanted();
    this.flush();
  }

  backendRead(): boolean {
    return false; // whatever is read after it was connected is the courier's
  }

  backendDrained(): void {
    // Nothing is written before it is connected.
  }

  backendEnded(): void {
    this.backendClosed(undefined);
  }

  backendClosed(cause: Error | undefined): void {
    this.#connection?.destroy();
    this.#connectFailed(502, cause);
  }

  courierDrained(): void {
    this.#asker.bodyWanted();
    this.flush();
  }

  answerRead(): boolean {
    const takesMore = this.#asker.answerFlushed();
    const { hasBegun } = this.#courier;
    if (!hasBegun) this.#waitForAnswer(true);
    else this.#deadline = takesMore ? this.#in(this.#route?.timeouts.idleMs) : NEVER;
    return takesMore || !hasBegun;
  }

  answerDone(trailers: Fields | undefined): void {
    this.#rest();
    this.#asker.answerEnded(trailers);
  }

  answerSwitched(
    head: ResponseHead,
    named: readonly string[],
    connection: BackendConnection,
    rest: Buffer,
  ): void {
    this.#seat.leaveTo(connection);
    this.#rest();
    this.#asker.answerSwitched(head, named, connection, rest);
  }

  answerMalformed(why: string): void {
    this.#break(502, why);
  }

  answerLost(why: string, resend: Resend): void {
    if (this.#backend === undefined || !this.#maySendAgain(resend)) this.#break(502, why);
    else if (resend !== "elsewhere") this.#dial(this.#backend);
    else if (this.#seat.mayMove()) this.#chooseAgain(false);
    else this.#break(502, why);
  }

  get clientAddress(): string {
    return this.#asker.clientAddress;
  }

  cookieNamed(name: string): string | undefined {
    return this.#asker.cookieNamed(name);
  }

  seatFree(): void {
    this.#chooseAgain(true);
  }

  answerInterim(head: ResponseHead, named: readonly string[]): void {
    this.#asker.answerInterim(head, named);
  }

  answerBegan(head: ResponseHead, answer: FinalAnswer): void {
    this.#seat.answered(head.status);
    const line = this.#seat.cookieLine;
    this.#asker.answerBegan(line === "" ? head : withLine(head, line), answer);
  }

  answerContent(bytes: Buffer, start: number, end: number): void {
    this.#asker.answerContent(bytes, start, end);
  }

  /** Beyond the start of the exchange nobody but us writes what goes out over a pooled connection. */
  #chooseAgain(isNext: boolean): void {
    this.#chooseBackend(isNext);
    if (this.#phase !== "asking") return;
    this.#asker.bodyWanted();
    this.flush();
  }

  /** @param isNext Has it waited, and is it the first in the row? */
  #chooseBackend(isNext: boolean): void {
    const backend = this.#seat.take(isNext);
    if (typeof backend === "string") {
      this.#goWithout(backend, isNext);
      return;
    }
    this.#backend = backend;
    const pooled = this.#backends.pool.take(backend, this.#courier);
    if (pooled === undefined) this.#dial(backend);
    else this.#begin(pooled, backend);
  }

  #goWithout(why: NoBackend, isNext: boolean): void {
    switch (why) {
      case "tried":
        this.#rest();
        this.#asker.answerFailed(refusal(this.#failure), "no backend takes a connection");
        break;
      case "down":
        this.#unavailable("all backends are down");
        break;
      case "full":
        if (this.#seat.wait(isNext)) this.#wait(isNext);
        else this.#unavailable("too many wait for a backend");
        break;
      default:
        unreachable(why);
    }
  }

  #wait(isNext: boolean): void {
    this.#phase = "waiting";
    if (!isNext) this.#deadline = this.#in(this.#route?.timeouts.connectMs);
  }

  #unavailable(why: string): void {
    const { retryAfterSeconds } = this.#seat;
    this.#rest();
    this.#asker.answerFailed(unavailable(retryAfterSeconds), why);
  }

  #dial(backend: Backend): void {
    this.#phase = "connecting";
    this.#deadline = this.#in(this.#route?.timeouts.connectMs);
    this.#connection = dial(backend, this);
  }

  /** The next backend is tried at once: nothing has reached this one. */
  #connectFailed(status: 502 | 504, cause: Error | undefined): void {
    this.#connection = undefined;
    this.#failure = status;
    this.#seat.unconnected(cause);
    this.#chooseAgain(false);
  }

  /** @param backend The one of this route: a pooled connection may have been made for another's. */
  #begin(connection: BackendConnection, backend: Backend): void {
    this.#connection = undefined;
    this.#phase = "asking";
    const head = this.#asker.requestHeadFor(backend);
    this.#courier.begin(connection, head, this.#question, this.#framing, this.#isRequestSent);
    this.#deadline = this.#in(this.#route?.timeouts.firstByteMs);
  }

  /**
   * While the client still sends, its own deadlines are in charge; while the backend takes nothing,
   * the idle one; and when all is sent, the backend has so long for its first byte.
   */
  #waitForAnswer(takesMore: boolean): void {
    if (!takesMore) this.#deadline = this.#in(this.#route?.timeouts.idleMs);
    else if (this.#isRequestSent || !this.#isBodyTaken)
      this.#deadline = this.#in(this.#route?.timeouts.firstByteMs);
    else this.#deadline = NEVER;
  }

  /** Once, on a fresh connection, when nothing can happen twice; body bytes given away are gone. */
  #maySendAgain(resend: Resend): boolean {
    if (this.#isBodyTaken || resend === "never") return false;
    return resend === "always" || IDEMPOTENT.has(this.#question.method);
  }

  #break(status: 502 | 504, why: string): void {
    const { hasBegun } = this.#courier;
    this.#seat.broken();
    this.abort();
    if (hasBegun) this.#asker.answerBroken(why);
    else this.#asker.answerFailed(refusal(status), why);
  }

  #rest(): void {
    this.#phase = "idle";
    this.#connection = undefined;
    this.#deadline = NEVER;
    this.#seat.leave();
  }

  #in(ms: number | undefined): number {
    return this.#backends.deadlines.in(ms ?? 0);
  }
}

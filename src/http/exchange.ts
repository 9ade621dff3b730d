import type { BackendConnection } from "../backend/connection.ts";
import type { FarEnd } from "../backend/far-end.ts";
import { BackendSession } from "../backend/session.ts";
import type { BackendFailure } from "../base/counts.ts";
import type { Backend, PathRoute } from "../config/destination.ts";
import type { Framing } from "./admit.ts";
import type { Question } from "./answer.ts";
import type { AnswerListener, FinalAnswer } from "./answer-reader.ts";
import type { Asker, Whose } from "./asker.ts";
import { BackendDeadline } from "./backend-deadline.ts";
import type { BackendTimes } from "./backend-times.ts";
import type { Backends } from "./backends.ts";
import type { Courier, CourierUser } from "./courier.ts";
import type { Fields } from "./fields.ts";
import { GivenRequest } from "./given-request.ts";
import type { ResponseHead } from "./head.ts";
import { Http1Courier } from "./http1-courier.ts";
import { Http2Courier } from "./http2-courier.ts";
import { type OwnAnswer, refusal } from "./refuse.ts";
import { type Resend, Resends } from "./resend.ts";
import { Way, type WayUser } from "./way.ts";

/** `starting`, then `finding`: no way to a backend is open yet. `asking`: the request is on its way, or the answer, or both. */
type Phase = "idle" | "starting" | "finding" | "asking";

/**
 * The backend's side of one request after the other: finds a way to a backend, has a courier carry the
 * request there, decides whether it may be sent once more, and keeps the deadlines. The courier owns the
 * connection.
 */
export class Exchange implements WayUser, CourierUser, AnswerListener {
  readonly #asker: Asker;
  readonly #whose: Whose;
  readonly #backends: Backends;
  readonly #http1: Http1Courier;
  #http2: Http2Courier | undefined;
  #courier: Courier;
  readonly #way: Way;
  #phase: Phase = "idle";
  #route: PathRoute | undefined;
  #question: Question = { method: "", webSocketKey: undefined };
  #framing: Framing = "none";
  #mayHaveTrailers = false;
  #carriesMessages = false;
  readonly #given = new GivenRequest();
  readonly #resends = new Resends();
  readonly #times: BackendTimes | undefined;
  readonly #deadline: BackendDeadline;

  /** `times` hears how long things take. */
  constructor(asker: Asker, whose: Whose, backends: Backends, times?: BackendTimes) {
    this.#times = times;
    this.#asker = asker;
    this.#whose = whose;
    this.#backends = backends;
    this.#deadline = new BackendDeadline(backends.deadlines);
    this.#http1 = new Http1Courier(this, this, backends.pool);
    this.#courier = this.#http1;
    this.#way = new Way(this, whose, backends);
  }

  /** The backend of the exchange, or of the last one, for the access log. */
  get backend(): Backend | undefined {
    return this.#way.backend;
  }

  /** See {@link Courier.resetCode}. */
  get resetCode(): number | undefined {
    return this.#courier.resetCode;
  }

  /** May body bytes be given to {@link sendBody} now? */
  get takesBody(): boolean {
    return this.#phase === "asking" && this.#courier.takesBody;
  }

  /** Has the final head of the answer come? */
  get hasBegun(): boolean {
    return this.#phase === "asking" && this.#courier.hasBegun;
  }

  /**
   * How long both sides may be silent, where what they say is messages that come when there is something to say
   * (gRPC), on a way by HTTP/2; else `undefined`: a body is to come at its pace.
   */
  get silenceMs(): number | undefined {
    return this.#carriesMessages ? this.#deadline.idleMs : undefined;
  }

  /**
   * Begins the exchange. Nothing is written before {@link flush}, so that a small body can join the head.
   * `mayHaveTrailers`: of the request.
   */
  start(
    route: PathRoute,
    question: Question,
    framing: Framing,
    mayHaveTrailers: boolean = false,
  ): void {
    this.#route = route;
    this.#question = question;
    this.#framing = framing;
    this.#mayHaveTrailers = mayHaveTrailers;
    this.#carriesMessages = false;
    this.#deadline.begin(route, false);
    this.#given.begin();
    this.#resends.begin(question.method);
    this.#phase = "starting";
    this.#times?.begin();
    this.#way.begin(route, question.webSocketKey !== undefined);
    if (this.#phase === "starting") this.#seek();
  }

  /** Adds body content; bytes that are `lent` are copied, as they change after this call. */
  sendBody(bytes: Buffer, start: number, end: number, isLent: boolean): void {
    this.#given.add(bytes, start, end, this.#isKept);
    if (this.#courier.hasBegun) this.#deadline.prolong();
    this.#courier.sendBody(bytes, start, end, isLent);
  }

  /** The request is complete; `trailers` are lines, or nothing. */
  endBody(trailers: string): void {
    this.#given.end(trailers, this.#framing === "chunked", this.#isKept);
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
    this.#deadline.expectMore();
    this.#courier.resume();
  }

  /** Nobody waits for the answer any more. */
  abort(): void {
    this.#courier.abort();
    this.#rest();
  }

  tick(now: number): void {
    if (this.#phase === "finding") this.#way.tick(now);
    else if (this.#deadline.isOver(now)) this.#break(504, "the backend takes too long", "timeout");
  }

  /** Beyond the start of the exchange nobody but us writes what goes out. */
  wayOpened(to: BackendConnection | BackendSession, backend: Backend): void {
    const isStarting = this.#phase === "starting";
    this.#phase = "asking";
    this.#times?.opened(!isStarting);
    this.#begin(to, this.#asker.requestHeadFor(backend));
    this.#deadline.expectAnswer();
    if (isStarting) return;
    if (this.#given.giveTo(this.#courier)) this.flush();
    this.#asker.bodyWanted();
    this.flush();
  }

  wayClosed(answer: OwnAnswer, why: string): void {
    this.#rest();
    this.#note(answer.status, why);
    this.#asker.answerFailed(answer, why);
  }

  courierDrained(): void {
    this.#asker.bodyWanted();
    this.flush();
  }

  answerRead(): boolean {
    const takesMore = this.#asker.answerFlushed();
    const { hasBegun } = this.#courier;
    if (!hasBegun) this.#waitForAnswer(true);
    else if (takesMore) this.#deadline.expectMore();
    else this.#deadline.stop();
    return takesMore || !hasBegun;
  }

  answerDone(trailers: Fields | undefined): void {
    this.#rest();
    this.#asker.answerEnded(trailers);
  }

  answerSwitched(head: ResponseHead, named: readonly string[], end: FarEnd, rest: Buffer): void {
    this.#times?.answered();
    this.#way.seat.leaveTo(end);
    this.#rest();
    this.#asker.answerSwitched(head, named, end, rest);
  }

  answerMalformed(why: string): void {
    this.#break(502, why, "malformed");
  }

  /** Body bytes given away are gone, if they are not kept. */
  answerLost(why: string, resend: Resend, status: 502 | 504 = 502): void {
    const how = status === 504 ? "timeout" : "closed";
    const isMove = this.#resends.isMove(resend);
    if (
      this.#given.isGone ||
      !this.#resends.allows(resend) ||
      (isMove && !this.#way.seat.mayMove())
    ) {
      this.#break(status, why, how);
      return;
    }
    this.#backends.counts.backendFailed(how);
    this.#seek();
    this.#deadline.stop();
    this.#resends.note(resend);
    if (isMove) this.#way.moveOn(status, why);
    else this.#way.afresh();
  }

  /** The line that leads the client back to its backend from now on, or nothing. */
  get cookieLine(): string {
    return this.#way.seat.cookieLine;
  }

  answerInterim(head: ResponseHead, named: readonly string[]): void {
    this.#asker.answerInterim(head, named);
  }

  answerBegan(head: ResponseHead, answer: FinalAnswer): void {
    this.#times?.answered();
    this.#given.lose();
    this.#way.seat.answered(head.status);
    this.#asker.answerBegan(head, answer);
  }

  answerContent(bytes: Buffer, start: number, end: number): void {
    this.#asker.answerContent(bytes, start, end);
  }

  #begin(to: BackendConnection | BackendSession, head: string): void {
    const isSent = this.#given.isAll && !this.#given.hasBody;
    this.#carriesMessages = to instanceof BackendSession && this.#whose.sendsMessages;
    if (this.#route !== undefined) this.#deadline.begin(this.#route, this.#carriesMessages);
    if (to instanceof BackendSession) {
      this.#http2 ??= new Http2Courier(this, this);
      this.#http2.begin(to, head, this.#question, this.#mayHaveTrailers, isSent);
      this.#courier = this.#http2;
    } else {
      this.#http1.begin(to, head, this.#question, this.#framing, isSent);
      this.#courier = this.#http1;
    }
  }

  /** What goes over HTTP/2 may be refused unseen (RFC 9113 §8.7), and then goes again with its body. */
  get #isKept(): boolean {
    return this.#courier === this.#http2 && !this.#courier.hasBegun;
  }

  /**
   * While the client still sends, its own deadlines are in charge; while the backend takes nothing,
   * the idle one; and when all is sent, the backend has so long for its first byte.
   */
  #waitForAnswer(takesMore: boolean): void {
    if (!takesMore) this.#deadline.expectTaking();
    else if (this.#given.isAll || !this.#given.hasBody) this.#deadline.expectAnswer();
    else this.#deadline.stop();
  }

  #break(status: 502 | 504, why: string, how: BackendFailure): void {
    this.#backends.counts.backendFailed(how);
    const { hasBegun } = this.#courier;
    this.#way.seat.broken();
    this.#note(status, why);
    this.abort();
    if (hasBegun) this.#asker.answerBroken(why);
    else this.#asker.answerFailed(refusal(status), why);
  }

  /** 501: it does what it does, and the request asks for more. */
  #note(status: number, why: string): void {
    const [{ host }, { backend }, backends] = [this.#whose, this, this.#route?.backends ?? []];
    if (status !== 501) this.#backends.failures.note({ host, backends, backend, status, why });
  }

  #seek(): void {
    this.#phase = "finding";
    this.#times?.seek();
  }

  #rest(): void {
    this.#phase = "idle";
    this.#given.rest();
    this.#deadline.stop();
    this.#way.end();
  }
}

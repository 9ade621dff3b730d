import type { Balancer } from "../backend/balance.ts";
import type { BackendConnection, BackendUser } from "../backend/connection.ts";
import { type Deadlines, NEVER } from "../backend/deadlines.ts";
import { dial } from "../backend/dial.ts";
import { backendName } from "../backend/identity.ts";
import type { BackendPool } from "../backend/pool.ts";
import { unreachable } from "../base/errors.ts";
import { failureFacts, type Log } from "../base/log.ts";
import type { Backend, PathRoute } from "../config/config.ts";
import type { Framing } from "./admit.ts";
import type { Question } from "./answer.ts";
import { AnswerReader } from "./answer-reader.ts";
import type { Asker } from "./asker.ts";
import { CHUNK_END, chunkStart, lastChunk } from "./body.ts";
import type { Fields } from "./fields.ts";
import type { ResponseHead } from "./head.ts";
import { Outlet } from "./outlet.ts";

/** What exchanges share. */
export interface Backends {
  readonly pool: BackendPool;
  readonly balancer: Balancer;
  readonly deadlines: Deadlines;
  readonly log: Log;
}

/** `asking`: the request is on its way, or the answer, or both. */
type Phase = "idle" | "connecting" | "asking";

/** RFC 9110 §9.2.2, without TRACE: what may be sent again when nobody knows whether it arrived. */
const IDEMPOTENT: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS", "PUT", "DELETE"]);

/**
 * The backend's side of one request after the other: chooses a backend, gets a connection, sends the
 * request and reads the answer. Owns the backend connection from the moment it has one until the
 * answer has ended cleanly (then the pool does) or anything is wrong (then it is destroyed).
 */
export class Exchange implements BackendUser {
  readonly #asker: Asker;
  readonly #backends: Backends;
  readonly #outlet = new Outlet();
  readonly #answer: AnswerReader;
  #phase: Phase = "idle";
  #route: PathRoute | undefined;
  #question: Question = { method: "", webSocketKey: undefined };
  #framing: Framing = "none";
  #connection: BackendConnection | undefined;
  #backend: Backend | undefined;
  #tried: Backend[] = [];
  #failure: 502 | 504 = 502;
  #isRequestSent = false;
  #isBodyTaken = false;
  #hasAnswered = false;
  #deadline = NEVER;

  constructor(asker: Asker, backends: Backends) {
    this.#asker = asker;
    this.#backends = backends;
    this.#answer = new AnswerReader(asker);
  }

  /** The backend of the exchange, or of the last one, for the access log. */
  get backend(): Backend | undefined {
    return this.#backend;
  }

  /** May body bytes be given to {@link sendBody} now? */
  get takesBody(): boolean {
    return this.#phase === "asking" && this.#connection?.socket.writableNeedDrain === false;
  }

  /** Begins the exchange. Nothing is written before {@link flush}, so that a small body can join the head. */
  start(route: PathRoute, question: Question, framing: Framing): void {
    this.#route = route;
    this.#question = question;
    this.#framing = framing;
    this.#tried = [];
    this.#failure = 502;
    this.#isRequestSent = false;
    this.#isBodyTaken = false;
    this.#hasAnswered = false;
    this.#answer.begin(question);
    this.#chooseBackend();
  }

  /** Adds body content; the bytes are the exchange's from now on. */
  sendBody(bytes: Buffer, start: number, end: number): void {
    this.#isBodyTaken = true;
    if (this.#framing === "chunked") this.#outlet.say(chunkStart(end - start));
    this.#outlet.pass(bytes, start, end, false);
    if (this.#framing === "chunked") this.#outlet.say(CHUNK_END);
  }

  /** The request is complete; `trailers` are lines, or nothing. */
  endBody(trailers: string): void {
    this.#isRequestSent = true;
    if (this.#framing !== "chunked") return;
    this.#isBodyTaken = true;
    this.#outlet.say(lastChunk(trailers));
  }

  /** Writes what was given. `false`: give no more until `bodyWanted`. */
  flush(): boolean {
    if (this.#phase !== "asking") return false;
    const takesMore = this.#outlet.flush();
    if (!this.#answer.hasBegun) this.#waitForAnswer(takesMore);
    return takesMore;
  }

  /** Reads on after `answerFlushed` returned `false`. */
  resumeAnswer(): void {
    if (this.#phase !== "asking") return;
    this.#deadline = this.#in(this.#route?.timeouts.idleMs);
    this.#connection?.resume();
  }

  /** Nobody waits for the answer any more. */
  abort(): void {
    this.#connection?.destroy();
    this.#rest();
  }

  tick(now: number): void {
    if (now < this.#deadline) return;
    if (this.#phase === "connecting") {
      this.#connection?.destroy();
      this.#connectFailed(504, undefined);
    } else {
      this.#break(504, "the backend takes too long");
    }
  }

  backendConnected(): void {
    const connection = this.#connection;
    if (connection === undefined) return;
    if (this.#backends.balancer.markUp(connection.backend))
      this.#backends.log.info("backend.up", { backend: backendName(connection.backend) });
    this.#begin(connection, this.#backend ?? connection.backend);
    this.#asker.bodyWanted();
    this.flush();
  }

  backendRead(bytes: Buffer, length: number): boolean {
    this.#hasAnswered = true;
    const progress = this.#answer.read(bytes, length);
    switch (progress.kind) {
      case "more":
        return this.#readOn();
      case "done":
        this.#finish(progress.hasMore, progress.trailers);
        return true;
      case "switch":
        this.#switch(progress.head, progress.named, progress.rest);
        return true;
      case "fault":
        this.#break(502, progress.why);
        return true;
      default:
        return unreachable(progress);
    }
  }

  backendDrained(): void {
    this.#asker.bodyWanted();
    this.flush();
  }

  backendEnded(): void {
    if (this.#answer.endsWithConnection) this.#finish(false, undefined);
    else this.#lost(undefined);
  }

  backendClosed(cause: Error | undefined): void {
    this.#lost(cause);
  }

  #chooseBackend(): void {
    const route = this.#route;
    const backend = route && this.#backends.balancer.choose(route, this.#tried);
    if (backend === undefined) {
      this.#rest();
      this.#asker.answerFailed(this.#failure, "no backend takes a connection");
      return;
    }
    this.#backend = backend;
    const pooled = this.#backends.pool.take(backend, this);
    if (pooled === undefined) this.#dial(backend);
    else this.#begin(pooled, backend);
  }

  #dial(backend: Backend): void {
    this.#tried.push(backend);
    this.#phase = "connecting";
    this.#deadline = this.#in(this.#route?.timeouts.connectMs);
    this.#connection = dial(backend, this);
  }

  /** The next backend is tried at once: nothing has reached this one. */
  #connectFailed(status: 502 | 504, cause: Error | undefined): void {
    const backend = this.#tried.at(-1);
    this.#connection = undefined;
    this.#failure = status;
    if (backend !== undefined && this.#backends.balancer.markDown(backend)) {
      const facts =
        cause === undefined ? { message: "no connection in time" } : failureFacts(cause);
      this.#backends.log.warn("backend.down", { backend: backendName(backend), ...facts });
    }
    this.#chooseBackend();
  }

  /** @param backend The one of this route: a pooled connection may have been made for another's. */
  #begin(connection: BackendConnection, backend: Backend): void {
    this.#connection = connection;
    this.#phase = "asking";
    this.#outlet.open(connection.socket);
    this.#outlet.say(this.#asker.requestHeadFor(backend));
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

  #readOn(): boolean {
    const takesMore = this.#asker.answerFlushed();
    if (!this.#answer.hasBegun) this.#waitForAnswer(true);
    else this.#deadline = takesMore ? this.#in(this.#route?.timeouts.idleMs) : NEVER;
    return takesMore || !this.#answer.hasBegun;
  }

  #finish(hasMore: boolean, trailers: Fields | undefined): void {
    const connection = this.#connection;
    const isReusable = this.#answer.isReusable && this.#isRequestSent && !hasMore;
    this.#rest();
    if (connection !== undefined && isReusable) this.#backends.pool.keep(connection);
    else connection?.destroy();
    this.#asker.answerEnded(trailers);
  }

  #switch(head: ResponseHead, named: readonly string[], rest: Buffer): void {
    const connection = this.#connection;
    this.#rest();
    if (connection !== undefined) this.#asker.answerSwitched(head, named, connection, rest);
  }

  /** The backend closed, or ended without having answered in full. */
  #lost(cause: Error | undefined): void {
    const connection = this.#connection;
    if (connection === undefined) return;
    if (!connection.hasConnected) {
      connection.destroy();
      this.#connectFailed(502, cause);
    } else if (connection.isReused && this.#maySendAgain()) {
      connection.destroy();
      this.#dial(this.#backend ?? connection.backend);
    } else {
      this.#break(502, cause === undefined ? "the backend closed" : cause.message);
    }
  }

  /** RFC 9110 §9.2.2, RFC 9112 §9.3.1: once, on a fresh connection, when nothing can happen twice. */
  #maySendAgain(): boolean {
    if (this.#hasAnswered || this.#isBodyTaken) return false;
    return IDEMPOTENT.has(this.#question.method);
  }

  #break(status: 502 | 504, why: string): void {
    this.abort();
    if (this.#answer.hasBegun) this.#asker.answerBroken(why);
    else this.#asker.answerFailed(status, why);
  }

  #rest(): void {
    this.#phase = "idle";
    this.#connection = undefined;
    this.#deadline = NEVER;
    this.#outlet.shut();
  }

  #in(ms: number | undefined): number {
    return this.#backends.deadlines.in(ms ?? 0);
  }
}

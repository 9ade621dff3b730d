import {
  constants,
  performServerHandshake,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from "node:http2";
import { NEVER, type Timed } from "../backend/deadlines.ts";
import { clientKeyOf } from "../base/client-key.ts";
import type { RequestCounts } from "../base/counts.ts";
import { Crowd } from "../base/crowd.ts";
import { endBehindEvents } from "../base/end-behind-events.ts";
import { outlive } from "../base/outlive.ts";
import { StreamTables } from "../base/stream-tables.ts";
import type { UriHost } from "../base/uri-host.ts";
import { limits } from "../config/limits.ts";
import { type ClientConnection, countsOf, isCovered, senderOf } from "./client-connection.ts";
import type { Sender } from "./forwarded.ts";
import {
  FRAME_HEAD_BYTES,
  GREETING_BYTES,
  PING_BYTES,
  PING_CHARGE_BYTES,
  RESET_BYTES,
  UPDATES_BYTES,
} from "./h2-frame-sizes.ts";
import { H2OpenHead } from "./h2-open-head.ts";
import { sessionOptions } from "./h2-options.ts";
import { H2Overhead, sizeOnWire } from "./h2-overhead.ts";
import { H2Stream, type StreamForm } from "./h2-stream.ts";
import { hasUntakenAnswers, takenFrom } from "./socket-handle.ts";
import type { StreamHome } from "./stream-home.ts";
import type { HttpAction, Surroundings } from "./surroundings.ts";

const TOO_MUCH = constants.NGHTTP2_ENHANCE_YOUR_CALM;

/**
 * One client connection that speaks HTTP/2: nghttp2 reads its frames, each stream is a visit of its own.
 * Owns the client's socket through its session. The twin of `Conversation`.
 */
export class H2Session implements StreamHome, Timed {
  readonly host: UriHost;
  readonly action: HttpAction;
  readonly around: Surroundings;
  readonly sender: Sender;
  readonly counts: RequestCounts;
  readonly #connection: ClientConnection;
  readonly #session: ServerHttp2Session;
  readonly #tables: StreamTables;
  readonly #overhead: H2Overhead;
  readonly #openHead = new H2OpenHead();
  readonly #streams = new Crowd<H2Stream>();
  /** Did we end the connection, with all that is under way? */
  #isCut = false;
  whyCut: string | undefined;
  /** Is the client sent away, once what is under way has ended? */
  #isDismissed = false;
  #served = 0;
  /** Requests taken back since the last tick. */
  #takenBack = 0;
  /** Answers that waited for the client when the first of them was judged in this tick: the others are judged by the same. */
  #waiting: number | undefined;
  /** While there is no stream. */
  #idleDeadline: number;
  watch: Timed["watch"] = undefined;
  /** While draining: until when the first request may come. */
  #leaveDeadline = NEVER;
  /** After everything is said. */
  #closeDeadline = NEVER;

  /** `ended` is called once, when the socket is closed. */
  constructor(
    connection: ClientConnection,
    action: HttpAction,
    around: Surroundings,
    ended: (session: H2Session) => void,
  ) {
    const { socket, host } = connection;
    this.#connection = connection;
    this.host = host;
    this.action = action;
    this.around = around;
    this.sender = senderOf(connection, around);
    this.counts = countsOf(connection, around);
    this.#overhead = new H2Overhead(around.deadlines.now);
    this.#idleDeadline = around.deadlines.in(limits.keepAliveTimeoutMs);
    // HTTP/2 has an end of its own: a client that ends the connection waits for nothing.
    socket.allowHalfOpen = false;
    this.#session = performServerHandshake(socket, sessionOptions());
    this.#tables = new StreamTables(this.#session);
    endBehindEvents(this.#session, () => {
      this.#isCut = true;
    });
    this.#session.on("error", () => undefined); // its close follows, and says all that matters
    this.#session.on("connect", (session) => {
      if (!session.destroyed) session.setLocalWindowSize(limits.h2ConnectionWindowBytes);
    });
    this.#session.on("stream", (stream, headers, flags, pairs) => {
      const isHead = headers[":method"] === "HEAD";
      const isWhole = (flags & constants.NGHTTP2_FLAG_END_STREAM) !== 0;
      this.#serve(stream, { isHead, isWhole }, pairs);
    });
    this.#session.on("ping", () => {
      this.#openHead.explain(PING_BYTES);
      this.#overhead.charge(PING_CHARGE_BYTES);
    });
    this.#session.on("localSettings", () => this.#openHead.explain(FRAME_HEAD_BYTES));
    this.#session.on("close", () => {
      around.deadlines.forget(this);
      ended(this);
    });
    around.deadlines.watch(this);
  }

  answersFor(host: UriHost): boolean {
    return isCovered(this.#connection, host, this.around);
  }

  explain(bytes: number): void {
    this.#openHead.explain(bytes);
    this.#overhead.explain(bytes);
  }

  /**
   * The client says with WINDOW_UPDATE that it has taken what we sent, in steps of its choosing (RFC 9113 §6.9),
   * and clients of gRPC measure the line with a PING for what comes at once.
   */
  explainAnswer(bytes: number): void {
    const updates = Math.ceil(bytes / limits.h2UpdateStepBytes);
    this.#openHead.expect(updates * UPDATES_BYTES);
    this.#overhead.explain(limits.h2PingCostBytes + updates * limits.h2PieceCreditBytes);
  }

  /**
   * nghttp2 has had enough of these too, but says so only when it gets to write: many requests later, each of which
   * costs a visit.
   */
  takenBack(): void {
    if (this.#isCut) return; // it was we who took them back
    this.explain(RESET_BYTES);
    this.#takenBack += 1;
    const isTooMuch = this.#takenBack > limits.h2ResetBurst || this.#tookBackBefore();
    if (isTooMuch && !this.#session.destroyed)
      this.#cutFlood("the client took back too many requests");
  }

  expectRest(bytes: number): void {
    this.#openHead.expect(bytes);
    this.#overhead.expect(bytes, this.around.deadlines.now);
  }

  charge(): void {
    this.#overhead.charge(limits.h2FaultCostBytes);
  }

  streamClosed(stream: H2Stream): void {
    if (stream.place !== undefined) this.#streams.leave(stream.place);
    if (this.#streams.size === 0)
      this.#idleDeadline = this.around.deadlines.in(limits.keepAliveTimeoutMs);
  }

  tick(now: number): void {
    this.#waiting = undefined;
    this.#streams.each((stream) => stream.tick(now));
    this.#takenBack = 0;
    const { socket } = this.#connection;
    const { closed, destroyed } = this.#session;
    const read = socket.bytesRead - this.#held;
    const overhead = this.#overhead.look(read, now);
    if (now >= this.#closeDeadline) socket.destroy();
    else if (destroyed) this.#expectClose();
    else if (overhead === "too much" || hasUntakenAnswers(socket, now, this.#mostWaiting))
      this.#cutFlood("the client sent too much that belongs to no request");
    else if (this.#isDismissed && this.#streams.size === 0) this.#cut(TOO_MUCH, undefined);
    else if (overhead === "much") this.#dismiss("HTTP2_FLOOD");
    else if (closed) this.#expectClose();
    else if (now >= this.#leaveDeadline) this.#leave();
    else if (this.#streams.size === 0 && now >= this.#idleDeadline) this.#leave();
    else if (!this.#isDismissed) this.#watchHead(read, now);
  }

  /**
   * No more requests: GOAWAY names the last one that is answered, and a client may send what it sent
   * after that elsewhere (RFC 9113 §6.8). Node has no way to announce a GOAWAY first: nghttp2 takes no
   * stream after one that it was told to send. A connection that was just made gets its first request
   * answered, as with HTTP/1.1.
   */
  drain(): void {
    if (this.#session.closed || this.#leaveDeadline !== NEVER) return;
    if (this.#served > 0) this.#leave();
    else this.#leaveDeadline = this.around.deadlines.in(limits.firstRequestTimeoutMs);
  }

  /** While there is no stream: until when. */
  get idleUntil(): number | undefined {
    return this.#streams.size === 0 && !this.#session.closed ? this.#idleDeadline : undefined;
  }

  /** Says GOAWAY and closes, if there is still no stream. */
  closeIdle(): void {
    if (this.idleUntil !== undefined) this.#leave();
  }

  /** Closes at once, whatever is under way. */
  destroy(): void {
    this.#cut(constants.NGHTTP2_NO_ERROR, undefined);
  }

  get taken(): number {
    const { socket, carrier = socket } = this.#connection;
    return takenFrom(carrier);
  }

  get leastTaken(): number {
    this.#waiting ??= this.#streams.members().filter(({ isWaiting }) => isWaiting).length;
    return (this.#waiting * limits.h2AnswerMinBytesPerSecond * limits.writeIdleTimeoutMs) / 1_000;
  }

  /** Bytes of bodies that have come and wait for their backends: they are explained when they are read. */
  get #held(): number {
    let held = 0;
    this.#streams.each((stream) => {
      held += stream.held;
    });
    return held;
  }

  /** What nghttp2 may have given to the socket: two pieces of each answer, also of those that are over. */
  get #mostWaiting(): number {
    return 2 * limits.bufferMaxBytes * Math.min(1 + this.#served, limits.h2StreamsMax);
  }

  /** Has this client taken back too many, over whatever connections? A proxy is many clients. */
  #tookBackBefore(): boolean {
    const { address, isTrusted } = this.sender;
    const { takenBack, deadlines } = this.around;
    return !isTrusted && takenBack.take(clientKeyOf(address), deadlines.now) > 0;
  }

  #watchHead(read: number, now: number): void {
    const seen = this.#openHead.look(read, now);
    if (seen === "late") this.#dismiss("HEAD_TIMED_OUT");
    else if (seen === "ask")
      this.#session.ping((error) => {
        if (error === null) this.#openHead.explain(PING_BYTES);
      });
  }

  #serve(stream: ServerHttp2Stream, form: StreamForm, pairs: readonly string[]): void {
    this.#tables.count();
    outlive(this.#session, stream);
    this.explain(sizeOnWire(pairs));
    if (this.#served === 0) this.#openHead.explain(GREETING_BYTES);
    if (stream.destroyed || stream.closed) return; // taken back in the same breath
    if (this.#isCut) return void stream.on("error", () => undefined); // it ends with its session
    const served = new H2Stream(this, stream, form);
    served.place = this.#streams.enter(served);
    this.#served += 1;
    served.begin(pairs);
    const requestsMax = limits.requestsPerConnectionMax * limits.h2StreamsMax;
    if (this.#served >= requestsMax || !this.around.keepsAlive) this.drain();
  }

  #leave(): void {
    this.#session.close();
    this.#expectClose();
  }

  /** No more requests, with an error: those under way are answered, then the connection is cut. */
  #dismiss(code: "HEAD_TIMED_OUT" | "HTTP2_FLOOD"): void {
    if (this.#isDismissed) return;
    this.#isDismissed = true;
    this.around.refused({ code, host: this.host, client: this.sender.address });
    if (this.#streams.size === 0) this.#cut(TOO_MUCH, undefined);
    else this.#session.goaway(TOO_MUCH);
  }

  /** `why`: of the requests under way, which end with it. */
  #cutFlood(why: string): void {
    this.#dismiss("HTTP2_FLOOD");
    this.#cut(TOO_MUCH, why);
  }

  #cut(code: number, why: string | undefined): void {
    this.whyCut ??= why;
    this.#isCut = true;
    // Not within an event of its own: nghttp2 goes on with what was read, and without a session Node fails an assertion.
    setImmediate(() => {
      // With an error Node says the code in a GOAWAY; without one it knows no code but 0.
      if (code === constants.NGHTTP2_NO_ERROR) this.#session.destroy();
      else this.#session.destroy(new Error("the client is cut"), code);
      this.#expectClose();
    });
  }

  /** Everything is said: whoever does not close in a moment is closed. */
  #expectClose(): void {
    if (this.#streams.size === 0 && this.#closeDeadline === NEVER)
      this.#closeDeadline = this.around.deadlines.in(limits.drainTimeoutMs);
  }
}

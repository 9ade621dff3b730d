import { constants, type ServerHttp2Stream } from "node:http2";
import { NEVER } from "../backend/deadlines.ts";
import type { Membership } from "../base/crowd.ts";
import { limits } from "../config/limits.ts";
import { admit } from "./admit.ts";
import { TAKES_NOTHING } from "./client-socket.ts";
import type { Fault, Fields } from "./fields.ts";
import type { Switched, VisitOwner } from "./front.ts";
import { H2Body } from "./h2-body.ts";
import { readStreamHead, readStreamTrailers } from "./h2-head.ts";
import { resetStream } from "./h2-reset.ts";
import { H2Writer } from "./h2-writer.ts";
import type { StreamHome } from "./stream-home.ts";
import { Tunnel, type TunnelClient } from "./upgrade.ts";
import { Visit } from "./visit.ts";

/** What is known of a request before it is read. */
export interface StreamForm {
  /** Is the method HEAD? */
  readonly isHead: boolean;
  /** Is the head all of it? */
  readonly isWhole: boolean;
}

/**
 * `visit`: a request is being answered. `rest`: it was answered before its body had come; the rest of
 * that is read for nobody, for a moment.
 */
type Phase = "visit" | "rest" | "tunnel" | "closing";

/** One request of an HTTP/2 connection, its answer, and maybe the tunnel that they make. Owns the stream. */
export class H2Stream implements VisitOwner {
  /** Among the streams of its connection, which sets it. */
  place: Membership<H2Stream> | undefined = undefined;
  readonly #home: StreamHome;
  readonly #stream: ServerHttp2Stream;
  readonly #isWhole: boolean;
  readonly #body: H2Body;
  readonly #writer: H2Writer;
  readonly #visit: Visit;
  #phase: Phase = "visit";
  #trailers: Fields | Fault | undefined;
  #tunnel: Tunnel | undefined;
  #discarded = 0;
  /** Did we close the stream, maybe in the middle of its request? */
  #isCut = false;
  /** Why, where nobody was told yet. */
  #why: string | undefined;
  /** When the client must have taken some of what waits for it. */
  #writeDeadline = NEVER;
  /** What waited, and what the connection had taken, when that was set. */
  #waiting = 0;
  #takenBefore = 0;
  /** Until when a body that nobody wants is read. */
  #restDeadline = NEVER;

  constructor(home: StreamHome, stream: ServerHttp2Stream, { isHead, isWhole }: StreamForm) {
    const { around, host, action, sender, counts } = home;
    this.#home = home;
    this.#stream = stream;
    this.#isWhole = isWhole;
    this.#body = new H2Body(around.deadlines, isWhole);
    this.#writer = new H2Writer(stream, isHead, (bytes) => home.explainAnswer(bytes));
    const tools = { body: this.#body, writer: this.#writer, host, action, sender, counts, around };
    this.#visit = new Visit(this, tools);
    stream.on("error", () => {
      // Its close follows, and says all that matters.
    });
    stream.on("close", () => this.#closed());
    stream.on("drain", () => this.#drained());
  }

  /** Answers the request whose field section this is. */
  begin(pairs: readonly string[]): void {
    this.#visit.arrive();
    const head = readStreamHead(pairs, this.#isWhole);
    const request = head.kind === "fault" ? head : admit(head, this.#home);
    if (request.kind === "fault") {
      // A host that is not served here may be meant well (RFC 9113 §9.1.1): browsers share connections.
      if (request.status !== 421) this.#home.charge();
      this.#visit.refuse(request);
      return;
    }
    if (request.webSocketKey === undefined) this.#readBody();
    this.#visit.start(request, false);
  }

  visitEnded(): void {
    this.#expectDrain();
    if (this.#stream.readableEnded || this.#isWhole) {
      this.#phase = "closing";
      return;
    }
    this.#phase = "rest";
    this.#restDeadline = this.#home.around.deadlines.in(limits.drainTimeoutMs);
    this.#body.clear();
    this.#readBody();
    this.#stream.resume();
  }

  visitBroken(resetCode?: number): void {
    this.#break(resetCode);
  }

  visitSwitched(switched: Switched): void {
    const stream = this.#stream;
    const tunnel = new Tunnel(this.#tunnelClient(), switched, this.#home.around.deadlines);
    this.#phase = "tunnel";
    this.#tunnel = tunnel;
    tunnel.begin(Buffer.alloc(0));
    stream.on("data", (piece: Buffer) => {
      this.#explain(piece);
      tunnel.clientRead(piece, piece.length);
    });
    stream.on("end", () => {
      if (this.#isOpen) tunnel.clientEnded();
    });
  }

  #tunnelClient(): TunnelClient {
    const stream = this.#stream;
    return {
      get waiting() {
        return stream.writableLength;
      },
      write: (piece) => {
        this.#home.explainAnswer(piece.length);
        return this.#isOpen && stream.write(piece, "latin1");
      },
      pause: () => void stream.pause(),
      resume: () => void stream.resume(),
      end: () => void stream.end(),
      destroy: () => this.#break(),
    };
  }

  /** Reads from the client while there is use or room for what comes, and not longer. */
  regulateReading(): void {
    if (this.#phase !== "visit" || this.#body.isDone) return;
    if (this.#body.isWaiting) {
      this.#body.pause();
      this.#stream.pause();
    } else if (this.#stream.isPaused()) {
      this.#body.resume();
      this.#stream.resume();
    }
  }

  /** Does some of the answer wait for the client? */
  get isWaiting(): boolean {
    return this.#stream.writableLength > 0;
  }

  /** Bytes of the body that have come and are not read yet. */
  get held(): number {
    return this.#isCut ? 0 : this.#stream.readableLength;
  }

  tick(now: number): void {
    this.#visit.tick(now);
    this.#tunnel?.tick(now);
    this.#watchWriting(now);
    // RFC 9113 §8.1: the whole answer is there, the client need not send the rest.
    if (now >= this.#restDeadline && this.#stream.writableFinished) {
      this.#restDeadline = NEVER;
      this.#phase = "closing";
      this.#expectRest();
      this.#stream.close(constants.NGHTTP2_NO_ERROR);
      this.#stream.resume(); // without an error Node ends no stream before all is read that has come
    }
  }

  /** From now on what comes is the body's, or nobody's. */
  #readBody(): void {
    const stream = this.#stream;
    if (this.#isWhole || stream.listenerCount("data") > 0) return;
    stream.on("data", (piece: Buffer) => this.#read(piece));
    // Node's own types leave out the third argument: the fields as they came.
    stream.on("trailers", (...args: readonly unknown[]) => {
      this.#trailers = readStreamTrailers(textsIn(args[2]));
    });
    stream.on("end", () => {
      // Node may tell of the end before it tells of the trailers, in the same turn.
      process.nextTick(() => this.#bodyEnded());
    });
  }

  #read(piece: Buffer): void {
    this.#explain(piece);
    if (this.#phase === "visit") {
      this.#body.add(piece);
      this.#visit.pumpBody();
      this.regulateReading();
      return;
    }
    this.#discarded += piece.length;
    if (this.#phase !== "rest" || this.#discarded <= limits.drainMaxBytes) return;
    this.#stream.pause();
    this.#restDeadline = this.#home.around.deadlines.now;
  }

  #bodyEnded(): void {
    // Node also ends what the client takes back without an error code, as if it were whole.
    if (!this.#isOpen || this.#phase !== "visit") return;
    const trailers = this.#trailers;
    if (trailers !== undefined && "kind" in trailers) {
      this.#home.charge();
      this.#visit.giveUp(trailers);
      return;
    }
    this.#body.end(trailers);
    this.#visit.pumpBody();
  }

  #explain(piece: Buffer): void {
    this.#home.explain(piece.length + limits.h2PieceCreditBytes);
  }

  #drained(): void {
    this.#writeDeadline = NEVER;
    if (this.#tunnel !== undefined) this.#tunnel.clientDrained();
    else if (this.#phase === "visit") this.#visit.resume();
  }

  #closed(): void {
    // A request that has no whole answer is taken back with any code, and by the end of its connection too.
    const isTakenBack = this.#phase === "visit" || this.#stream.rstCode !== 0;
    this.#phase = "closing";
    const cut = this.#why ?? this.#home.whyCut ?? this.#home.around.blamed;
    this.#visit.abandon(cut ?? "the client took its request back, or left");
    this.#tunnel?.clientClosed(cut);
    this.#body.clear();
    this.#home.explain(this.held);
    if (isTakenBack && !this.#isCut) this.#home.takenBack();
    this.#home.streamClosed(this);
  }

  get #isOpen(): boolean {
    return !this.#stream.destroyed && !this.#stream.closed;
  }

  #break(resetCode: number | undefined = undefined): void {
    this.#phase = "closing";
    this.#expectRest();
    resetStream(this.#stream, resetCode);
  }

  /** We close the stream: what its window allows may be on its way (RFC 9113 §5.1, "closed"). */
  #expectRest(): void {
    if (this.#isCut) return;
    if (!this.#isWhole && !this.#stream.readableEnded)
      this.#home.expectRest(this.held + limits.h2StreamWindowBytes);
    this.#isCut = true;
  }

  #expectDrain(): void {
    this.#waiting = this.#stream.writableLength;
    this.#takenBefore = this.#home.taken;
    this.#writeDeadline = this.#home.around.deadlines.in(limits.writeIdleTimeoutMs);
  }

  /**
   * A client that takes nothing of what waits for it is not waited for for ever. How much of a piece has left
   * is not told, and other answers may go first: so what the whole connection takes counts too.
   */
  #watchWriting(now: number): void {
    const { writableLength } = this.#stream;
    if (writableLength === 0) this.#writeDeadline = NEVER;
    else if (this.#writeDeadline === NEVER) this.#expectDrain();
    else if (now >= this.#writeDeadline) {
      const taken = this.#home.taken - this.#takenBefore;
      if (writableLength < this.#waiting || taken >= this.#home.leastTaken) this.#expectDrain();
      else {
        this.#why = TAKES_NOTHING;
        this.#break();
      }
    }
  }
}

function textsIn(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.map((each) => `${each}`) : [];
}

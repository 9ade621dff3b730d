import type { Socket } from "node:net";
import { type Deadlines, NEVER } from "../backend/deadlines.ts";
import { limits } from "../config/limits.ts";
import { hasUntakenAnswers, isEndOfReset, isPeerGone, readInto } from "./socket-handle.ts";
import type { TunnelClient } from "./upgrade.ts";

/** Who uses a client's socket. After `clientClosed` there are no more calls. */
export interface ClientListener {
  /**
   * The first `length` bytes of `bytes` arrived. They are valid during this call only, and may be
   * written over; copy what is kept.
   */
  clientRead(bytes: Buffer, length: number): void;
  /** The client will send nothing more; it may still read. */
  clientEnded(): void;
  /** What was written has left. */
  clientDrained(): void;
  /** The connection is gone. `why`: we have cut it, in words for the log; `undefined`: whatever the reason. */
  clientClosed(why: string | undefined): void;
}

/**
 * Every client's socket of the process reads into this one buffer: a read and the call it makes end before the
 * next read begins. Without TLS a read may bring more than it holds; then the next one follows at once.
 */
const readBuffer = Buffer.allocUnsafeSlow(limits.recordBytes);

/** Why a client is cut that is too slow to read, for the log. */
export const TAKES_NOTHING = "the client takes nothing of what waits for it";

/**
 * The socket of a client, owned from construction to its `close`: reading with pauses, a deadline for
 * clients that take nothing, and closing in stages.
 */
export class ClientSocket implements TunnelClient {
  readonly socket: Socket;
  readonly #carrier: Socket;
  #listener: ClientListener | undefined;
  readonly #deadlines: Deadlines;
  #isPaused = false;
  #isClosing = false;
  #writeDeadline = NEVER;
  /** What waited to be written when the deadline was set: less of it now is progress. */
  #waiting = 0;
  #closeDeadline = NEVER;
  /** However much the client still sends, it is closed then. */
  #lastDeadline = NEVER;
  /** Why we have cut the connection. */
  #why: string | undefined;

  /** `carrier`: the TCP socket below `socket`, when that is TLS; accepted with TCP_NODELAY (`listen.ts`). */
  constructor(
    socket: Socket,
    listener: ClientListener,
    deadlines: Deadlines,
    carrier: Socket = socket,
  ) {
    this.socket = socket;
    this.#carrier = carrier;
    this.#listener = listener;
    this.#deadlines = deadlines;
    // A client may end its side and still read the answer (RFC 9112 §9.6).
    socket.allowHalfOpen = true;
    socket.on("error", () => {
      // Its close follows, and says all that matters.
    });
    readInto(socket, readBuffer, (length) => this.#read(readBuffer, length));
    socket.on("data", (bytes: Buffer) => this.#read(bytes, bytes.length));
    socket.on("end", () => {
      if (isEndOfReset(socket, carrier)) socket.destroy();
      else if (!this.#isClosing) this.#listener?.clientEnded();
    });
    socket.on("drain", () => {
      this.#writeDeadline = NEVER;
      if (!this.#isClosing) this.#listener?.clientDrained();
    });
    socket.on("close", () => {
      const last = this.#listener;
      this.#listener = undefined;
      last?.clientClosed(this.#why);
    });
  }

  get isPaused(): boolean {
    return this.#isPaused;
  }

  /** Is there no room for more answers? */
  get isFull(): boolean {
    return this.socket.writableNeedDrain;
  }

  /** May more of the answer under way be given? One large piece on its way does not hold up the next one. */
  get takesMore(): boolean {
    const { socket } = this;
    return !socket.writableNeedDrain || socket.writableLength <= limits.writeAheadMaxBytes;
  }

  pause(): void {
    if (this.#isPaused) return;
    this.#isPaused = true;
    this.socket.pause();
  }

  resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    this.socket.resume();
  }

  get waiting(): number {
    return this.socket.writableLength;
  }

  /** For a tunnel; `false`: write no more until `clientDrained`, and the client has so long to take some of it. */
  write(piece: Buffer | string): boolean {
    if (piece.length === 0) return !this.isFull; // see readInto
    const takesMore = this.socket.write(piece, "latin1");
    if (!takesMore) this.expectDrain();
    return takesMore;
  }

  end(): void {
    this.socket.end();
  }

  destroy(): void {
    this.socket.destroy();
  }

  /** Something was written and is not taken yet: from now on the client has so long to take some of it. */
  expectDrain(): void {
    this.#waiting = this.socket.writableLength;
    this.#writeDeadline = this.#deadlines.in(limits.writeIdleTimeoutMs);
  }

  /**
   * Closes in stages (RFC 9112 §9.6): ends our side, then reads on for a moment, because closing over
   * unread bytes would send a reset that may overtake the answer. Who still sends has more of it:
   * many clients read no answer before all of their body has left.
   */
  close(): void {
    if (this.#isClosing) return;
    this.#isClosing = true;
    this.expectDrain();
    this.socket.end(() => {
      this.#writeDeadline = NEVER;
      this.#closeDeadline = this.#deadlines.in(limits.drainTimeoutMs);
      this.#lastDeadline = this.#deadlines.in(limits.closingMaxMs);
    });
    this.#isPaused = true;
    this.resume();
  }

  /**
   * Closes at once, in the middle of something. Where a plain close would look like the end of an
   * answer, it is made a reset; with TLS too, as most clients (curl, Node) do not miss close_notify.
   */
  abort(wouldLookLikeEnd: boolean): void {
    if (wouldLookLikeEnd) this.#carrier.resetAndDestroy();
    else this.socket.destroy();
  }

  tick(now: number): void {
    if (now >= this.#closeDeadline || (this.#isPaused && isPeerGone(this.#carrier)))
      this.socket.destroy();
    if (hasUntakenAnswers(this.socket, now)) this.#giveUp();
    if (now < this.#writeDeadline) return;
    if (this.socket.writableLength < this.#waiting) this.expectDrain();
    else this.#giveUp();
  }

  #giveUp(): void {
    this.#why ??= TAKES_NOTHING;
    this.abort(true); // what the kernel still holds would end like a whole answer
  }

  #read(bytes: Buffer, length: number): void {
    if (!this.#isClosing) {
      this.#listener?.clientRead(bytes, length);
      return;
    }
    if (this.#closeDeadline === NEVER) return;
    this.#closeDeadline = Math.min(this.#deadlines.in(limits.drainTimeoutMs), this.#lastDeadline);
  }
}

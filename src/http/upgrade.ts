import type { BackendUser } from "../backend/connection.ts";
import { type Deadlines, NEVER } from "../backend/deadlines.ts";
import { failureOf } from "../backend/failure.ts";
import type { FarEnd } from "../backend/far-end.ts";
import { limits } from "../config/limits.ts";
import type { Switched } from "./front.ts";

const SILENT = "nothing came from either side for too long";
const UNFOLLOWED = "one side ended, and the other did not follow in time";

/** The client's side of a tunnel: a connection, or one stream of it. */
export interface TunnelClient {
  /** Bytes that were written and not taken. */
  readonly waiting: number;
  /**
   * Text is of latin1, a character a byte. `false`: write no more until it has drained; it has so long to take some of
   * it, or is cut.
   */
  write(piece: Buffer | string): boolean;
  pause(): void;
  resume(): void;
  /** Nothing more will be written. */
  end(): void;
  /** Closes at once, not as if it were the end. */
  destroy(): void;
}

/**
 * What has become a WebSocket: bytes both ways, nothing looked at (RFC 6455 §5.4). Owns
 * the way to the backend; the client stays its conversation's or stream's, which passes its events on.
 * Each side waits for the other when it cannot keep up, but not for one that takes nothing any more:
 * behind it everybody's memory is full, and nobody hears whether the other side is still there. When
 * one side ends, so does the other.
 */
export class Tunnel implements BackendUser {
  readonly #client: TunnelClient;
  readonly #backend: FarEnd;
  readonly #deadlines: Deadlines;
  readonly #switched: Switched;
  #deadline: number;
  /** Until when the backend must have taken some of what waits for it. */
  #backendDeadline = NEVER;
  /** What waited for it when that was set: less of it now is progress. */
  #backendWaiting = 0;
  /** What waited for both sides when anything moved last. */
  #waiting = 0;

  #bytesIn = 0;
  #bytesOut = 0;
  /** Has one side ended? */
  #isEnding = false;
  /** Has the backend said all that it had to say? */
  #hasBackendEnded = false;
  /** Why it does not end well. */
  #why: string | undefined;
  #isOver = false;

  constructor(client: TunnelClient, switched: Switched, deadlines: Deadlines) {
    this.#client = client;
    this.#backend = switched.end;
    this.#switched = switched;
    this.#deadlines = deadlines;
    this.#deadline = deadlines.in(switched.idleMs);
    this.#backend.lend(this);
  }

  /** Passes on what came before there was a tunnel: from the backend behind its answer, and `fromClient`. */
  begin(fromClient: Buffer): void {
    const { rest } = this.#switched;
    if (rest.length > 0 && !this.#sendToClient(rest)) this.#backend.pause();
    if (fromClient.length > 0) this.clientRead(fromClient, fromClient.length);
  }

  /**
   * The first `length` bytes of `bytes` came from the client; they are copied. What it says when its backend has ended
   * nobody hears any more: it is read on, or the client's own end behind it would not be seen.
   */
  clientRead(bytes: Buffer, length: number): void {
    if (this.#hasBackendEnded) return;
    this.#bytesIn += length;
    const takesMore = this.#backend.write(copyOf(bytes, length));
    this.#touch();
    if (takesMore) return;
    this.#client.pause();
    this.#expectBackend();
  }

  clientDrained(): void {
    this.#backend.resume();
  }

  clientEnded(): void {
    this.#closing();
    this.#backend.end();
  }

  /** The client is gone: the tunnel is over. `cut`: it was us, and why. */
  clientClosed(cut: string | undefined): void {
    this.#deadline = NEVER;
    this.#backend.destroy();
    if (this.#isOver) return;
    this.#isOver = true;
    const why = this.#why ?? cut ?? (this.#isEnding ? undefined : "the client left");
    this.#switched.ended(this.#bytesIn, this.#bytesOut, why);
  }

  /** A client that takes nothing its owner finds out. */
  tick(now: number): void {
    if (this.#isOver) return;
    // What a side takes ends a silence as well as what it says.
    if (this.#waiting > 0 && this.#waitingNow < this.#waiting) this.#touch();
    if (now >= this.#deadline) this.#cut(this.#isEnding ? UNFOLLOWED : SILENT);
    else if (now < this.#backendDeadline) return;
    else if (this.#backend.waiting < this.#backendWaiting) this.#expectBackend();
    else this.#cut("the backend takes nothing of what waits for it");
  }

  backendConnected(): void {
    // It was connected long before it became a tunnel.
  }

  backendRead(bytes: Buffer, length: number): boolean {
    const takesMore = this.#sendToClient(copyOf(bytes, length));
    this.#touch();
    return takesMore;
  }

  backendDrained(): void {
    this.#backendDeadline = NEVER;
    this.#client.resume();
  }

  backendEnded(): void {
    this.#hasBackendEnded = true;
    this.#backendDeadline = NEVER; // what waits for it nobody takes
    this.#closing();
    this.#client.resume();
    this.#client.end();
  }

  /** A backend that has ended may well reset what was on its way to it then: nothing of what it said is missing. */
  backendClosed(cause: Error | undefined): void {
    if (cause === undefined || this.#hasBackendEnded) {
      this.backendEnded();
      return;
    }
    this.#closing();
    this.#why ??= `the backend broke off: ${failureOf(cause, "")}`;
    this.#client.destroy();
  }

  #cut(why: string): void {
    this.#why = why;
    this.#client.destroy();
    this.clientClosed(why);
  }

  #sendToClient(piece: Buffer | string): boolean {
    this.#bytesOut += piece.length;
    return this.#client.write(piece);
  }

  #expectBackend(): void {
    this.#backendWaiting = this.#backend.waiting;
    this.#backendDeadline = this.#deadlines.in(limits.writeIdleTimeoutMs);
  }

  #touch(): void {
    this.#waiting = this.#waitingNow;
    this.#deadline = this.#deadlines.in(this.#switched.idleMs);
    if (this.#isEnding) this.#closing();
  }

  /** One side has ended: what is left may take no longer than any answer. */
  #closing(): void {
    this.#isEnding = true;
    this.#deadline = Math.min(this.#deadline, this.#deadlines.in(limits.writeIdleTimeoutMs));
  }

  get #waitingNow(): number {
    return this.#client.waiting + this.#backend.waiting;
  }
}

/**
 * A copy of what a read has lent. A Buffer of its own for each message is memory outside of V8's heap, for which V8 looked
 * through all of that ten times a second (`--trace-gc`), at a tenth of what messages cost; text lies within it. Buffers
 * that are used again are no choice: Node calls a write to a stream of HTTP/2 done whose bytes wait in its socket still.
 */
function copyOf(bytes: Buffer, length: number): Buffer | string {
  if (length <= limits.joinMaxBytes) return bytes.toString("latin1", 0, length);
  return Buffer.from(bytes.subarray(0, length));
}

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
  /** `false`: write no more until it has drained. */
  write(bytes: Buffer): boolean;
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
  /** Until when a side must have taken what waits for it. */
  #clientDeadline = NEVER;
  #backendDeadline = NEVER;

  #bytesIn = 0;
  #bytesOut = 0;
  /** Has one side ended? */
  #isEnding = false;
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
    if (fromClient.length > 0) this.clientRead(fromClient);
  }

  /** Bytes of the client; they are the tunnel's from now on. */
  clientRead(bytes: Buffer): void {
    this.#touch();
    this.#bytesIn += bytes.length;
    if (this.#backend.write(bytes)) return;
    this.#client.pause();
    this.#backendDeadline = this.#deadlines.in(limits.writeIdleTimeoutMs);
  }

  clientDrained(): void {
    this.#clientDeadline = NEVER;
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

  tick(now: number): void {
    if (now >= this.#deadline) this.#cut(this.#isEnding ? UNFOLLOWED : SILENT);
    else if (now >= this.#clientDeadline) this.#cut("the client takes nothing any more");
    else if (now >= this.#backendDeadline) this.#cut("the backend takes nothing any more");
  }

  backendConnected(): void {
    // It was connected long before it became a tunnel.
  }

  backendRead(bytes: Buffer, length: number): boolean {
    this.#touch();
    return this.#sendToClient(Buffer.from(bytes.subarray(0, length)));
  }

  backendDrained(): void {
    this.#backendDeadline = NEVER;
    this.#client.resume();
  }

  backendEnded(): void {
    this.#closing();
    this.#client.end();
  }

  backendClosed(cause: Error | undefined): void {
    this.#closing();
    if (cause === undefined) {
      this.#client.end();
      return;
    }
    this.#why ??= `the backend broke off: ${failureOf(cause, "")}`;
    this.#client.destroy();
  }

  #cut(why: string): void {
    this.#why = why;
    this.#client.destroy();
    this.clientClosed(why);
  }

  #sendToClient(bytes: Buffer): boolean {
    this.#bytesOut += bytes.length;
    const takesMore = this.#client.write(bytes);
    if (!takesMore) this.#clientDeadline = this.#deadlines.in(limits.writeIdleTimeoutMs);
    return takesMore;
  }

  #touch(): void {
    if (this.#deadline !== NEVER) this.#deadline = this.#deadlines.in(this.#switched.idleMs);
  }

  /** One side has ended: what is left may take no longer than any answer. */
  #closing(): void {
    this.#isEnding = true;
    this.#deadline = Math.min(this.#deadline, this.#deadlines.in(limits.writeIdleTimeoutMs));
  }
}

import type { BackendUser } from "../backend/connection.ts";
import { type Deadlines, NEVER } from "../backend/deadlines.ts";
import type { FarEnd } from "../backend/far-end.ts";
import { limits } from "../config/limits.ts";

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
  readonly #idleMs: number;
  #deadline: number;
  /** Until when a side must have taken what waits for it. */
  #clientDeadline = NEVER;
  #backendDeadline = NEVER;

  /** `idleMs`: without a byte in either direction. */
  constructor(client: TunnelClient, backend: FarEnd, deadlines: Deadlines, idleMs: number) {
    this.#client = client;
    this.#backend = backend;
    this.#deadlines = deadlines;
    this.#idleMs = idleMs;
    this.#deadline = deadlines.in(idleMs);
    backend.lend(this);
  }

  /** Passes on what came before there was a tunnel: `fromBackend` after the 101, `fromClient` before it. */
  begin(fromBackend: Buffer, fromClient: Buffer): void {
    if (fromBackend.length > 0 && !this.#sendToClient(fromBackend)) this.#backend.pause();
    if (fromClient.length > 0) this.clientRead(fromClient);
  }

  /** Bytes of the client; they are the tunnel's from now on. */
  clientRead(bytes: Buffer): void {
    this.#touch();
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

  clientClosed(): void {
    this.#deadline = NEVER;
    this.#backend.destroy();
  }

  tick(now: number): void {
    if (now < Math.min(this.#deadline, this.#clientDeadline, this.#backendDeadline)) return;
    this.#client.destroy();
    this.clientClosed();
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
    if (cause === undefined) this.#client.end();
    else this.#client.destroy();
  }

  #sendToClient(bytes: Buffer): boolean {
    const takesMore = this.#client.write(bytes);
    if (!takesMore) this.#clientDeadline = this.#deadlines.in(limits.writeIdleTimeoutMs);
    return takesMore;
  }

  #touch(): void {
    if (this.#deadline !== NEVER) this.#deadline = this.#deadlines.in(this.#idleMs);
  }

  /** One side has ended: what is left may take no longer than any answer. */
  #closing(): void {
    this.#deadline = Math.min(this.#deadline, this.#deadlines.in(limits.writeIdleTimeoutMs));
  }
}

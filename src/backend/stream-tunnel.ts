import { type ClientHttp2Stream, constants } from "node:http2";
import type { BackendUser } from "./connection.ts";
import type { FarEnd } from "./far-end.ts";
import type { BackendSession } from "./session.ts";

/**
 * A stream that the backend has made a tunnel of (RFC 8441). Its place in the session is given back by
 * who opened it, when it is closed.
 */
export class StreamTunnel implements FarEnd {
  readonly #stream: ClientHttp2Stream;
  readonly #session: BackendSession;
  readonly #hasEnded: () => boolean;
  #user: BackendUser | undefined;

  /** @param hasEnded Of {@link watchEnd}. */
  constructor(stream: ClientHttp2Stream, session: BackendSession, hasEnded: () => boolean) {
    this.#stream = stream;
    this.#session = session;
    this.#hasEnded = hasEnded;
  }

  lend(user: BackendUser): void {
    const stream = this.#stream;
    const isFirst = this.#user === undefined;
    this.#user = user;
    if (!isFirst) return;
    stream.on("data", (bytes: Buffer) => this.#read(bytes));
    stream.on("end", () => {
      if (this.#hasEnded()) this.#user?.backendEnded(); // else its close says how it ended
    });
    stream.on("drain", () => this.#user?.backendDrained());
    stream.on("close", () => this.#closed());
  }

  get waiting(): number {
    return this.#stream.writableLength;
  }

  write(piece: Buffer | string): boolean {
    const stream = this.#stream;
    return stream.destroyed || stream.closed || stream.write(piece, "latin1"); // its close says the rest
  }

  pause(): void {
    this.#stream.pause();
  }

  resume(): void {
    this.#stream.resume();
  }

  end(): void {
    this.#stream.end();
  }

  destroy(): void {
    this.#user = undefined;
    this.#session.cancel(this.#stream);
  }

  whenClosed(closed: () => void): void {
    if (this.#stream.destroyed) closed();
    else this.#stream.once("close", closed);
  }

  #read(bytes: Buffer): void {
    this.#session.hasHeard = true;
    if (this.#user?.backendRead(bytes, bytes.length) === false) this.#stream.pause();
  }

  #closed(): void {
    const user = this.#user;
    this.#user = undefined;
    const isClean = this.#hasEnded() && this.#stream.rstCode === constants.NGHTTP2_NO_ERROR;
    user?.backendClosed(isClean ? undefined : new Error("the backend took its stream back"));
  }
}

import type { Socket } from "node:net";
import { TLSSocket } from "node:tls";
import type { Backend } from "../config/destination.ts";
import type { FarEnd } from "./far-end.ts";
import type { Follower } from "./followers.ts";
import { keepLastWords } from "./last-words.ts";

/** Who uses a connection to a backend at the moment. The calls come straight from the socket. */
export interface BackendUser {
  /** The connection is made (and verified, with TLS): requests may be written. */
  backendConnected(): void;
  /**
   * The first `length` bytes of `bytes` arrived. They are valid during this call only, and may be
   * written over; copy what is kept. `false` stops reading until {@link BackendConnection.resume}.
   */
  backendRead(bytes: Buffer, length: number): boolean;
  /** The backend will send nothing more. */
  backendEnded(): void;
  /** What was written has left; called after a write that returned `false`. */
  backendDrained(): void;
  /** The connection is gone without our doing; `cause` if there was an error. Nothing follows. */
  backendClosed(cause: Error | undefined): void;
}

/** Where connections rest between two users. */
export interface RestingPlace {
  /** A resting connection came to life, died, or leads to where its backend is no more; it is destroyed already. */
  lost(connection: BackendConnection): void;
}

/** What a socket calls with each piece it read; see {@link BackendUser.backendRead}. */
export type ReadBackend = (length: number, bytes: Buffer) => boolean;

/**
 * One connection to a backend: a socket with exactly one owner at any time, the user it is lent to
 * or the place where it rests.
 */
export class BackendConnection implements FarEnd, Follower {
  readonly backend: Backend;
  readonly socket: Socket;
  /** What the backend was told first: whose connection it is. */
  readonly introduction: string;
  /** Has it carried an exchange before? Then it may be closing while we write (RFC 9112 §9.3.1). */
  isReused = false;
  /** When a resting connection is thrown away, in the time of `Deadlines`. */
  restsUntil = 0;
  #user: BackendUser | undefined;
  #place: RestingPlace | undefined;
  #cause: Error | undefined;
  #hasConnected = false;
  #isStray = false;
  #isStopped = false;

  /** `open` starts the connection; it gives every piece that the socket reads to its argument. */
  constructor(
    backend: Backend,
    user: BackendUser,
    introduction: string,
    open: (read: ReadBackend) => Socket,
  ) {
    this.backend = backend;
    this.introduction = introduction;
    this.#user = user;
    this.socket = open((length, bytes) => this.#read(length, bytes));
    keepLastWords(this.socket);
    this.socket.on("error", (error) => {
      this.#cause = error;
    });
    this.socket.on("end", () => this.#end());
    this.socket.on("drain", () => this.#user?.backendDrained());
    this.socket.on("close", () =>
      this.#user ? this.#user.backendClosed(this.#cause) : this.#lose(),
    );
    this.socket.on(backend.kind === "https" ? "secureConnect" : "connect", () => {
      this.#hasConnected = true;
      this.#user?.backendConnected();
    });
  }

  /** Was the connection ever made? If not, nothing of a request can have reached the backend. */
  get hasConnected(): boolean {
    return this.#hasConnected;
  }

  /** Has the backend chosen HTTP/2, by ALPN? Once it is connected. */
  get speaksHttp2(): boolean {
    return this.socket instanceof TLSSocket && this.socket.alpnProtocol === "h2";
  }

  /** Is it fit for another exchange, as far as we can know? Not while a write of the last one waits. */
  get isAlive(): boolean {
    const { destroyed, writable, writableLength, readableEnded } = this.socket;
    return !this.#isStray && !destroyed && writable && writableLength === 0 && !readableEnded;
  }

  /** Does the name of its backend lead elsewhere by now? */
  get isStray(): boolean {
    return this.#isStray;
  }

  /** The name of its backend leads elsewhere: it finishes what is under way. Nobody is asked where it rests. */
  stray(): void {
    this.#isStray = true;
    if (this.#place !== undefined) this.#lose();
  }

  /** Hands the connection to a user, who hears everything from now on. */
  lend(user: BackendUser): void {
    this.#user = user;
    this.#place = undefined;
  }

  /**
   * Lays the connection down: a byte, an end or an error destroys it from now on. So it has to read, though its user
   * may have stopped that: over TLS the records that came with the one that stopped it, up to the last of the answer,
   * are given to the user all the same.
   */
  rest(place: RestingPlace): void {
    this.#user = undefined;
    this.#place = place;
    this.isReused = true;
    if (this.#isStopped) this.resume();
  }

  /** Reads on after `backendRead` returned `false`. */
  resume(): void {
    this.#isStopped = false;
    this.socket.resume();
  }

  get waiting(): number {
    return this.socket.writableLength;
  }

  write(piece: Buffer | string): boolean {
    return this.socket.write(piece, "latin1");
  }

  pause(): void {
    this.socket.pause();
  }

  end(): void {
    this.socket.end();
  }

  whenClosed(closed: () => void): void {
    if (this.socket.closed) closed();
    else this.socket.once("close", closed);
  }

  /** Closes at once; neither user nor resting place hears of it. */
  destroy(): void {
    this.#user = undefined;
    this.#place = undefined;
    this.socket.destroy();
  }

  #read(length: number, bytes: Buffer): boolean {
    if (this.#user === undefined) {
      this.#lose();
      return false;
    }
    const goesOn = this.#user.backendRead(bytes, length);
    if (!goesOn) this.#isStopped = true;
    return goesOn;
  }

  #end(): void {
    if (this.socket.destroyed) return; // by a write that failed before: its close says why
    if (this.#user === undefined) this.#lose();
    // An alert of TLS comes as an error and then an end, which is none of the backend's making.
    else if (this.#cause !== undefined) this.#user.backendClosed(this.#cause);
    else this.#user.backendEnded();
  }

  #lose(): void {
    const place = this.#place;
    this.destroy();
    place?.lost(this);
  }
}

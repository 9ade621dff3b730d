import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  type ClientSessionRequestOptions,
  connect,
  constants,
  type OutgoingHttpHeaders,
} from "node:http2";
import { endBehindEvents } from "../base/end-behind-events.ts";
import { messageOf } from "../base/errors.ts";
import { outlive } from "../base/outlive.ts";
import { StreamTables } from "../base/stream-tables.ts";
import type { Backend } from "../config/destination.ts";
import { limits } from "../config/limits.ts";
import { cancel } from "./cancel.ts";
import type { BackendConnection, BackendUser } from "./connection.ts";

/** Hears of a session. */
export interface SessionOwner {
  /** The backend has sent its SETTINGS: streams may be opened. */
  sessionOpened(session: BackendSession): void;
  /** A stream has ended: there is room for another one. */
  sessionFreed(session: BackendSession): void;
  /** The backend has chosen HTTP/1.1: there is no session. */
  sessionDeclined(session: BackendSession): void;
  /** The backend wants HTTP/1.1 from now on (RFC 9113 §7). */
  sessionRefused(session: BackendSession): void;
  /** No stream can be opened any more; those that are open may still end well. `cause` if there was an error. */
  sessionClosed(session: BackendSession, cause: Error | undefined): void;
}

/** Above every stream id (RFC 9113 §5.1.1). */
const NO_LIMIT = 2 ** 31;
/** Node wants one to begin with; each request says its own. */
const AUTHORITY = "http://backend";

/**
 * One HTTP/2 connection to a backend and its streams. It is open when the backend has sent its SETTINGS:
 * until then nothing is asked, so that no request is lost on what speaks something else. Owns the connection.
 */
export class BackendSession implements BackendUser {
  readonly backend: Backend;
  readonly #connection: BackendConnection;
  readonly #owner: SessionOwner;
  #http2: ClientHttp2Session | undefined;
  #tables: StreamTables | undefined;
  #isOpen = false;
  #isClosed = false;
  #cause: Error | undefined;
  #taken = 0;
  #begun = 0;
  #resets = 0;
  #lastStreamId = NO_LIMIT;
  #wantsHttp1 = false;
  #isLost = false;
  /** Has an answer come over it? Then it may have been closing while we asked (RFC 9113 §9.1). */
  isReused = false;
  /** Has anything come since this was last set to `false`? */
  hasHeard = false;

  /** `connection` is the session's from now on, connected or about to be; it must be lent to it. */
  constructor(connection: (user: BackendUser) => BackendConnection, owner: SessionOwner) {
    this.#owner = owner;
    this.#connection = connection(this);
    this.backend = this.#connection.backend;
  }

  /** A session over a connection that is made already; {@link backendConnected} begins it. */
  static over(connection: BackendConnection, owner: SessionOwner): BackendSession {
    const lend = (user: BackendUser) => {
      connection.lend(user);
      return connection;
    };
    return new BackendSession(lend, owner);
  }

  get scheme(): "http" | "https" {
    return this.backend.kind === "https" ? "https" : "http";
  }

  /** May it have streams? Node ends its streams before it tells of its own end. */
  get isOpen(): boolean {
    const { closed: isClosing = true, destroyed: isGone = true } = this.#http2 ?? {};
    return this.#isOpen && !this.#isClosed && !isClosing && !isGone;
  }

  /** Does the backend take WebSockets on a stream (RFC 8441 §3)? Once it is open. */
  get takesTunnels(): boolean {
    return this.#http2?.remoteSettings.enableConnectProtocol === true;
  }

  /** How many streams are taken. */
  get taken(): number {
    return this.#taken;
  }

  /** How many streams were ever taken. */
  get begun(): number {
    return this.#begun;
  }

  /** May one more stream be taken now? The backend's own limit may change at any time. */
  get hasRoom(): boolean {
    if (!this.isOpen) return false;
    const theirs = this.#http2?.remoteSettings.maxConcurrentStreams ?? limits.backendStreamsMax;
    return this.#taken < Math.min(theirs, limits.backendStreamsMax);
  }

  /** Takes a stream, which {@link leave} is owed for. */
  take(): void {
    this.#taken += 1;
    this.#begun += 1;
  }

  /** A stream that was taken has ended, or never began. */
  leave(): void {
    this.#taken -= 1;
    if (!this.#isClosed) this.#owner.sessionFreed(this);
    else if (this.#taken === 0) this.destroy();
  }

  /** Takes back a stream of this session; its backend counts that. */
  cancel(stream: ClientHttp2Stream): void {
    this.#resets += 1;
    cancel(stream);
  }

  /** Streams that were taken back, without those that are forgotten. */
  get resets(): number {
    return this.#resets;
  }

  /** Forgets so many that were taken back, as its backend does. */
  forgetResets(count: number): void {
    this.#resets = Math.max(0, this.#resets - count);
  }

  /** Were so many streams taken back that its backend may soon end the session, with all that are under way? */
  get isSpent(): boolean {
    return this.#resets >= limits.backendResetsMax;
  }

  /** Does the name of its backend lead elsewhere by now? */
  get isStray(): boolean {
    return this.#connection.isStray;
  }

  /** Opens the stream of a request; undefined: it cannot be, and nothing has reached the backend. */
  request(
    fields: OutgoingHttpHeaders,
    options: ClientSessionRequestOptions,
  ): ClientHttp2Stream | undefined {
    this.#tables?.count();
    try {
      const http2 = this.#http2;
      if (http2 === undefined) return undefined;
      const stream = http2.request(fields, options);
      outlive(http2, stream);
      return stream;
    } catch (cause) {
      this.#cause ??= new Error(messageOf(cause), { cause });
      return undefined;
    }
  }

  /** Did the backend say, by its GOAWAY, that it never looked at this stream (RFC 9113 §6.8)? */
  isUnseen(streamId: number | undefined): boolean {
    return streamId === undefined || streamId > this.#lastStreamId;
  }

  /** Did the backend close it because it wants HTTP/1.1 (RFC 9113 §7), and can it be had? */
  get wantsHttp1(): boolean {
    return this.#wantsHttp1;
  }

  /** A request over it was refused because the backend wants HTTP/1.1. */
  refuse(): void {
    this.#owner.sessionRefused(this);
  }

  /** Asks whether anybody is there; calls back when somebody is. */
  ping(answered: () => void): void {
    this.#http2?.ping((error) => {
      if (error === null) answered();
    });
  }

  /** Was it given up because nobody was there any more? */
  get isLost(): boolean {
    return this.#isLost;
  }

  /** Nobody is there any more: closes at once, as {@link destroy} does. */
  lose(): void {
    this.#isLost = true;
    this.destroy();
  }

  /**
   * Closes at once; its owner hears nothing of it, its streams do. Not within an event of its own: nghttp2 goes on
   * with the rest of what was read, which an assertion of Node's ends the process for, if there is no session any more.
   */
  destroy(): void {
    this.#isClosed = true;
    setImmediate(() => {
      this.#http2?.destroy();
      this.#connection.destroy();
    });
  }

  /** Opens no more streams, and closes when those that are open have ended; its owner hears nothing of it. */
  close(): void {
    this.#isClosed = true;
    if (this.#taken === 0) this.destroy();
  }

  /** The session begins over a connection that is made. */
  backendConnected(): void {
    const { socket, speaksHttp2 } = this.#connection;
    if (this.backend.kind === "https" && !speaksHttp2) {
      this.destroy();
      this.#owner.sessionDeclined(this);
      return;
    }
    const http2 = connect(AUTHORITY, {
      createConnection: () => socket,
      maxSessionMemory: limits.backendSessionMemoryMegabytes,
      maxReservedRemoteStreams: 0,
      maxHeaderListPairs: limits.headMaxFields + 1, // and :status
      settings: {
        enablePush: false,
        initialWindowSize: limits.bufferMaxBytes,
        maxHeaderListSize: limits.headMaxBytes,
      },
    });
    this.#http2 = http2;
    this.#tables = new StreamTables(http2);
    endBehindEvents(http2, (cause) => {
      this.#cause ??= cause;
      this.#close();
    });
    http2.on("error", (error) => {
      this.#cause ??= error;
    });
    // An alert of TLS ends neither the socket nor the session by itself: a certificate refused, with TLS 1.3.
    socket.on("error", (error) => {
      this.#cause ??= error;
      this.#close();
      this.destroy();
    });
    http2.on("connect", () => http2.setLocalWindowSize(limits.backendSessionWindowBytes));
    http2.on("remoteSettings", () => this.#open());
    http2.on("goaway", (code, lastStreamId) => this.#goAway(code, lastStreamId));
    http2.on("close", () => this.#close());
  }

  backendRead(): boolean {
    return true; // Node reads for the session
  }

  backendEnded(): void {
    if (this.#http2 === undefined) this.#close();
  }

  backendDrained(): void {
    // Node writes for the session.
  }

  backendClosed(cause: Error | undefined): void {
    this.#cause ??= cause;
    if (this.#http2 === undefined) this.#close();
  }

  #open(): void {
    this.hasHeard = true;
    if (this.#isOpen || this.#isClosed) {
      if (this.isOpen) this.#owner.sessionFreed(this);
      return;
    }
    this.#isOpen = true;
    this.#owner.sessionOpened(this);
  }

  #goAway(code: number, lastStreamId: number): void {
    this.#wantsHttp1 =
      code === constants.NGHTTP2_HTTP_1_1_REQUIRED && this.backend.kind === "https";
    if (this.#wantsHttp1) this.refuse();
    this.#lastStreamId = Math.min(this.#lastStreamId, lastStreamId);
    this.#close();
  }

  #close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#owner.sessionClosed(this, this.#cause);
  }
}

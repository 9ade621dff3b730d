import type { NoBackend } from "../backend/balance.ts";
import type { BackendConnection, BackendUser } from "../backend/connection.ts";
import { NEVER } from "../backend/deadlines.ts";
import { dial } from "../backend/dial.ts";
import { failureKind, failureOf } from "../backend/failure.ts";
import { introductionTo } from "../backend/introduction.ts";
import { Seat, type Sitter } from "../backend/seat.ts";
import type { BackendSession } from "../backend/session.ts";
import type { SessionUser } from "../backend/session-pool.ts";
import { unreachable } from "../base/errors.ts";
import type { Backend, PathRoute } from "../config/destination.ts";
import type { Whose } from "./asker.ts";
import type { Backends } from "./backends.ts";
import { type OwnAnswer, refusal, unavailable } from "./refuse.ts";

/** Who is on a way. */
export interface WayUser {
  /** It leads to `backend`: the connection, or a stream of the session, is the user's from now on. */
  wayOpened(to: BackendConnection | BackendSession, backend: Backend): void;
  /** There is none, and nothing has reached a backend. */
  wayClosed(answer: OwnAnswer, why: string): void;
}

/** `waiting`: for a backend below its limit. `joining`: for a session, or a stream of one. */
type Phase = "idle" | "waiting" | "connecting" | "joining";

/**
 * The way to a backend, of one request after the other: chooses a backend, waits for a place there, takes
 * a connection out of the pool or has one made (or a stream of a session, with HTTP/2), and goes to another
 * backend while none can be made. Owns a connection while it is being made. Its user must {@link end} each way.
 */
export class Way implements BackendUser, SessionUser, Sitter {
  readonly #user: WayUser;
  readonly #whose: Whose;
  readonly #backends: Backends;
  /** Its place at the backend that the way leads to. */
  readonly seat: Seat;
  #phase: Phase = "idle";
  #route: PathRoute | undefined;
  #connection: BackendConnection | undefined;
  #backend: Backend | undefined;
  #failure: 501 | 502 | 504 = 502;
  /** What the last one that was tried did. */
  #why = "";
  #isTunnel = false;
  /** Was the request sent before? Then no connection will do that may be closing, too. */
  #isAgain = false;
  #deadline = NEVER;
  /** Until when it waits for backends below their limit, however often. */
  #waitsUntil = NEVER;

  constructor(user: WayUser, whose: Whose, backends: Backends) {
    this.#user = user;
    this.#whose = whose;
    this.#backends = backends;
    this.seat = new Seat(this, whose, backends);
  }

  /** Where it leads, or led last; `undefined`: this request was tried nowhere yet. */
  get backend(): Backend | undefined {
    return this.#backend;
  }

  get connectMs(): number {
    return this.#route?.timeouts.connectMs ?? 0;
  }

  /**
   * Begins a way to one of the backends of `route`: it may be open, or closed, before this returns.
   * `isTunnel`: the request asks to become one.
   */
  begin(route: PathRoute, isTunnel: boolean): void {
    this.#route = route;
    this.#isTunnel = isTunnel;
    this.#backend = undefined;
    this.#isAgain = false;
    this.#waitsUntil = NEVER;
    this.seat.begin(route);
    this.#moveOn(502, "");
  }

  /**
   * Leads a request that was sent already on to a backend where it was not tried yet, by a connection that
   * nobody has used, or by any session. If there is none, this is the answer, and why.
   */
  moveOn(status: 502 | 504, why: string): void {
    this.#isAgain = true;
    this.#moveOn(status, why);
  }

  /** Leads to the same backend once more, by a connection that nobody has used, or by any session. */
  afresh(): void {
    const backend = this.#backend;
    if (backend === undefined) return;
    this.#isAgain = true;
    this.#backends.counts.retried();
    if (this.#goesBySession(backend)) this.#join(backend);
    else this.#dial(backend);
  }

  /** Gives up the place, and what is being made or waited for. The connection is its user's. */
  end(): void {
    this.#giveUp();
    this.#rest();
    this.seat.leave();
  }

  tick(now: number): void {
    if (now < this.#deadline) return;
    if (this.#phase === "waiting" || this.#isFull()) {
      this.#unavailable("every backend has all that it may have");
      return;
    }
    this.#giveUp();
    this.#connectFailed(504, undefined);
  }

  seatFree(): void {
    this.#elsewhere();
  }

  sessionReady(session: BackendSession): void {
    this.seat.connected();
    this.#enter(session, this.#backend ?? session.backend);
  }

  sessionDeclined(): void {
    if (this.#backend !== undefined) this.#dial(this.#backend);
  }

  sessionFailed(cause: Error | undefined): void {
    this.#connectFailed(502, cause);
  }

  sessionLate(): void {
    this.#connectFailed(504, undefined);
  }

  backendConnected(): void {
    const connection = this.#connection;
    if (connection === undefined) return;
    const backend = this.#backend ?? connection.backend;
    if (connection.speaksHttp2) {
      this.#connection = undefined;
      this.#backends.sessions.adopt(connection, this.connectMs);
      this.#join(backend);
      return;
    }
    this.seat.connected();
    this.#open(connection, backend);
  }

  backendRead(): boolean {
    return false; // whatever is read after it was connected is the user's
  }

  backendDrained(): void {
    // Nothing is written before it is connected.
  }

  backendEnded(): void {
    this.backendClosed(undefined);
  }

  backendClosed(cause: Error | undefined): void {
    this.#connection?.destroy();
    this.#connectFailed(502, cause);
  }

  #moveOn(status: 501 | 502 | 504, why: string): void {
    this.#failure = status;
    this.#why = why;
    this.#elsewhere();
  }

  #elsewhere(): void {
    const backend = this.seat.take();
    if (typeof backend === "string") {
      this.#goWithout(backend);
      return;
    }
    if (this.#backend !== undefined) this.#backends.counts.retried();
    this.#backend = backend;
    if (this.#goesBySession(backend)) return void this.#join(backend);
    const { pool } = this.#backends;
    const introduction = introductionTo(backend, this.#whose.ends);
    const pooled = this.#isAgain ? undefined : pool.take(backend, this, introduction);
    if (pooled === undefined) this.#dial(backend);
    else this.#open(pooled, backend);
  }

  /** @param backend The one of this route: a pooled connection may have been made for another's. */
  #open(to: BackendConnection | BackendSession, backend: Backend): void {
    this.#rest();
    this.#user.wayOpened(to, backend);
  }

  #goesBySession(backend: Backend): boolean {
    return this.#backends.sessions.speechOf(backend).goesBySession(this.#isTunnel);
  }

  /** A stream of the session is taken. RFC 8441 §3: it may be for a tunnel where the backend has said so. */
  #enter(session: BackendSession, backend: Backend): void {
    if (!this.#isTunnel || session.takesTunnels) {
      this.#open(session, backend);
      return;
    }
    this.#phase = "idle";
    session.leave();
    if (backend.kind === "https") return void this.#dial(backend);
    this.seat.unfit();
    this.#moveOn(501, "no backend takes WebSockets over HTTP/2");
  }

  /** Goes by a stream of a session that others share. */
  #join(backend: Backend): void {
    this.#phase = "joining";
    this.#deadline = this.#connectDeadline();
    const session = this.#backends.sessions.take(backend, this);
    if (session === "full") this.#unavailable("too many wait for a stream of the backend");
    else if (session !== "wait") this.#enter(session, backend);
  }

  /** Is it streams that the backend lacks, not the will to be connected to? */
  #isFull(): boolean {
    if (this.#phase !== "joining" || this.#backend === undefined) return false;
    return this.#backends.sessions.isOpen(this.#backend);
  }

  /** What is being made or waited for. */
  #giveUp(): void {
    this.#connection?.destroy();
    if (this.#phase === "joining" && this.#backend !== undefined)
      this.#backends.sessions.giveUp(this.#backend, this);
  }

  #goWithout(why: NoBackend): void {
    switch (why) {
      case "tried":
        this.#close(refusal(this.#failure), this.#why);
        break;
      case "down":
        this.#unavailable("all backends are down");
        break;
      case "full":
        if (this.seat.wait()) this.#wait();
        else this.#unavailable("too many wait for a backend");
        break;
      default:
        unreachable(why);
    }
  }

  #wait(): void {
    this.#phase = "waiting";
    if (this.#waitsUntil === NEVER) this.#waitsUntil = this.#connectDeadline();
    this.#deadline = this.#waitsUntil;
  }

  #dial(backend: Backend): void {
    this.#phase = "connecting";
    this.#deadline = this.#connectDeadline();
    const { names, sessions } = this.#backends;
    const mayChoose = sessions.speechOf(backend).mayChoose(this.#isTunnel);
    const introduction = introductionTo(backend, this.#whose.ends);
    this.#connection = dial(backend, this, names, introduction, mayChoose);
  }

  /** The next backend is tried at once: nothing has reached this one. */
  #connectFailed(status: 502 | 504, cause: Error | undefined): void {
    this.#connection = undefined;
    this.#backends.counts.backendFailed(status === 504 ? "connect-timeout" : failureKind(cause));
    this.seat.unconnected(cause);
    const what =
      status === 504 ? "none was made in time" : failureOf(cause, "it closed the connection");
    this.#moveOn(status, `no backend takes a connection: ${what}`);
  }

  #unavailable(why: string): void {
    this.#backends.counts.backendFailed("unavailable");
    this.#close(unavailable(this.seat.retryAfterSeconds), why);
  }

  #close(answer: OwnAnswer, why: string): void {
    this.end();
    this.#user.wayClosed(answer, why);
  }

  #rest(): void {
    this.#phase = "idle";
    this.#connection = undefined;
    this.#deadline = NEVER;
  }

  #connectDeadline(): number {
    return this.#backends.deadlines.in(this.connectMs);
  }
}

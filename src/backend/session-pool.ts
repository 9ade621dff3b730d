import { unreachable } from "../base/errors.ts";
import type { Backend } from "../config/destination.ts";
import { limits } from "../config/limits.ts";
import type { BackendConnection } from "./connection.ts";
import type { Deadlines, Timed } from "./deadlines.ts";
import { dial } from "./dial.ts";
import { backendKey } from "./identity.ts";
import type { BackendNames } from "./names.ts";
import { BackendSession, type SessionOwner } from "./session.ts";
import { SessionWatch } from "./session-watch.ts";
import { Speech } from "./speech.ts";

/** Who waits for a session; hears one of the four, once. */
export interface SessionUser {
  /** How long a session may take to open that is made for this user, in milliseconds. */
  readonly connectMs: number;
  /** A stream of the session is taken for the user, who owes {@link BackendSession.leave} for it. */
  sessionReady(session: BackendSession): void;
  /** There will be none; `cause` if there was an error. */
  sessionFailed(cause: Error | undefined): void;
  /** There was none in time. */
  sessionLate(): void;
  /** The backend speaks HTTP/1.1 now. */
  sessionDeclined(): void;
}

const CLOSED_EARLY = new Error("the session was closed before it took a request");

/** The sessions with one backend. */
interface Entry {
  readonly backend: Backend;
  /** Those that are being made, and those that may have streams. */
  readonly sessions: BackendSession[];
  /** In the order in which they came; at most `backendSessionQueueMax`. */
  readonly waiting: SessionUser[];
  /** No further session is made before this, because one could not be. */
  growsFrom: number;
  readonly speech: Speech;
}

/**
 * Sessions with the backends that speak HTTP/2: one for all requests, more when its streams are all taken,
 * and a bounded row of those that wait. Owns the sessions until they are closed. A session that is being
 * made is given up when it has not opened in time; who comes next has it when nobody waits for it any more.
 * One whose streams were taken back too often is spent: others get the new streams, and it is closed when those
 * under way have ended. When all are spent and there may be no more of them, they share what comes.
 */
export class SessionPool implements SessionOwner, Timed {
  readonly #deadlines: Deadlines;
  /** By what identifies a backend: no more than the configuration has. */
  readonly #names: BackendNames;
  readonly #entries = new Map<string, Entry>();
  readonly #watches = new Map<BackendSession, SessionWatch>();

  constructor(deadlines: Deadlines, names: BackendNames) {
    this.#deadlines = deadlines;
    this.#names = names;
  }

  /** How many sessions there are. */
  get size(): number {
    return this.#watches.size;
  }

  /** How `backend` speaks, as far as is known. */
  speechOf(backend: Backend): Speech {
    return this.#entryOf(backend).speech;
  }

  /** Takes over a connection to a backend that has chosen HTTP/2, where a further session is of use. */
  adopt(connection: BackendConnection, connectMs: number): void {
    const entry = this.#entryOf(connection.backend);
    entry.speech.chose("h2");
    if (entry.sessions.length >= limits.backendSessionsMax) {
      connection.destroy();
      return;
    }
    const session = BackendSession.over(connection, this);
    this.#add(entry, session, connectMs);
    session.backendConnected();
  }

  /** Has `backend` a session that is open? Then who waits for one waits for a stream. */
  isOpen(backend: Backend): boolean {
    return this.#entries.get(backendKey(backend))?.sessions.some(({ isOpen }) => isOpen) === true;
  }

  /**
   * A session with a stream taken for `user`; `wait`: the user hears of one, or of none, until {@link giveUp};
   * `full`: too many wait already.
   */
  take(backend: Backend, user: SessionUser): BackendSession | "wait" | "full" {
    const entry = this.#entryOf(backend);
    const session = entry.waiting.length === 0 ? this.#withRoom(entry) : undefined;
    if (session !== undefined) {
      session.take();
      return session;
    }
    if (entry.waiting.length >= limits.backendSessionQueueMax) return "full";
    entry.waiting.push(user);
    this.#grow(entry);
    return "wait";
  }

  /** The user waits no more. */
  giveUp(backend: Backend, user: SessionUser): void {
    const entry = this.#entries.get(backendKey(backend));
    const index = entry?.waiting.indexOf(user) ?? -1;
    if (entry === undefined || index === -1) return;
    entry.waiting.splice(index, 1);
  }

  sessionOpened(session: BackendSession): void {
    const entry = this.#entryOf(session.backend);
    entry.speech.opened(session);
    this.#serve(entry);
  }

  sessionFreed(session: BackendSession): void {
    if (session.taken === 0) this.#rest(session);
    this.#serve(this.#entryOf(session.backend));
  }

  sessionDeclined(session: BackendSession): void {
    this.#entryOf(session.backend).speech.chose("http/1.1");
    this.#decline(session);
  }

  sessionRefused(session: BackendSession): void {
    this.#entryOf(session.backend).speech.wantsHttp1();
  }

  sessionClosed(session: BackendSession, cause: Error | undefined): void {
    if (session.wantsHttp1) this.#decline(session);
    else this.#lose(session, (user) => user.sessionFailed(cause ?? CLOSED_EARLY));
  }

  tick(now: number): void {
    for (const [session, watch] of this.#watches) {
      session.forgetResets(limits.tickMs / limits.backendResetForgetMs);
      this.#attend(session, watch, now);
    }
  }

  /** Closes every session: at once where nothing is under way, else after it. */
  close(): void {
    for (const session of [...this.#watches.keys()]) {
      this.#remove(session);
      session.close();
    }
    this.#entries.clear();
  }

  #attend(session: BackendSession, watch: SessionWatch, now: number): void {
    const duty = watch.due(now);
    switch (duty) {
      case "nothing":
        break;
      case "ask":
        session.ping(watch.asked());
        break;
      case "rest":
      case "retire":
        this.#retire(session);
        this.#serve(this.#entryOf(session.backend)); // there may be room for another one now
        break;
      case "lose":
        this.#remove(session);
        session.lose();
        break;
      case "fail":
        session.destroy();
        this.#lose(session, (user) => user.sessionLate());
        break;
      default:
        unreachable(duty);
    }
  }

  /** Nothing is under way on it. */
  #rest(session: BackendSession): void {
    if (session.isSpent) this.#retire(session);
    else this.#watches.get(session)?.freed();
  }

  #retire(session: BackendSession): void {
    this.#remove(session);
    session.close();
  }

  /** There is one session less, and no use for another one. */
  #decline(session: BackendSession): void {
    this.#remove(session);
    for (const user of this.#entryOf(session.backend).waiting.splice(0)) user.sessionDeclined();
  }

  /** There is one session less. `tell`: that there is none at all, if so. */
  #lose(session: BackendSession, tell: (user: SessionUser) => void): void {
    const entry = this.#entryOf(session.backend);
    this.#remove(session);
    // One that is closed before it took a request is of no more use than one that never opened.
    const wasOfUse = session.begun > 0;
    if (!wasOfUse) entry.growsFrom = this.#deadlines.in(limits.backendDownMs);
    if (wasOfUse || entry.sessions.length > 0) {
      this.#serve(entry);
      return;
    }
    for (const user of entry.waiting.splice(0)) tell(user);
  }

  /** Gives streams to those that wait, and sees that there are more sessions when some still do. */
  #serve(entry: Entry): void {
    while (entry.waiting.length > 0) {
      const session = this.#withRoom(entry);
      if (session === undefined) break;
      session.take();
      entry.waiting.shift()?.sessionReady(session);
    }
    this.#grow(entry);
  }

  /** The first that has room and is not spent; of those that are, the least, while there may be no fresh one. */
  #withRoom(entry: Entry): BackendSession | undefined {
    const fresh = entry.sessions.find(({ hasRoom, isSpent }) => hasRoom && !isSpent);
    if (fresh !== undefined || this.#mayGrow(entry)) return fresh;
    const spent = entry.sessions.filter(({ hasRoom }) => hasRoom);
    return spent.sort((one, other) => one.resets - other.resets)[0];
  }

  #mayGrow({ sessions, growsFrom }: Entry): boolean {
    if (sessions.length >= limits.backendSessionsMax) return false;
    return sessions.length === 0 || this.#deadlines.now >= growsFrom;
  }

  /** One at a time: how many streams a session has is known when it is open. */
  #grow(entry: Entry): void {
    const { sessions, waiting, backend } = entry;
    const [first] = waiting;
    if (first === undefined || !this.#mayGrow(entry)) return;
    if (sessions.some(({ isOpen }) => !isOpen)) return;
    const session = new BackendSession((user) => dial(backend, user, this.#names), this);
    this.#add(entry, session, first.connectMs);
  }

  #add(entry: Entry, session: BackendSession, connectMs: number): void {
    if (this.#watches.size === 0) this.#deadlines.watch(this);
    entry.sessions.push(session);
    this.#watches.set(session, new SessionWatch(session, this.#deadlines, connectMs));
  }

  #remove(session: BackendSession): void {
    const entry = this.#entryOf(session.backend);
    const index = entry.sessions.indexOf(session);
    if (index !== -1) entry.sessions.splice(index, 1);
    this.#watches.delete(session);
    if (this.#watches.size === 0) this.#deadlines.forget(this);
  }

  #entryOf(backend: Backend): Entry {
    const key = backendKey(backend);
    let entry = this.#entries.get(key);
    if (entry === undefined) {
      entry = {
        backend,
        sessions: [],
        waiting: [],
        growsFrom: 0,
        speech: new Speech(backend, this.#deadlines),
      };
      this.#entries.set(key, entry);
    }
    return entry;
  }
}

import { limits } from "../config/limits.ts";
import { type Deadlines, NEVER } from "./deadlines.ts";
import type { BackendSession } from "./session.ts";

/**
 * What is to be done with a session. `fail`: it has not opened in time. `rest`: nobody has needed it for long.
 * `ask`: whether it is there, by PING. `lose`: nobody is there. `retire`: it gets no further streams.
 */
export type Duty = "nothing" | "fail" | "rest" | "ask" | "lose" | "retire";

/**
 * The deadlines of one session with a backend: to open, to be used, and to be heard while it owes something.
 * One that is silent is asked by PING whether it is there, and again when more was asked of it since; but
 * gRPC's servers take more than a few PINGs with nothing else between them for abuse, so then it is retired instead,
 * as is one whose backend's name leads elsewhere.
 */
export class SessionWatch {
  readonly #session: BackendSession;
  readonly #deadlines: Deadlines;
  readonly #openUntil: number;
  #idleUntil: number;
  /** Until when something must be heard; never, while nothing is owed. */
  #silentUntil = NEVER;
  /** Has it been asked, and not answered? */
  #isAsked = false;
  /** PINGs since something else was heard. */
  #asked = 0;
  /** When one more does no harm. */
  #askableFrom = 0;
  /** How many streams it had been given when it last said that it is there. */
  #begun = 0;

  /** @param connectMs How long the session may take to open, in milliseconds. */
  constructor(session: BackendSession, deadlines: Deadlines, connectMs: number) {
    this.#session = session;
    this.#deadlines = deadlines;
    this.#openUntil = deadlines.in(connectMs);
    this.#idleUntil = deadlines.in(limits.backendSessionIdleMs);
  }

  /** Its last stream has ended. */
  freed(): void {
    this.#idleUntil = this.#deadlines.in(limits.backendSessionIdleMs);
  }

  /** To be asked once a tick; what it says is to be done. */
  due(now: number): Duty {
    const session = this.#session;
    if (!session.isOpen) return now < this.#openUntil ? "nothing" : "fail";
    if (session.isStray) return "retire";
    this.#hear();
    if (this.#isAsked) return now < this.#silentUntil ? "nothing" : "lose";
    if (session.taken === 0) return this.#dueIdle(now);
    if (this.#silentUntil === NEVER && (this.#asked === 0 || session.begun !== this.#begun))
      this.#silentUntil = this.#deadlines.in(limits.backendSilenceMs);
    if (now < Math.min(this.#silentUntil, this.#askAgainFrom)) return "nothing";
    if (this.#asked >= limits.backendPingsMax && now < this.#askableFrom) return "retire";
    return "ask";
  }

  #dueIdle(now: number): Duty {
    this.#silentUntil = NEVER;
    return now < this.#idleUntil ? "nothing" : "rest";
  }

  /** The session is asked now; what is returned is to be called with its answer. */
  asked(): () => void {
    this.#asked += 1;
    this.#isAsked = true;
    this.#silentUntil = this.#deadlines.in(limits.backendPongMs);
    this.#askableFrom = this.#deadlines.in(limits.backendPingPauseMs);
    return () => {
      if (!this.#isAsked) return;
      this.#isAsked = false;
      this.#silentUntil = NEVER;
      this.#begun = this.#session.begun;
    };
  }

  /** One that has said that it is there, and nothing else, is asked again after a while in any case. */
  get #askAgainFrom(): number {
    return this.#asked === 0 ? NEVER : this.#askableFrom;
  }

  #hear(): void {
    const session = this.#session;
    if (!session.hasHeard) return;
    session.hasHeard = false;
    this.#isAsked = false;
    this.#asked = 0;
    this.#silentUntil = NEVER;
  }
}

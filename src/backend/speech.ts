import type { Backend } from "../config/destination.ts";
import { limits } from "../config/limits.ts";
import type { Deadlines } from "./deadlines.ts";
import type { BackendSession } from "./session.ts";

/** What is known of how one backend speaks: by its kind, its choice (ALPN), its SETTINGS and what it refused. */
export class Speech {
  readonly #kind: Backend["kind"];
  readonly #deadlines: Deadlines;
  /** Has it chosen HTTP/2 when it was last asked? */
  #isChosen = false;
  /** Did its last session take WebSockets? Undefined: there was none. */
  #takesTunnels: boolean | undefined;
  /** Until when it wants HTTP/1.1 alone. */
  #http1Until = 0;

  constructor({ kind }: Backend, deadlines: Deadlines) {
    this.#kind = kind;
    this.#deadlines = deadlines;
  }

  /** It chose a protocol. */
  chose(protocol: "h2" | "http/1.1"): void {
    this.#isChosen = protocol === "h2";
  }

  /** It has said that it wants HTTP/1.1. */
  wantsHttp1(): void {
    this.#http1Until = this.#deadlines.in(limits.backendHttp1Ms);
  }

  /** A session with it has opened. */
  opened({ takesTunnels }: Pick<BackendSession, "takesTunnels">): void {
    this.#takesTunnels = takesTunnels;
  }

  /** Does a request go by a session, as far as is known? `isTunnel`: it asks to become a WebSocket. */
  goesBySession(isTunnel: boolean): boolean {
    if (this.#kind === "h2c") return true;
    return this.#kind === "https" && this.#isChosen && this.mayChoose(isTunnel);
  }

  /** May it choose HTTP/2 for a connection that is made for such a request? */
  mayChoose(isTunnel: boolean): boolean {
    if (this.#deadlines.now < this.#http1Until) return false;
    return !isTunnel || this.#takesTunnels !== false;
  }
}

import type { Backend } from "../config/destination.ts";
import type { BackendSession } from "./session.ts";

/** What is known of how one backend speaks: by its kind, its choice (ALPN) and its SETTINGS. */
export class Speech {
  readonly #kind: Backend["kind"];
  /** Has it chosen HTTP/2 when it was last asked? */
  #isChosen = false;
  /** Did its last session take WebSockets? Undefined: there was none. */
  #takesTunnels: boolean | undefined;

  constructor({ kind }: Backend) {
    this.#kind = kind;
  }

  /** It chose a protocol. */
  chose(protocol: "h2" | "http/1.1"): void {
    this.#isChosen = protocol === "h2";
  }

  /** A session with it has opened. */
  opened({ takesTunnels }: BackendSession): void {
    this.#takesTunnels = takesTunnels;
  }

  /** Does a request go by a session, as far as is known? `isTunnel`: it asks to become a WebSocket. */
  goesBySession(isTunnel: boolean): boolean {
    if (this.#kind === "h2c") return true;
    return this.#kind === "https" && this.#isChosen && this.mayChoose(isTunnel);
  }

  /** May it choose HTTP/2 for a connection that is made for such a request? */
  mayChoose(isTunnel: boolean): boolean {
    return !isTunnel || this.#takesTunnels !== false;
  }
}

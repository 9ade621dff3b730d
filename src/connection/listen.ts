import net, { type Server, type Socket } from "node:net";
import type { Counts } from "../base/counts.ts";
import { Crowd } from "../base/crowd.ts";
import { LatchkeyError, messageOf } from "../base/errors.ts";
import { limits } from "../config/limits.ts";

/** Who decides beside the capacity whether one more may be opened, and hears of each change. */
export interface Doorkeeper {
  mayOpen(): boolean;
  connections(open: number, capacity: number): void;
}

/** The connections of one worker that are open, whatever listener they came by. */
export class OpenConnections {
  readonly #capacity: number;
  readonly #doorkeeper: Doorkeeper | undefined;
  readonly #counts: Counts | undefined;
  readonly #sockets = new Crowd<Socket>();
  #refused = 0;
  readonly #drained = Promise.withResolvers<void>();
  #isDraining = false;
  #isCut = false;

  constructor(capacity: number = limits.connectionsMax, doorkeeper?: Doorkeeper, counts?: Counts) {
    this.#capacity = capacity;
    this.#doorkeeper = doorkeeper;
    this.#counts = counts;
  }

  /** Counts a socket until it closes. One too many is destroyed, and `false` returned. */
  admit(socket: Socket): boolean {
    const isWelcome = this.#doorkeeper?.mayOpen() ?? true;
    if (!isWelcome || this.#sockets.size >= this.#capacity) {
      this.#refused += 1;
      this.#counts?.refused(isWelcome ? "TOO_MANY_CONNECTIONS" : "OVERLOADED");
      socket.destroy();
      return false;
    }
    const place = this.#sockets.enter(socket);
    this.#counts?.connectionOpened();
    this.#tell();
    socket.on("close", () => {
      this.#counts?.connectionClosed();
      this.#sockets.leave(place);
      this.#tell();
      if (this.#isDraining && this.#sockets.size === 0) this.#drained.resolve();
    });
    return true;
  }

  #tell(): void {
    this.#doorkeeper?.connections(this.#sockets.size, this.#capacity);
  }

  /** How many are open now. */
  get size(): number {
    return this.#sockets.size;
  }

  /** How many were closed at once because there were too many. */
  get refused(): number {
    return this.#refused;
  }

  /**
   * Waits until no connection is open, for `deadlineMs` at most or until `signal` is aborted; those
   * that are left then are destroyed. To be called when nothing is accepted any more; called again, the
   * nearest of its ends counts.
   *
   * @param cutting Hears how many are left, before they are destroyed.
   */
  async drain(
    deadlineMs: number,
    signal: AbortSignal,
    cutting: (left: number) => void = () => {},
  ): Promise<void> {
    if (this.#sockets.size === 0) return;
    this.#isDraining = true;
    const cut = (): void => {
      if (this.#isCut) return;
      this.#isCut = true;
      cutting(this.#sockets.size);
      // A reset: what is cut must not look like the end of an answer.
      for (const socket of this.#sockets.members()) socket.resetAndDestroy();
    };
    const deadline = setTimeout(cut, deadlineMs);
    signal.addEventListener("abort", cut, { once: true });
    if (signal.aborted) cut();
    await this.#drained.promise;
    clearTimeout(deadline);
    signal.removeEventListener("abort", cut);
  }
}

/** A socket that this process accepts connections from. */
export interface Listening {
  /** Stops accepting here; connections that are open stay. May be called again. */
  close(): void;
}

/**
 * Accepts connections from an inherited listening descriptor. Each one is counted in `open`, may be
 * half open, and is given to `onConnection` in its first tick with an `error` listener on: from then
 * on it belongs to `onConnection`.
 *
 * @throws {LatchkeyError} `LISTEN_FAILED`.
 */
export function listen(
  fd: number,
  open: OpenConnections,
  onConnection: (socket: Socket) => void,
): Promise<Listening> {
  const server = net.createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    // Whatever went wrong, `close` follows, and that is what everybody watches.
    socket.on("error", () => socket.destroy());
    if (open.admit(socket)) onConnection(socket);
  });
  return new Promise((resolve, reject) => {
    server.once("listening", () => resolve({ close: () => close(server) }));
    // Stays: later on, an error is one connection that could not be accepted, and the next one may be.
    server.on("error", (cause) => reject(listenFailed(fd, cause)));
    server.listen({ fd });
  });
}

function close(server: Server): void {
  if (server.listening) server.close();
}

function listenFailed(fd: number, cause: unknown): LatchkeyError {
  const message = `Cannot listen on descriptor ${fd}: ${messageOf(cause)}`;
  return new LatchkeyError("LISTEN_FAILED", message, { fd }, { cause });
}

import type { BackendUser } from "./connection.ts";

/** What a tunnel leads to: a connection to a backend, or a stream of a session with one. Has one owner. */
export interface FarEnd {
  /** Hands it to a user, who hears everything from now on. */
  lend(user: BackendUser): void;
  /** Bytes that were written and not taken. */
  readonly waiting: number;
  /** Text is of latin1, a character a byte. `false`: write no more until `backendDrained`. */
  write(piece: Buffer | string): boolean;
  /** Reads no more until {@link resume}. */
  pause(): void;
  resume(): void;
  /** Nothing more will be written. */
  end(): void;
  /** Closes at once, not as if it were the end; its user hears nothing of it. */
  destroy(): void;
  /** Calls `closed` when it is gone: at once, if it is already. */
  whenClosed(closed: () => void): void;
}

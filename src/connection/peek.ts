import type { Socket } from "node:net";
import { limits } from "../config/limits.ts";
import { type ClientHello, readClientHello } from "./client-hello.ts";
import { type PartialRead, readFirstBytes, type Unread } from "./first-bytes.ts";

/** What came of waiting for a ClientHello. */
export type Peeked =
  | Exclude<ClientHello, PartialRead>
  /** The time was over first, or the client left. */
  | Unread;

const usesNothing = (): number => 0;

/**
 * Reads one whole ClientHello from a raw socket and gives every byte back; see {@link readFirstBytes}
 * for what becomes of the socket.
 *
 * @param timeoutMs `limits.helloTimeoutMs`, or what is left of it.
 */
export function peek(socket: Socket, timeoutMs: number = limits.helloTimeoutMs): Promise<Peeked> {
  const options = { reader: readClientHello, used: usesNothing, timeoutMs };
  return readFirstBytes<Exclude<ClientHello, PartialRead>>(socket, options);
}

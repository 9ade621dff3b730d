import type { Socket } from "node:net";
import { limits } from "../config/limits.ts";
import { type ClientHello, readClientHello } from "./client-hello.ts";
import { type PartialRead, readFirstBytes, type Unread } from "./first-bytes.ts";

/** What came of waiting for a ClientHello. */
export type Peeked =
  | Exclude<ClientHello, PartialRead>
  /** The time was over first, or the client left. */
  | Exclude<Unread, { readonly kind: "cut-short" }>;

/**
 * Reads one whole ClientHello from a raw socket and gives every byte back; see {@link readFirstBytes}
 * for what becomes of the socket.
 *
 * @param timeoutMs `limits.helloTimeoutMs`, or what is left of it.
 */
export async function peek(
  socket: Socket,
  timeoutMs: number = limits.helloTimeoutMs,
): Promise<Peeked> {
  const peeked = await readFirstBytes(socket, {
    reader: readClientHello,
    used: () => 0,
    timeoutMs,
  });
  return peeked.kind === "cut-short" ? { kind: "malformed", why: "it ends in its middle" } : peeked;
}

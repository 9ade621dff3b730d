import type { Socket } from "node:net";

/** An IPv4 client of an IPv6 socket (RFC 4291 §2.5.5.2). */
const MAPPED_PREFIX = "::ffff:";

/**
 * The client's IP address, an IPv4 one in its own form however it was accepted; `undefined` when
 * the client is gone already.
 */
export function clientAddressOf(socket: Pick<Socket, "remoteAddress">): string | undefined {
  const address = socket.remoteAddress;
  const isMapped = address?.startsWith(MAPPED_PREFIX) && address.includes(".");
  return isMapped ? address?.slice(MAPPED_PREFIX.length) : address;
}

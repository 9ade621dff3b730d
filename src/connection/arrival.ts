import type { Socket } from "node:net";
import type { ConnectionEnds } from "../base/connection-ends.ts";
import { unreachable } from "../base/errors.ts";
import { readFirstBytes } from "./first-bytes.ts";
import { type ProxyHeader, readProxyHeader } from "./proxy-protocol.ts";
import { Refusal } from "./refusal.ts";

/**
 * Reads the PROXY header that a load balancer of `listen.proxyProtocol` sends first, and nothing after it.
 *
 * @param own The ends of the socket: they count when the header names none.
 * @returns Whose connection it is. The socket is paused and the caller's, with every byte after the header.
 * @throws {Refusal} when there is no header: the socket is then the caller's too.
 */
export async function readArrival(
  socket: Socket,
  own: ConnectionEnds,
  timeoutMs: number,
): Promise<ConnectionEnds> {
  const header = await readFirstBytes(socket, {
    reader: readProxyHeader,
    used: usedBytes,
    timeoutMs,
  });
  const loadBalancer = own.source.address;
  switch (header.kind) {
    case "proxied":
      return header.ends;
    case "local":
      return own;
    case "malformed":
      throw new Refusal("silence", "PROXY_HEADER_MALFORMED", { reason: header.why, loadBalancer });
    case "timed-out":
      throw new Refusal("silence", "HELLO_TIMED_OUT", { loadBalancer });
    case "closed":
      throw new Refusal("silence", "CLIENT_LEFT");
    default:
      return unreachable(header);
  }
}

function usedBytes(header: ProxyHeader): number {
  return header.kind === "malformed" ? 0 : header.length;
}

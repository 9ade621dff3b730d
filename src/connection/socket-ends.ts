import type { Socket } from "node:net";
import type { ConnectionEnds, Endpoint } from "../base/connection-ends.ts";
import { parseSocketAddress } from "../base/ip-address.ts";

/** What a socket says about its ends. */
type Ends = Pick<Socket, "remoteAddress" | "remotePort" | "localAddress" | "localPort">;

/**
 * The two ends of a socket, an IPv4 address in its own form however it was accepted; `undefined` when
 * the peer is gone already.
 */
export function socketEnds(socket: Ends): ConnectionEnds | undefined {
  const source = endpoint(socket.remoteAddress, socket.remotePort);
  const destination = endpoint(socket.localAddress, socket.localPort);
  return source && destination && { source, destination };
}

function endpoint(text: string | undefined, port: number | undefined): Endpoint | undefined {
  const address = parseSocketAddress(text);
  return address === undefined || port === undefined ? undefined : { address, port };
}

import net, { type Socket } from "node:net";

/** A listener of this very program, as this machine reaches it. */
export interface OwnDoor {
  readonly host: string;
  readonly port: number;
  /** Does it take this machine for a load balancer (`listen.proxyProtocol`), so that a PROXY header must come first? */
  readonly wantsProxyHeader?: boolean;
}

/** PROXY protocol, version 2, LOCAL: a connection of the sender's own (proxy-protocol.txt §2.2). */
const LOCAL_HEADER = Buffer.from("0d0a0d0a000d0a515549540a20000000", "hex");

/** Where `tls.connect` connects to. */
export function ownTlsDoor(
  door: OwnDoor,
): { readonly host: string; readonly port: number } | { readonly socket: Socket } {
  return door.wantsProxyHeader === true
    ? { socket: greeted(door) }
    : { host: door.host, port: door.port };
}

/** Where `http.get` connects to, for one request. */
export function ownHttpDoor(
  door: OwnDoor,
):
  | { readonly host: string; readonly port: number; readonly agent: false }
  | { readonly createConnection: () => Socket } {
  const { host, port } = door;
  // With `agent: false` Node ignores `createConnection`, and without it makes no agent.
  return door.wantsProxyHeader === true
    ? { createConnection: () => greeted(door) }
    : { host, port, agent: false };
}

/** A socket that connects, and whose first bytes are on their way. */
function greeted({ host, port }: OwnDoor): Socket {
  const socket = net.connect({ host, port });
  socket.write(LOCAL_HEADER);
  return socket;
}

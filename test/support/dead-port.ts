import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server } from "node:net";

/** Accepts whatever holds a port, and keeps no process alive. */
let holder: Server | undefined;

/**
 * A port of 127.0.0.1 that refuses connections for as long as this process lives. One that was listened on and is closed
 * may be somebody else's a moment later; this one is the own end of a connection, so that nobody can have it.
 */
export async function deadPort(): Promise<number> {
  holder ??= createServer((socket) => socket.unref()).unref();
  if (!holder.listening) await once(holder.listen(0, "127.0.0.1"), "listening");
  const { port } = holder.address() as AddressInfo;
  const socket = connect({ port, host: "127.0.0.1" });
  await once(socket, "connect");
  socket.unref();
  if (socket.localPort === undefined) throw new TypeError("a socket that is connected has a port");
  return socket.localPort;
}

import { once } from "node:events";
import net, { type AddressInfo, type Socket } from "node:net";

/** Two ends of one TCP connection of this machine, both of which may be half open. */
export interface SocketPair extends Disposable {
  readonly client: Socket;
  /** The accepted end. */
  readonly server: Socket;
}

/** Connects a pair; both ends are destroyed at the end of the scope. */
export async function connectPair(): Promise<SocketPair> {
  const listener = net.createServer({ allowHalfOpen: true, noDelay: true });
  listener.listen(0, "127.0.0.1");
  await once(listener, "listening");
  const { port } = listener.address() as AddressInfo;
  const accepted = once(listener, "connection") as Promise<[Socket]>;
  const client = net.connect({ port, host: "127.0.0.1", allowHalfOpen: true, noDelay: true });
  const [server] = await accepted;
  listener.close();
  for (const socket of [client, server]) socket.on("error", () => socket.destroy());
  return {
    client,
    server,
    [Symbol.dispose]: () => {
      client.destroy();
      server.destroy();
    },
  };
}

/** Resolves when `socket` has received `bytes` in all since it was connected. */
export async function hasRead(socket: Socket, bytes: number): Promise<void> {
  while (socket.bytesRead < bytes) await new Promise((resolve) => setImmediate(resolve));
}

import { once } from "node:events";
import { createServer, type RequestListener, type Server } from "node:http";
import { createServer as createHttpsServer, type Server as HttpsServer } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import { createSecureContext, createServer as createTlsServer } from "node:tls";
import type { Listener } from "../../src/authority/validate-http.ts";

/** A server on 127.0.0.1 that ends with its scope. */
export interface Responder extends AsyncDisposable {
  readonly listener: Listener;
}

/** Answers HTTP with `answer`. */
export function respondHttp(answer: RequestListener): Promise<Responder> {
  return serve(createServer(answer));
}

/** Answers HTTPS with `answer` and this certificate for every name. */
export function respondHttps({ chain, key }: Shown, answer: RequestListener): Promise<Responder> {
  return serve(createHttpsServer({ cert: chain, key }, answer));
}

async function serve(server: Server | HttpsServer): Promise<Responder> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    listener: { host: "127.0.0.1", port: (server.address() as AddressInfo).port },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

/** A certificate and key in PEM. */
export interface Shown {
  readonly chain: string;
  readonly key: string;
}

/**
 * Makes TLS handshakes with whatever `show` gives for the name; none ends the handshake.
 *
 * @param protocols What it agrees to by ALPN; empty: it does not know ALPN.
 */
export async function respondTls(
  show: (serverName: string) => Shown | undefined,
  protocols: readonly string[] = ["acme-tls/1"],
): Promise<Responder> {
  const sockets = new Set<Socket>();
  const server = createTlsServer({
    ...(protocols.length > 0 ? { ALPNProtocols: [...protocols] } : {}),
    SNICallback(serverName, done) {
      const shown = show(serverName);
      if (shown === undefined) done(new Error("No such name"));
      else done(null, createSecureContext({ cert: shown.chain, key: shown.key }));
    },
  });
  server.on("tlsClientError", () => {});
  server.on("secureConnection", (socket) => socket.on("error", () => {}));
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    socket.on("close", () => sockets.delete(socket));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    listener: { host: "127.0.0.1", port: (server.address() as AddressInfo).port },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}

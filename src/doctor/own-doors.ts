import type { Server as HttpServer } from "node:http";
import type { Server, Socket } from "node:net";
import { createSecureContext, createServer as createTlsServer, type SecureContext } from "node:tls";
import { codeOf } from "../base/errors.ts";
import { isIpAddress, reverseNameOf } from "../base/ip-address.ts";
import { createServer as createHttpServer } from "../base/node-http.ts";
import type { Probe } from "../base/probe.ts";
import type { UriHost } from "../base/uri-host.ts";
import { makeProbe } from "../certificate/probe.ts";
import type { Listen, ListenAddress } from "../config/config.ts";
import type { ListenerSight } from "./listener-findings.ts";

/** Strangers may come by while they are open: they get nothing, soon. */
const IDLE_MS = 5_000;
const CONNECTIONS_MAX = 100;
const PATH = /^\/\.well-known\/acme-challenge\/([A-Za-z0-9_-]+)$/;

/**
 * While nothing runs: listens where the program would, and answers probes and nothing else, so that it can be seen
 * whether names lead here. The caller closes it.
 */
export class OwnDoors implements AsyncDisposable {
  readonly sights: ListenerSight[] = [];
  readonly #servers: Server[] = [];
  readonly #sockets = new Set<Socket>();
  readonly #words = new Map<string, string>();
  readonly #contexts = new Map<string, SecureContext>();

  /** Opens what can be opened; the rest is told in {@link sights}. */
  static async open({ https, http }: Pick<Listen, "https" | "http">): Promise<OwnDoors> {
    const doors = new OwnDoors();
    for (const address of https) await doors.#listen("https", address, () => doors.#tls());
    for (const address of http) await doors.#listen("http", address, () => doors.#http());
    return doors;
  }

  /** Is there a listener of this kind? */
  has(what: ListenerSight["what"]): boolean {
    return this.sights.some((sight) => sight.what === what && sight.code === undefined);
  }

  /** Answers a probe for the host from now on. */
  async arm(host: UriHost): Promise<Probe> {
    const { token, words, chain, key } = await makeProbe(host);
    this.#words.set(`${token}`, words);
    const name = isIpAddress(host) ? reverseNameOf(host) : host;
    this.#contexts.set(name, createSecureContext({ cert: chain, key }));
    return { token, words, chain };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await Promise.all(
      this.#servers.map((server) => new Promise<void>((resolve) => server.close(() => resolve()))),
    );
  }

  /** A descriptor is somebody else's: it cannot be tried. */
  async #listen(
    what: ListenerSight["what"],
    address: ListenAddress,
    make: () => Server,
  ): Promise<void> {
    if (address.kind === "fd") return;
    const { host, port } = address;
    const server = make();
    server.maxConnections = CONNECTIONS_MAX;
    server.on("connection", (socket) => this.#own(socket));
    const { promise, resolve } = Promise.withResolvers<string | undefined>();
    server.once("error", (error) => resolve(codeOf(error) ?? "unknown"));
    server.listen({ port, ...(host === undefined ? {} : { host }) }, () => resolve(undefined));
    const code = await promise;
    this.sights.push({ what, address: spelled(host, port), code });
    if (code === undefined) this.#servers.push(server);
  }

  #own(socket: Socket): void {
    this.#sockets.add(socket);
    socket.setTimeout(IDLE_MS, () => socket.destroy());
    socket.on("error", () => {
      // A stranger's, or a look that has seen enough.
    });
    socket.on("close", () => this.#sockets.delete(socket));
  }

  #http(): HttpServer {
    return createHttpServer((request, response) => {
      const words = this.#words.get(PATH.exec(request.url ?? "")?.[1] ?? "");
      response.writeHead(words === undefined ? 404 : 200, { connection: "close" });
      response.end(words);
    });
  }

  #tls(): Server {
    const server = createTlsServer({
      ALPNProtocols: ["acme-tls/1"],
      SNICallback: (name, done) => {
        const context = this.#contexts.get(name.toLowerCase());
        if (context === undefined) done(new Error("Cannot answer: no such name"));
        else done(null, context);
      },
    });
    server.on("tlsClientError", () => {
      // Whoever is none of ours.
    });
    server.on("secureConnection", (socket) => socket.end());
    return server;
  }
}

function spelled(host: string | undefined, port: number): string {
  return `${host?.includes(":") === true ? `[${host}]` : (host ?? "")}:${port}`;
}

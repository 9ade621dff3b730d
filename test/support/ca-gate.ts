import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";

/**
 * A door in front of a CA, under one address for the whole of a test: it leads to the CA, is held (takes
 * connections and passes nothing on until it opens), or is shut (resets them). TLS goes through it
 * unread.
 */
export class CaGate implements AsyncDisposable {
  readonly port: number;
  /** How many connections came so far, whatever became of them. */
  connections = 0;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #held = new Set<Socket>();
  #state: "open" | "held" | "shut" = "open";
  #leadsTo: number;

  constructor(server: Server, port: number, leadsTo: number) {
    this.#server = server;
    this.port = port;
    this.#leadsTo = leadsTo;
    server.on("connection", (socket) => this.#receive(socket));
  }

  /** @param leadsTo The port of the CA on this machine. */
  static async open(port: number, leadsTo: number): Promise<CaGate> {
    const server = createServer({ pauseOnConnect: true });
    const gate = new CaGate(server, port, leadsTo);
    await once(server.listen(port, "127.0.0.1"), "listening");
    return gate;
  }

  /** Leads to the CA of before, or to another one; also those who were held. */
  open(leadsTo = this.#leadsTo): void {
    this.#state = "open";
    this.#leadsTo = leadsTo;
    for (const socket of this.#held) this.#lead(socket);
    this.#held.clear();
  }

  /** Who comes from now on waits. */
  hold(): void {
    this.#state = "held";
  }

  /** Cuts every connection, and those that come. */
  shut(): void {
    this.#state = "shut";
    this.#cut();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#cut();
    await once(this.#server.close(), "close");
  }

  #receive(socket: Socket): void {
    this.connections += 1;
    this.#watch(socket);
    if (this.#state === "shut") socket.resetAndDestroy();
    else if (this.#state === "held") this.#held.add(socket);
    else this.#lead(socket);
  }

  #lead(socket: Socket): void {
    if (socket.destroyed) return;
    const ca = connect(this.#leadsTo, "127.0.0.1");
    this.#watch(ca);
    ca.on("close", () => socket.destroy());
    socket.on("close", () => ca.destroy());
    socket.pipe(ca).pipe(socket);
  }

  #watch(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on("close", () => this.#sockets.delete(socket));
    socket.on("error", () => {
      // Either side may be killed: "close" follows.
    });
  }

  #cut(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy();
    this.#held.clear();
  }
}

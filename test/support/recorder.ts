import { createServer, type Server } from "node:net";
import { Recorded } from "./recorded.ts";

/** The port of a listening server. */
export function portOf(server: Server): number {
  const address = server.address();
  if (address === null || typeof address === "string") throw new TypeError("no port");
  return address.port;
}

/** What a recorder does with a connection. */
export type Script = (connection: Recorded) => void | Promise<void>;

/** A backend that records raw bytes and answers by script; it parses nothing. */
export class Recorder implements AsyncDisposable {
  readonly connections: Recorded[] = [];
  readonly #server: Server;
  readonly #waiting: (() => void)[] = [];
  script: Script;

  /** @param at A port of 127.0.0.1, any unless given, or the path of a socket. */
  static async start(script: Script = () => undefined, at: number | string = 0): Promise<Recorder> {
    const server = createServer({ allowHalfOpen: true, noDelay: true });
    const recorder = new Recorder(server, script);
    await new Promise<void>((resolve) =>
      typeof at === "number"
        ? server.listen(at, "127.0.0.1", resolve)
        : server.listen(at, () => resolve()),
    );
    return recorder;
  }

  constructor(server: Server, script: Script) {
    this.#server = server;
    this.script = script;
    server.on("connection", (socket) => {
      const recorded = new Recorded(socket);
      this.connections.push(recorded);
      for (const wake of this.#waiting.splice(0)) wake();
      // A script that was cut off has nothing to say: the test asserts on what its client saw.
      Promise.resolve(this.script(recorded)).catch(() => undefined);
    });
  }

  get port(): number {
    return portOf(this.#server);
  }

  /** The `index`th connection, when there is one. */
  async connection(index: number): Promise<Recorded> {
    for (;;) {
      const connection = this.connections[index];
      if (connection !== undefined) return connection;
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  /** Everything that any connection got. */
  get text(): string {
    return this.connections.map(({ text }) => text).join("");
  }

  /** How many request heads have come, counting empty lines. */
  get requests(): number {
    return this.text.split("\r\n\r\n").length - 1;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { socket } of this.connections) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

/** Answers every request head on a connection with `answer`. Knows nothing of bodies. */
export function answering(answer: string): Script {
  return async (connection) => {
    for (let from = 0; ; ) {
      await connection.head(from);
      from = connection.text.indexOf("\r\n\r\n", from) + 4;
      connection.say(answer);
    }
  };
}

/** Answers the first request head on every connection with `answer`, then does no more. */
export function answeringOnce(answer: string): Script {
  return async (connection) => {
    await connection.head();
    connection.say(answer);
  };
}

/** A field line that says when an answer was made, as most backends do. */
export const DATE = "Date: Mon, 23 Nov 2026 06:00:00 GMT\r\n";
/** A small answer that keeps the connection. */
export const OK = `HTTP/1.1 200 OK\r\n${DATE}Content-Length: 2\r\n\r\nok`;

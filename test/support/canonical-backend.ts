import { createServer, type Server, type Socket } from "node:net";
import { OK, portOf } from "./recorder.ts";

/** A whole request as a backend reads it. */
export interface Arrival {
  readonly method: string;
  readonly target: string;
  readonly host: string;
  readonly body: string;
  /** Whom it is from, as X-Forwarded-For says. */
  readonly client: string;
}

/** A request with one framing, in the one way to write each thing; as latin1. */
const HEAD =
  /^([A-Z-]+) (\S+) HTTP\/1\.1\r\n((?:[!#$%&'*+.^_`|~0-9A-Za-z-]+: ?[^\r\n\0]*\r\n)*)\r\n/;
const CHUNK = /^([0-9a-f]+)\r\n/i;

/**
 * A backend that reads requests from raw bytes, knows one way to write them, and answers each whole one with
 * 200. What is not written in that way is noted as a violation. Takes no part of Latchkey.
 */
export class CanonicalBackend implements AsyncDisposable {
  /** What has come whole, in its order. */
  readonly arrivals: Arrival[] = [];
  readonly violations: string[] = [];
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  static async start(): Promise<CanonicalBackend> {
    const server = createServer({ noDelay: true });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return new CanonicalBackend(server);
  }

  constructor(server: Server) {
    this.#server = server;
    server.on("connection", (socket) => {
      this.#sockets.add(socket);
      socket.setEncoding("latin1");
      socket.on("error", () => undefined);
      socket.on("close", () => this.#sockets.delete(socket));
      let text = "";
      socket.on("data", (more: string) => {
        text = this.#readAll(text + more, socket);
      });
    });
  }

  get port(): number {
    return portOf(this.#server);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  /** Reads every whole request; returns what is left. */
  #readAll(text: string, socket: Socket): string {
    let rest = text;
    while (rest.includes("\r\n\r\n")) {
      const request = this.#read(rest, socket);
      if (request === undefined) break;
      this.arrivals.push(request.arrival);
      rest = rest.slice(request.length);
      socket.write(OK, "latin1");
    }
    return rest;
  }

  #read(text: string, socket: Socket): { readonly arrival: Arrival; length: number } | undefined {
    const [head, method = "", target = "", lines = ""] = HEAD.exec(text) ?? [];
    if (head === undefined) return this.#violated(text, socket);
    const values = (name: string) =>
      [...lines.matchAll(new RegExp(`^${name}: ?(.*)\r$`, "gim"))].map(([, value = ""]) => value);
    const [hosts, lengths, codings] = [
      values("host"),
      values("content-length"),
      values("transfer-encoding"),
    ];
    const [host = ""] = hosts;
    if (hosts.length !== 1 || lengths.length + codings.length > 1)
      return this.#violated(text, socket);
    const [size = "0"] = lengths;
    if (!/^\d+$/.test(size) || (codings[0] ?? "chunked") !== "chunked")
      return this.#violated(text, socket);
    const after = text.slice(head.length);
    const body =
      codings.length > 0
        ? this.#chunked(after, socket)
        : { content: after.slice(0, Number(size)), length: Number(size) };
    if (body === undefined || after.length < body.length) return undefined;
    const [client = ""] = values("x-forwarded-for");
    const arrival = { method, target, host, body: body.content, client };
    return { arrival, length: head.length + body.length };
  }

  #chunked(text: string, socket: Socket): { content: string; length: number } | undefined {
    let content = "";
    for (let at = 0; ; ) {
      const rest = text.slice(at);
      if (!rest.includes("\r\n")) return undefined;
      const [line, digits] = CHUNK.exec(rest) ?? [];
      if (line === undefined || digits === undefined) return this.#violated(text, socket);
      const size = Number.parseInt(digits, 16);
      at += line.length;
      if (size === 0) {
        const end = text.indexOf("\r\n\r\n", at - 2);
        return end === -1 ? undefined : { content, length: end + 4 };
      }
      if (text.length < at + size + 2) return undefined;
      content += text.slice(at, at + size);
      if (text.slice(at + size, at + size + 2) !== "\r\n") return this.#violated(text, socket);
      at += size + 2;
    }
  }

  #violated(text: string, socket: Socket): undefined {
    this.violations.push(text);
    socket.destroy();
  }
}

import {
  createSecureServer,
  createServer,
  type Http2SecureServer,
  type Http2Server,
  type IncomingHttpHeaders,
  type SecureServerOptions,
  type ServerHttp2Session,
  type ServerHttp2Stream,
  type ServerOptions,
} from "node:http2";
import type { Backend, PathRoute } from "../../src/config/destination.ts";
import { RawClient } from "./raw-client.ts";
import { portOf } from "./recorder.ts";
import { forwardTo, RelayWorld, Scene } from "./relay-world.ts";

export function h2cBackend(port: number): Backend {
  return { kind: "h2c", address: { host: "127.0.0.1", port }, hostHeader: "client" };
}

/** What came on one stream. */
export interface Asked {
  readonly stream: ServerHttp2Stream;
  readonly headers: IncomingHttpHeaders;
  /** Name, value, name, value …, as they came. */
  readonly pairs: readonly string[];
}

/** What a backend does with a stream. */
export type Answering = (asked: Asked) => void | Promise<void>;

/** A backend that speaks HTTP/2 as Node.js does. */
export class Http2Backend implements AsyncDisposable {
  readonly asked: Asked[] = [];
  readonly sessions: ServerHttp2Session[] = [];
  readonly server: Http2Server | Http2SecureServer;
  #wake: () => void = () => undefined;

  static async start(answer: Answering, options: ServerOptions = {}): Promise<Http2Backend> {
    const server = createServer(options);
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return new Http2Backend(server, answer);
  }

  /** With TLS, and HTTP/1.1 besides where `options` allow it. */
  static async startSecure(answer: Answering, options: SecureServerOptions): Promise<Http2Backend> {
    const server = createSecureServer(options);
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return new Http2Backend(server, answer);
  }

  constructor(server: Http2Server | Http2SecureServer, answer: Answering) {
    this.server = server;
    server.on("session", (session: ServerHttp2Session) => {
      this.sessions.push(session);
      session.on("error", () => undefined);
      session.on("stream", (stream, headers, _flags, pairs) => {
        stream.on("error", () => undefined);
        const asked = { stream, headers, pairs };
        this.asked.push(asked);
        this.#wake();
        // What was cut off has nothing to say: the test asserts on what its client saw.
        Promise.resolve(answer(asked)).catch(() => undefined);
      });
    });
  }

  get port(): number {
    return portOf(this.server);
  }

  /** The `index`th request, when it has come. */
  async request(index: number): Promise<Asked> {
    for (;;) {
      const asked = this.asked[index];
      if (asked !== undefined) return asked;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const session of this.sessions) session.destroy();
    await new Promise((resolve) => this.server.close(resolve));
  }
}

/** All content of a stream. */
export async function contentOf(stream: ServerHttp2Stream): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of stream) pieces.push(piece);
  return Buffer.concat(pieces);
}

/** A relay in front of one such backend. */
export class Http2Scene extends Scene<Http2Backend> {
  static async start(
    answer: Answering,
    changes: Partial<PathRoute> = {},
    options: ServerOptions = {},
  ): Promise<Http2Scene> {
    const backend = await Http2Backend.start(answer, options);
    const action = forwardTo([h2cBackend(backend.port)], changes);
    const world = await RelayWorld.start({ action });
    return new Http2Scene(backend, world, await RawClient.connect(world.port));
  }
}

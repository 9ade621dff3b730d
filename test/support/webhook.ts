import { once } from "node:events";
import { createServer as createHttpServer, type IncomingMessage, type Server } from "node:http";
import { createServer as createHttpsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";

/** What a webhook got, as JSON. */
export type Received = Readonly<Record<string, string | null>>;

/** Longer than anything here takes, also on a busy machine. */
const PATIENCE_MS = 60_000;

/** A receiver of alerts, on a real socket. */
export class Webhook implements AsyncDisposable {
  readonly received: Received[] = [];
  readonly requests: IncomingMessage[] = [];
  /** The statuses of the answers to come; the last one stays. */
  statuses: number[] = [200];
  readonly #server: Server;
  readonly #scheme: "http" | "https";
  readonly #waiting = new Set<() => void>();

  private constructor(server: Server, scheme: "http" | "https") {
    this.#server = server;
    this.#scheme = scheme;
    server.on("request", async (request, response) => {
      const body = await text(request);
      this.requests.push(request);
      this.received.push(JSON.parse(body));
      const [status = 200] = this.statuses.length > 1 ? this.statuses.splice(0, 1) : this.statuses;
      response.writeHead(status, status === 302 ? { location: `${this.url}elsewhere` } : {}).end();
      for (const wake of this.#waiting) wake();
    });
  }

  /** @param tls PEM of the chain and key of an https server; without: http. */
  static async open(tls?: { readonly chain: string; readonly key: string }): Promise<Webhook> {
    const server =
      tls === undefined ? createHttpServer() : createHttpsServer({ cert: tls.chain, key: tls.key });
    await once(server.listen(0, "127.0.0.1"), "listening");
    return new Webhook(server as Server, tls === undefined ? "http" : "https");
  }

  get url(): string {
    const { port } = this.#server.address() as AddressInfo;
    return `${this.#scheme}://localhost:${port}/`;
  }

  /** The first notice, also one of before, that `matches`. */
  async notice(matches: (notice: Received) => boolean): Promise<Received> {
    const deadline = AbortSignal.timeout(PATIENCE_MS);
    for (;;) {
      const known = this.received.find(matches);
      if (known !== undefined) return known;
      if (deadline.aborted) throw new Error(`It did not come:\n${JSON.stringify(this.received)}`);
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#waiting.add(resolve);
      deadline.addEventListener("abort", () => resolve(), { once: true });
      await promise;
      this.#waiting.delete(resolve);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await once(this.#server.close(), "close");
  }
}

import { once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import { request as ask, createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import type { AcmeAnswer, AcmeRequest, AcmeTransport } from "../../src/acme/transport.ts";
import { createHttpsTransport, type HttpsTransportOptions } from "../../src/acme/transport.ts";
import { Authority } from "../../src/authority/authority.ts";
import { systemClock } from "../../src/base/clock.ts";
import { limits } from "../../src/config/limits.ts";
import { KeptLog, MemoryStore } from "./authority-world.ts";
import { makeAuthority, makeCertificate } from "./certificates.ts";
import { type Responder, respondHttp } from "./challenge-responder.ts";

/** Where a program finds the CA: all that {@link transportTo} needs, as text for a command line. */
export interface CaAddress {
  readonly port: number;
  /** PEM of the root of the CA's own TLS. */
  readonly trust: string;
  /** Of each request; the program's own, unless given. */
  readonly deadlines?: Pick<
    HttpsTransportOptions,
    "connectTimeoutMs" | "headersTimeoutMs" | "totalTimeoutMs"
  >;
}

/** What a test does to a request on its way; nothing by default. */
export interface CaHooks {
  /** Before the CA hears it. `nth` counts from 1. */
  before?(path: string, nth: number): void | Promise<void>;
  /** After the CA has acted on it, before the answer leaves; may give another answer, or write one itself (`true`). */
  after?(path: string, answer: AcmeAnswer, response: ServerResponse): AcmeAnswer | true;
}

const ORIGIN = "https://authority.latchkey.internal";
/** URL of its directory. */
export const DIRECTORY = `${ORIGIN}/directory`;
const ARM = "/arm/";

/**
 * The internal authority as a CA of another process: over real HTTPS, so that its accounts and orders
 * outlive the program under test. Tokens are handed to it out of band, by {@link arm}.
 */
export class HttpsAuthority implements AsyncDisposable {
  readonly directory = DIRECTORY;
  /** `POST /new-order`, `HEAD /new-nonce` …, in order. */
  readonly requests: string[] = [];
  hooks: CaHooks = {};
  readonly #authority: Authority;
  readonly #server: Server;
  readonly #responder: Responder;
  readonly #trust: string;

  private constructor(
    authority: Authority,
    responder: Responder,
    { server, trust, tokens }: { server: Server; trust: string; tokens: Map<string, string> },
  ) {
    this.#authority = authority;
    this.#responder = responder;
    this.#server = server;
    this.#trust = trust;
    server.on("request", (request: IncomingMessage, response: ServerResponse) => {
      void this.#answer(request, response, tokens).catch(() => response.destroy());
    });
  }

  static async start(): Promise<HttpsAuthority> {
    const tokens = new Map<string, string>();
    const responder = await respondHttp((request, response) => {
      const token = (request.url ?? "").split("/").at(-1) ?? "";
      response.end(tokens.get(token) ?? "unknown");
    });
    const root = makeAuthority({ name: "TLS of the CA" });
    const { chain, key } = makeCertificate({ names: ["localhost"], issuer: root });
    const server = createServer({ cert: chain, key }).listen(0, "127.0.0.1");
    await once(server, "listening");
    const authority = await Authority.open({
      lifetimeMs: 7 * 86_400_000,
      permit: [],
      reach: { http: [responder.listener], https: [responder.listener] },
      store: new MemoryStore(),
      clock: systemClock,
      log: new KeptLog(),
    });
    return new HttpsAuthority(authority, responder, { server, trust: root.certificate, tokens });
  }

  get address(): CaAddress {
    return { port: (this.#server.address() as AddressInfo).port, trust: this.#trust };
  }

  /** How many orders were placed. */
  get orders(): number {
    return this.requests.filter((request) => request === "POST /new-order").length;
  }

  async #answer(
    request: IncomingMessage,
    response: ServerResponse,
    tokens: Map<string, string>,
  ): Promise<void> {
    const path = request.url ?? "";
    const body = Buffer.concat(await request.toArray()).toString();
    if (path.startsWith(ARM)) {
      tokens.set(path.slice(ARM.length), body);
      response.end();
      return;
    }
    const method = (request.method ?? "GET") as AcmeRequest["method"];
    this.requests.push(`${method} ${path}`);
    await this.hooks.before?.(path, this.requests.length);
    const headers = { "content-type": request.headers["content-type"] ?? "" };
    const asked = { method, url: `${ORIGIN}${path}`, headers, body };
    const given = await this.#authority.transport.request(asked, AbortSignal.timeout(10_000));
    const answer = this.hooks.after?.(path, given, response) ?? given;
    if (answer !== true) response.writeHead(answer.status, answer.headers).end(answer.body);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#authority.close();
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, "close");
    await this.#responder[Symbol.asyncDispose]();
  }
}

/**
 * The program's own way to a CA of a test: its names resolve nowhere, so they are sent to its port. One for each CA and
 * its deadlines: reading every root that the machine trusts takes longer than an order.
 */
export function transportTo({ port, trust, deadlines }: CaAddress): AcmeTransport {
  const key = JSON.stringify([port, trust, deadlines]);
  const known = transports.get(key);
  if (known !== undefined) return known;
  const https = createHttpsTransport({
    trust,
    userAgent: "latchkey-test/1",
    connectTimeoutMs: limits.acmeConnectTimeoutMs,
    headersTimeoutMs: limits.acmeHeadersTimeoutMs,
    totalTimeoutMs: limits.acmeRequestTimeoutMs,
    ...deadlines,
    answerMaxBytes: limits.acmeAnswerMaxBytes,
  });
  const transport: AcmeTransport = {
    request: (request, signal) =>
      https.request({ ...request, url: localUrl(request.url, port) }, signal),
  };
  transports.set(key, transport);
  return transport;
}

const transports = new Map<string, AcmeTransport>();

/** Lets the CA find `keyAuthorization` when it looks for `token`. */
export async function arm(
  { port, trust }: CaAddress,
  token: string,
  keyAuthorization: string,
): Promise<void> {
  const options = { host: "localhost", port, ca: trust, agent: false, method: "POST" } as const;
  const asked = ask({ ...options, path: `${ARM}${token}` }).end(keyAuthorization);
  const [response] = await once(asked, "response", { signal: AbortSignal.timeout(10_000) });
  await once(response.resume(), "end");
}

function localUrl(url: string, port: number): string {
  return url.replace(new URL(url).origin, `https://localhost:${port}`);
}

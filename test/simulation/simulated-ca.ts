import { X509Certificate } from "node:crypto";
import { once } from "node:events";
import { createServer, type Server as HttpServer } from "node:http";
import type { AddressInfo } from "node:net";
import { certIdOf } from "../../src/acme/cert-id.ts";
import type { AcmeAnswer, AcmeRequest, AcmeTransport } from "../../src/acme/transport.ts";
import { IssuerKeeper } from "../../src/authority/issuer.ts";
import { Orders } from "../../src/authority/orders.ts";
import { RenewalInfo } from "../../src/authority/renewal-info.ts";
import { type Resource, resourceOf, urlOf } from "../../src/authority/resources.ts";
import { Server } from "../../src/authority/server.ts";
import { suffixesWith } from "../../src/authority/suffixes.ts";
import type { Clock } from "../../src/base/clock.ts";
import { LatchkeyError } from "../../src/base/errors.ts";
import { KeptLog, MemoryStore } from "../support/authority-world.ts";

/** How a CA is out: nobody answers, or somebody who is no help. */
export const outageKinds = ["unreachable", "502", "503", "500", "429"] as const;
export type OutageKind = (typeof outageKinds)[number];

/** Endpoints that may be out while all the others answer. */
export const outageScopes = [
  "directory",
  "new-nonce",
  "new-order",
  "finalize",
  "renewal-info",
] as const satisfies readonly Resource["kind"][];
/** What of a CA is out. */
export type OutageScope = (typeof outageScopes)[number] | "everything";

/** What the CA finds where a name leads to. */
export interface Internet {
  /** The answer of the machine to an http-01 question about `host`; `undefined` when the name leads elsewhere. */
  answer(host: string, token: string): string | undefined;
}

const LETS_ENCRYPT = "https://acme-v02.api.letsencrypt.org/directory";
const DIRECTORY: Resource = { kind: "directory" };
const SUFFIXES = suffixesWith(["example"]);

/** Short lives renew at half, others at two thirds: as Let's Encrypt's windows lie. */
const SHORT_LIFE_MS = 10 * 86_400_000;
/** Its windows are two hundredths of a life wide, and it wants to be asked again after six hours. */
export const WINDOW_SHARE = 1 / 50;
const ASK_AGAIN_S = "21600";

export interface CaOptions {
  /** The life of a certificate for a host, in milliseconds. */
  lifeOf(host: string): number;
  readonly longestLifeMs: number;
  /** Does it say when to renew (RFC 9773)? */
  readonly hasWindows: boolean;
}

/**
 * The internal authority as a public CA: certificates of different lives, windows as Let's Encrypt has
 * them, outages. It validates over a real socket what the simulated internet leads it to.
 */
export class SimulatedCa implements AsyncDisposable {
  readonly transport: AcmeTransport;
  /** Orders placed so far, by host. */
  readonly orders = new Map<string, number>();
  /** Requests so far, those in outages included. */
  requests = 0;
  /** What is out now, and how. */
  readonly outages = new Map<OutageScope, OutageKind>();
  readonly #server: Server;
  readonly #http: HttpServer;
  readonly #hasWindows: boolean;
  readonly #windows = new Map<string, { readonly start: number; readonly end: number }>();
  readonly #hostOf = new Map<string, string>();
  #finalizing = "";

  private constructor(
    parts: { clock: Clock; keeper: IssuerKeeper; http: HttpServer },
    { lifeOf, hasWindows }: CaOptions,
  ) {
    const { clock, keeper, http } = parts;
    this.#hasWindows = hasWindows;
    this.#http = http;
    const { port } = http.address() as AddressInfo;
    const life = () => lifeOf(this.#finalizing);
    this.#server = new Server({
      orders: new Orders(clock),
      renewalInfo: new RenewalInfo(),
      suffixes: SUFFIXES,
      closing: new AbortController().signal,
      keeper,
      clock,
      log: new KeptLog(),
      reach: { http: [{ host: "127.0.0.1", port }], https: [] },
      get lifetimeMs() {
        return life();
      },
    });
    this.transport = { request: (request) => this.#request(request) };
  }

  static async open(clock: Clock, internet: Internet, options: CaOptions): Promise<SimulatedCa> {
    const http = createServer((request, response) => {
      const token = (request.url ?? "").split("/").at(-1) ?? "";
      const body = internet.answer(request.headers.host ?? "", token);
      response.writeHead(body === undefined ? 404 : 200, { connection: "close" }).end(body);
    });
    await once(http.listen(0, "127.0.0.1"), "listening");
    http.unref();
    const keeper = await IssuerKeeper.open({
      store: new MemoryStore(),
      clock,
      log: new KeptLog(),
      suffixes: SUFFIXES,
      lifetimeMs: options.longestLifeMs,
    });
    return new SimulatedCa({ clock, keeper, http }, options);
  }

  /** Where names that lead to the machine are answered. */
  get listener(): { readonly host: string; readonly port: number } {
    return { host: "127.0.0.1", port: (this.#http.address() as AddressInfo).port };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#http.close();
    this.#http.closeAllConnections();
  }

  async #request(request: AcmeRequest): Promise<AcmeAnswer> {
    this.requests += 1;
    const isDirectory = request.url === LETS_ENCRYPT;
    const resource = isDirectory ? DIRECTORY : resourceOf(request.url);
    const outage = this.#outageAt(resource);
    if (outage !== undefined) return outOf(outage);
    if (isDirectory) return await this.#directory();
    if (resource?.kind === "renewal-info") return this.#advise(resource.certId);
    if (resource?.kind === "finalize") this.#finalizing = this.#hostOf.get(resource.order) ?? "";
    const answer = await this.#server.answer(request);
    if (resource?.kind === "new-order" && answer.status === 201) this.#noteOrder(answer);
    if (resource?.kind === "certificate" && answer.status === 200) this.#noteChain(answer.body);
    return answer;
  }

  #outageAt(resource: Resource | undefined): OutageKind | undefined {
    const scope = outageScopes.find((kind) => kind === resource?.kind);
    return this.outages.get("everything") ?? (scope && this.outages.get(scope));
  }

  /** Found where the program looks for a public CA, whose limits it keeps to. */
  async #directory(): Promise<AcmeAnswer> {
    const url = urlOf(DIRECTORY);
    const answer = await this.#server.answer({ method: "GET", url, headers: {}, body: undefined });
    if (this.#hasWindows) return answer;
    const { renewalInfo: _, ...rest } = JSON.parse(answer.body);
    return { ...answer, body: JSON.stringify(rest) };
  }

  #noteOrder({ headers, body }: AcmeAnswer): void {
    const host = String(JSON.parse(body).identifiers[0].value);
    this.#hostOf.set((headers["location"] ?? "").split("/").at(-1) ?? "", host);
    this.orders.set(host, (this.orders.get(host) ?? 0) + 1);
  }

  #noteChain(chain: string): void {
    const certId = certIdOf(chain);
    if (certId === undefined) return;
    const leaf = new X509Certificate(chain);
    const notBefore = leaf.validFromDate.getTime();
    const life = leaf.validToDate.getTime() - notBefore;
    const middle = notBefore + life * windowShare(life);
    this.#windows.set(certId, {
      start: middle - (life * WINDOW_SHARE) / 2,
      end: middle + (life * WINDOW_SHARE) / 2,
    });
  }

  #advise(certId: string): AcmeAnswer {
    const window = this.#windows.get(certId);
    if (window === undefined) return problem(404, "malformed", {});
    const suggestedWindow = {
      start: new Date(window.start).toISOString(),
      end: new Date(window.end).toISOString(),
    };
    const headers = { "content-type": "application/json", "retry-after": ASK_AGAIN_S };
    return { status: 200, headers, body: JSON.stringify({ suggestedWindow }) };
  }
}

/** How much of its life a certificate serves before the middle of its window. */
export function windowShare(lifeMs: number): number {
  return lifeMs < SHORT_LIFE_MS ? 1 / 2 : 2 / 3;
}

function outOf(kind: OutageKind): AcmeAnswer {
  switch (kind) {
    case "unreachable":
      throw new LatchkeyError("ACME_UNREACHABLE", "Cannot reach the CA: connection refused");
    case "502":
      return {
        status: 502,
        headers: { "content-type": "text/html" },
        body: "<h1>Bad Gateway</h1>",
      };
    case "503":
      return problem(503, "serverInternal", { "retry-after": "3600" });
    case "429":
      return problem(429, "rateLimited", { "retry-after": "1800" });
    default:
      return problem(500, "serverInternal", {});
  }
}

function problem(
  status: number,
  type: string,
  headers: Readonly<Record<string, string>>,
): AcmeAnswer {
  return {
    status,
    headers: { "content-type": "application/problem+json", ...headers },
    body: JSON.stringify({
      type: `urn:ietf:params:acme:error:${type}`,
      detail: `simulated ${status}`,
    }),
  };
}

import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { contextPrimitive, sequence } from "../../src/acme/der.ts";
import { extension } from "../../src/acme/extension.ts";
import { makeAuthority, makeCertificate } from "./certificates.ts";

const DAY_MS = 86_400_000;
/** By which a CA knows its own: a certificate without it is never asked about (RFC 9773 §4.1). */
const keyIdentifier = extension("2.5.29.35", false, sequence(contextPrimitive(0, Buffer.of(1))));

/** A CA that says what it offers and when to renew, issues nothing, and counts every request. */
export class CountingCa implements AsyncDisposable {
  /** `GET /directory`, … in order. */
  readonly requests: string[] = [];
  readonly #server: Server;
  readonly #folder: string;

  private constructor(server: Server, folder: string, advises: boolean) {
    this.#server = server;
    this.#folder = folder;
    server.on("request", ({ method, url }, response) => {
      this.requests.push(`${method} ${url}`);
      const headers = { "content-type": "application/json", "retry-after": "21600" };
      const said = url === "/directory" ? this.#directory(advises) : windowIn(40);
      response.writeHead(200, headers).end(JSON.stringify(said));
    });
  }

  /** @param advises Does it say when to renew (RFC 9773)? */
  static async start({ advises }: { readonly advises: boolean }): Promise<CountingCa> {
    const root = makeAuthority({ name: "TLS of the CA" });
    const { chain, key } = makeCertificate({ names: ["localhost"], issuer: root });
    const server = createServer({ cert: chain, key }).listen(0, "127.0.0.1");
    await once(server, "listening");
    const folder = await mkdtemp(join(tmpdir(), "latchkey-counting-"));
    await writeFile(join(folder, "trust.pem"), root.certificate);
    return new CountingCa(server, folder, advises);
  }

  /** URL of its directory. */
  get directory(): string {
    return `${this.#origin}/directory`;
  }

  /** YAML text of the `issuer` of a host that means this CA. */
  get issuer(): string {
    return `{ directory: "${this.directory}", trust: ${join(this.#folder, "trust.pem")} }`;
  }

  /** A certificate as of this CA, which is not due for long. */
  certify(host: string): { readonly chain: string; readonly key: string } {
    const validity = { notBefore: Date.now() - DAY_MS, notAfter: Date.now() + 60 * DAY_MS };
    return makeCertificate({ names: [host], ...validity, extensions: [keyIdentifier] });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await once(this.#server.close(), "close");
    await rm(this.#folder, { recursive: true, force: true });
  }

  get #origin(): string {
    return `https://localhost:${(this.#server.address() as AddressInfo).port}`;
  }

  #directory(advises: boolean): object {
    const to = (path: string) => `${this.#origin}/${path}`;
    const places = {
      ...{ newNonce: to("nonce"), newAccount: to("account"), newOrder: to("order") },
      ...{ revokeCert: to("revoke"), keyChange: to("key-change") },
    };
    return advises ? { ...places, renewalInfo: to("renewal") } : places;
  }
}

/** A window of a day, so many days from now. */
function windowIn(days: number): object {
  const [start, end] = [days, days + 1].map((day) => new Date(Date.now() + day * DAY_MS));
  return { suggestedWindow: { start, end } };
}

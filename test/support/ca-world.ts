import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { CertificateRecord } from "../../src/base/certificate-record.ts";
import { CaGate } from "./ca-gate.ts";
import { freePort } from "./free-port.ts";
import { Latchkey } from "./latchkey.ts";
import { type Pebble, type PebbleOptions, startPebble } from "./pebble.ts";

/** What a story changes of its CA; the ports are the world's. */
export interface CaWorldOptions extends Omit<PebbleOptions, "httpPort" | "tlsPort"> {
  /** Does the CA look for http-01 answers where nobody listens? */
  readonly looksElsewhere?: boolean;
}

/** A name is asked about this often while it is being ordered. */
const ASK_EVERY_MS = 50;
const SETTLE_TIMEOUT_MS = 60_000;

/** A real CA, and ports of this machine for the real program, on which that CA validates. */
export class CaWorld implements AsyncDisposable {
  readonly httpsPort: number;
  readonly gate: CaGate;
  /** Where storages of this world may stand that outlive a run. */
  readonly folder: string;
  readonly #httpPort: number;
  readonly #options: CaWorldOptions;
  #pebble: Pebble;

  constructor(parts: {
    readonly ports: { readonly https: number; readonly http: number };
    readonly gate: CaGate;
    readonly folder: string;
    readonly options: CaWorldOptions;
    readonly pebble: Pebble;
  }) {
    this.httpsPort = parts.ports.https;
    this.#httpPort = parts.ports.http;
    this.gate = parts.gate;
    this.folder = parts.folder;
    this.#options = parts.options;
    this.#pebble = parts.pebble;
  }

  /** @param beside Another CA, which validates on the same ports. */
  static async start(options: CaWorldOptions = {}, beside?: CaWorld): Promise<CaWorld> {
    const ports = {
      https: beside === undefined ? await freePort() : beside.httpsPort,
      http: beside === undefined ? await freePort() : beside.#httpPort,
    };
    const folder = await mkdtemp(join(tmpdir(), "latchkey-ca-"));
    const pebble = await startPebble(await pebbleOptions(options, ports));
    const gate = await CaGate.open(await freePort(), portOf(pebble));
    const world = new CaWorld({ ports, gate, folder, options, pebble });
    await writeFile(world.#trust, pebble.trustPem);
    return world;
  }

  get pebble(): Pebble {
    return this.#pebble;
  }

  /** URL of the CA's directory, through the gate. */
  get directory(): string {
    return `https://localhost:${this.gate.port}/dir`;
  }

  /** YAML text of the entry of `acme.issuers` that means this CA, with more of its keys. */
  issuer(more = ""): string {
    return `{ directory: "${this.directory}", trust: ${this.#trust}${more && `, ${more}`} }`;
  }

  /** Starts the program; the caller ends it. */
  start(
    config: string,
    options: { storage?: string; http?: boolean; env?: Readonly<Record<string, string>> } = {},
  ): Promise<Latchkey> {
    const { http = true, ...rest } = options;
    const plain = http ? `["127.0.0.1:${this.#httpPort}"]` : "[]";
    const listen = `listen: { https: ["127.0.0.1:${this.httpsPort}"], http: ${plain} }`;
    return Latchkey.start({ config, listen, ...rest });
  }

  /** Another CA under the same address, one that knows nothing of what was; a program that starts trusts it. */
  async replaceCa(): Promise<void> {
    await this.#pebble.close();
    const ports = { https: this.httpsPort, http: this.#httpPort };
    this.#pebble = await startPebble(await pebbleOptions(this.#options, ports));
    await writeFile(this.#trust, this.#pebble.trustPem);
    this.gate.open(portOf(this.#pebble));
  }

  /** What the CA has had to do so far. */
  get asked(): { readonly accounts: number; readonly orders: number; readonly issued: number } {
    const output = this.#pebble.output();
    const count = (pattern: RegExp) => output.match(pattern)?.length ?? 0;
    return {
      accounts: count(/There are now \d+ accounts in memory/g),
      orders: count(/Added order "/g),
      issued: count(/Issued certificate serial /g),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.gate[Symbol.asyncDispose]();
    await this.#pebble.close();
    await rm(this.folder, { recursive: true, force: true });
  }

  get #trust(): string {
    return join(this.folder, "trust.pem");
  }
}

/** The row of a host, as soon as no order for it is under way. */
export async function settledRow(latchkey: Latchkey, host: string): Promise<CertificateRecord> {
  const signal = AbortSignal.timeout(SETTLE_TIMEOUT_MS);
  for (;;) {
    const { hosts } = await latchkey.status();
    const row = hosts.find((each) => each.host === host);
    if (row === undefined) throw new Error(`No row for ${host} in ${JSON.stringify(hosts)}`);
    if (!["waiting", "issuing", "renewing"].includes(row.state)) return row;
    await delay(ASK_EVERY_MS, undefined, { signal });
  }
}

async function pebbleOptions(
  { looksElsewhere = false, ...options }: CaWorldOptions,
  ports: { readonly https: number; readonly http: number },
): Promise<PebbleOptions> {
  const httpPort = looksElsewhere ? await freePort() : ports.http;
  return { ...options, httpPort, tlsPort: ports.https };
}

function portOf({ directory }: Pebble): number {
  return Number(new URL(directory).port);
}

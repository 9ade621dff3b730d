import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { createHttpsTransport, type HttpsTransport } from "../../src/acme/transport.ts";
import { makeAuthority, makeCertificate } from "./certificates.ts";
import { freePort } from "./free-port.ts";

export interface PebbleOptions {
  /** Where Pebble looks for http-01 answers, on 127.0.0.1. */
  readonly httpPort: number;
  /** Where Pebble looks for tls-alpn-01 answers, on 127.0.0.1. */
  readonly tlsPort: number;
  /** Good nonces refused, in percent; none unless given. */
  readonly nonceReject?: number;
  /** Valid authorizations used again, in percent; none unless given. */
  readonly authzReuse?: number;
  /** Life of what it issues under its only profile, `default`; 90 days unless given. */
  readonly validitySeconds?: number;
  /** In place of the only profile: each name and its life. Pebble picks one for orders that name none. */
  readonly profiles?: Readonly<Record<string, number>>;
  /** What Pebble asks clients to wait, in seconds, between two looks; 0 unless given. */
  readonly retryAfterSeconds?: number;
  /** Keys (base64url) by their name; no account is made without one of them. */
  readonly bindings?: Readonly<Record<string, string>>;
  /** Other chains of each certificate, each to a root of its own; none unless given. */
  readonly alternateRoots?: number;
  /** `address:port` of another name server that Pebble asks, in place of its own. */
  readonly asks?: string;
  /** Names refused as `rejectedIdentifier`. */
  readonly blocked?: readonly string[];
}

/** A Pebble of one test, with a name server of its own that leads every name to 127.0.0.1. */
export interface Pebble extends AsyncDisposable {
  /** URL of its directory. */
  readonly directory: string;
  /** PEM of the root that its own TLS is trusted by. */
  readonly trustPem: string;
  /**
   * PEM of the root of the certificates that it issues; a new one at every start.
   *
   * @param alternate The root of the nth other chain.
   */
  roots(alternate?: number): Promise<string>;
  /** What it knows of a certificate by its serial, as hexadecimal: JSON text. */
  certificateStatus(serial: string): Promise<string>;
  /** What it answers, word for word, when the renewal window of this certificate is asked for. */
  setRenewalInfo(leafPem: string, answer: string): Promise<void>;
  /** `127.0.0.1:port` of the name server that it asks. */
  readonly nameServer: string;
  /** URL that tells that name server something, for programs. */
  readonly dnsApi: string;
  /** Tells that name server something: `say("set-servfail", { host: "a.example." })`; names end with a dot. */
  say(command: string, body: object): Promise<void>;
  /** All that both programs said so far; until they are closed. */
  output(): string;
  /** Ends both processes and removes their files. */
  close(): Promise<void>;
}

/** Both start within a second on an idle machine. */
const START_TIMEOUT_MS = 20_000;
/** Between two tries to reach a process that is starting. */
const TRY_EVERY_MS = 25;
/** Another program may take a port between our finding it free and Pebble's listening on it. */
const STARTS_MAX = 3;
const LIFE_SECONDS = 90 * 86_400;

/** Starts Pebble and resolves when it answers. Both programs must be on the PATH. */
export async function startPebble(options: PebbleOptions): Promise<Pebble> {
  for (let start = 1; ; start += 1) {
    try {
      return await startOnce(options);
    } catch (error) {
      if (start === STARTS_MAX || !(error instanceof EndedEarly)) throw error;
    }
  }
}

class EndedEarly extends Error {}

async function startOnce(options: PebbleOptions): Promise<Pebble> {
  const ports = {
    acme: await freePort(),
    management: await freePort(),
    dns: await freePort(),
    dnsManagement: await freePort(),
  };
  const folder = mkdtempSync(join(tmpdir(), "latchkey-pebble-"));
  const authority = makeAuthority({ name: "Pebble's own root" });
  const logFile = join(folder, "output.log");
  writeConfig(folder, options, ports, authority);
  const children = startPrograms(folder, logFile, options, ports);
  const transport = createHttpsTransport({ ...TRANSPORT, trust: authority.certificate });
  const output = () => readFileSync(logFile, "utf8");
  const close = async () => {
    transport.close();
    await Promise.all(children.map(end));
    rmSync(folder, { recursive: true, force: true });
  };
  const directory = `https://localhost:${ports.acme}/dir`;
  const management = `https://localhost:${ports.management}`;
  try {
    await Promise.all(
      [directory, `${management}/roots/0`].map((url) => answers(transport, url, children)),
    );
  } catch (error) {
    const said = output();
    await close();
    if (!(error instanceof EndedEarly)) throw error;
    throw new EndedEarly(`${error.message}; its output: ${said}`, { cause: error });
  }
  return {
    directory,
    trustPem: authority.certificate,
    roots: (alternate = 0) => ask(transport, `${management}/roots/${alternate}`),
    certificateStatus: (serial) => ask(transport, `${management}/cert-status-by-serial/${serial}`),
    setRenewalInfo: async (certificate, ariResponse) => {
      const body = JSON.stringify({ certificate, ariResponse });
      await ask(transport, `${management}/set-renewal-info/`, body);
    },
    nameServer: `127.0.0.1:${ports.dns}`,
    dnsApi: `http://127.0.0.1:${ports.dnsManagement}`,
    say: async (command, body) => {
      const url = `http://127.0.0.1:${ports.dnsManagement}/${command}`;
      const answer = await fetch(url, { method: "POST", body: JSON.stringify(body) });
      if (!answer.ok) throw new Error(`Cannot ${command}: status ${answer.status}`);
    },
    output,
    close,
    [Symbol.asyncDispose]: close,
  };
}

const TRANSPORT = {
  userAgent: "latchkey-test",
  connectTimeoutMs: 5_000,
  headersTimeoutMs: 5_000,
  totalTimeoutMs: 5_000,
  answerMaxBytes: 262_144,
};

interface Ports {
  readonly acme: number;
  readonly management: number;
  readonly dns: number;
  readonly dnsManagement: number;
}

function writeConfig(
  folder: string,
  options: PebbleOptions,
  ports: Ports,
  issuer: ReturnType<typeof makeAuthority>,
): void {
  const own = makeCertificate({ names: ["localhost"], issuer });
  writeFileSync(join(folder, "cert.pem"), own.chain);
  writeFileSync(join(folder, "key.pem"), own.key);
  const profiles = options.profiles ?? { default: options.validitySeconds ?? LIFE_SECONDS };
  const wait = options.retryAfterSeconds ?? 0;
  const pebble = {
    listenAddress: `127.0.0.1:${ports.acme}`,
    managementListenAddress: `127.0.0.1:${ports.management}`,
    certificate: join(folder, "cert.pem"),
    privateKey: join(folder, "key.pem"),
    httpPort: options.httpPort,
    tlsPort: options.tlsPort,
    ocspResponderURL: "",
    externalAccountBindingRequired: options.bindings !== undefined,
    externalAccountMACKeys: options.bindings ?? {},
    domainBlocklist: options.blocked ?? [],
    retryAfter: { authz: wait, order: wait },
    profiles: Object.fromEntries(
      Object.entries(profiles).map(([name, validityPeriod]) => [
        name,
        { description: `${validityPeriod} s`, validityPeriod },
      ]),
    ),
  };
  writeFileSync(join(folder, "pebble.json"), JSON.stringify({ pebble }));
}

function startPrograms(
  folder: string,
  logFile: string,
  { nonceReject = 0, authzReuse = 0, alternateRoots = 0, asks }: PebbleOptions,
  ports: Ports,
): readonly ChildProcess[] {
  const dns = `127.0.0.1:${ports.dns}`;
  const log = openSync(logFile, "a");
  const start = (program: string, args: readonly string[], env: NodeJS.ProcessEnv = {}) =>
    spawn(program, args, {
      cwd: folder,
      stdio: ["ignore", log, log],
      env: { ...process.env, ...env },
    });
  const children = [
    start("pebble-challtestsrv", [
      ...["-http01", "", "-https01", "", "-tlsalpn01", "", "-doh", ""],
      ...["-dnsserver", dns, "-management", `127.0.0.1:${ports.dnsManagement}`],
      ...["-defaultIPv4", "127.0.0.1", "-defaultIPv6", ""],
    ]),
    start(
      "pebble",
      ["-config", join(folder, "pebble.json"), "-strict=true", "-dnsserver", asks ?? dns],
      {
        PEBBLE_VA_NOSLEEP: "1",
        PEBBLE_WFE_NONCEREJECT: String(nonceReject),
        PEBBLE_AUTHZREUSE: String(authzReuse),
        PEBBLE_ALTERNATE_ROOTS: String(alternateRoots),
      },
    ),
  ];
  closeSync(log);
  for (const child of children) endWithUs(child);
  return children;
}

/** Whatever ends this process, an unhandled error included, ends the child. */
function endWithUs(child: ChildProcess): void {
  const kill = () => child.kill("SIGKILL");
  process.once("exit", kill);
  child.once("exit", () => process.off("exit", kill));
  child.on("error", () => {
    // Not to be started: `answers` sees that it has no process id.
  });
}

async function end(child: ChildProcess): Promise<void> {
  if (hasEnded(child)) return;
  const ended = once(child, "exit");
  child.kill("SIGKILL");
  await ended;
}

function hasEnded(child: ChildProcess): boolean {
  return child.pid === undefined || child.exitCode !== null || child.signalCode !== null;
}

/** Resolves when the URL answers while both programs run. */
async function answers(
  transport: HttpsTransport,
  url: string,
  children: readonly ChildProcess[],
): Promise<void> {
  const signal = AbortSignal.timeout(START_TIMEOUT_MS);
  for (;;) {
    const ended = children.find(hasEnded);
    if (ended !== undefined) throw new EndedEarly(`${ended.spawnfile} is not running`);
    try {
      await transport.request({ method: "GET", url, headers: {}, body: undefined }, signal);
      return;
    } catch {
      await delay(TRY_EVERY_MS, undefined, { signal });
    }
  }
}

async function ask(transport: HttpsTransport, url: string, body?: string): Promise<string> {
  const method = body === undefined ? "GET" : "POST";
  const signal = AbortSignal.timeout(START_TIMEOUT_MS);
  const answer = await transport.request({ method, url, headers: {}, body }, signal);
  if (answer.status === 200) return answer.body;
  throw new Error(`Cannot ask Pebble for ${url}: status ${answer.status}: ${answer.body}`);
}

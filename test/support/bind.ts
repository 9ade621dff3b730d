import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { Resolver } from "../../src/dns/resolver.ts";
import { freePort } from "./free-port.ts";

export interface BindOptions {
  /** Each with an SOA, one name server for each address, and whatever else stands here, as a zone file says it. */
  readonly zones: Readonly<Record<string, string>>;
  /** A second server of the same zones, which takes them over only when it is told to. */
  readonly withSecondary?: boolean;
}

/** A real BIND with zones of its own on a free port of 127.0.0.1, and maybe its secondary on another. */
export interface Bind extends AsyncDisposable {
  /** `127.0.0.1:port` of the primary. */
  readonly address: string;
  /** The same of the secondary; empty without one. */
  readonly secondary: string;
  /** Base64 of the key `latchkey` (hmac-sha256), which may change TXT records and nothing else. */
  readonly secret: string;
  /** The values at a name, as a server has them now. */
  txt(name: string, address?: string): Promise<readonly string[]>;
  /** Starts the secondary again: it takes over what the primary has. */
  refreshSecondary(): Promise<void>;
}

export const BIND_KEYS = {
  latchkey: { algorithm: "hmac-sha256", secret: Buffer.alloc(32, "latchkey").toString("base64") },
  wide: { algorithm: "hmac-sha512", secret: Buffer.alloc(64, "wide").toString("base64") },
  guest: { algorithm: "hmac-sha256", secret: Buffer.alloc(32, "guest").toString("base64") },
} as const;

const HOST = "127.0.0.1";
/** Another program may take the port between our finding it free and BIND's listening on it. */
const STARTS_MAX = 3;
const unending = new AbortController().signal;

/** Starts it and resolves when it answers. `named` must be on the PATH or in /usr/sbin. */
export async function startBind(options: BindOptions): Promise<Bind> {
  for (let start = 1; ; start += 1) {
    try {
      return await startOnce(options);
    } catch (error) {
      if (start === STARTS_MAX) throw error;
    }
  }
}

/** One of the two programs. */
interface Server {
  readonly role: "primary" | "secondary";
  readonly port: number;
}

async function startOnce({ zones, withSecondary = false }: BindOptions): Promise<Bind> {
  const folder = mkdtempSync(join(tmpdir(), "latchkey-bind-"));
  const primary: Server = { role: "primary", port: await freePort() };
  const secondary: Server = { role: "secondary", port: await freePort() };
  const children = new Map<Server, ChildProcess>();
  const start = async (server: Server) =>
    children.set(server, await startNamed(join(folder, `${server.role}.conf`), server));
  const close = async () => {
    await Promise.all([...children.values()].map(end));
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    for (const [zone, records] of Object.entries(zones))
      writeFileSync(join(folder, `primary-${zone}`), zoneFile(records));
    for (const server of withSecondary ? [primary, secondary] : [primary]) {
      const text = configOf(folder, server, primary.port, Object.keys(zones));
      writeFileSync(join(folder, `${server.role}.conf`), text);
      await start(server);
    }
  } catch (error) {
    await close();
    throw error;
  }
  const address = `${HOST}:${primary.port}`;
  return {
    address,
    secondary: withSecondary ? `${HOST}:${secondary.port}` : "",
    secret: BIND_KEYS.latchkey.secret,
    txt: async (name, server = address) => {
      const servers = [server];
      const found = await new Resolver({ servers, timeoutMs: 5_000, tries: 2 }).txt(name, unending);
      if (found.kind === "failed") throw new Error(`Cannot look at ${name}: ${found.detail}`);
      return found.kind === "found" ? found.records : [];
    },
    refreshSecondary: async () => {
      const running = children.get(secondary);
      if (running !== undefined) await end(running);
      for (const zone of Object.keys(zones))
        rmSync(join(folder, `secondary-${zone}`), { force: true });
      await start(secondary);
    },
    [Symbol.asyncDispose]: close,
  };
}

function zoneFile(records: string): string {
  return `$TTL 1\n@ SOA ns1 ops 1 3600 3600 3600 1\n@ NS ns1\nns1 A ${HOST}\n${records}\n`;
}

function configOf(
  folder: string,
  { role, port }: Server,
  primaryPort: number,
  zones: readonly string[],
): string {
  const keys = Object.entries(BIND_KEYS).map(
    ([name, { algorithm, secret }]) =>
      `key ${name} { algorithm ${algorithm}; secret "${secret}"; };`,
  );
  const own =
    role === "primary"
      ? `notify no; allow-transfer { any; };
         update-policy { grant latchkey zonesub TXT; grant wide zonesub TXT; };`
      : `primaries { ${HOST} port ${primaryPort}; };`;
  return `options {
  directory "${folder}"; pid-file none; session-keyfile none; lock-file none;
  listen-on port ${port} { ${HOST}; }; listen-on-v6 { none; };
  recursion no; dnssec-validation no; minimal-responses yes;
};
controls {};
statistics-channels {};
${keys.join("\n")}
${zones.map((zone) => `zone "${zone}" { type ${role}; file "${role}-${zone}"; ${own} };`).join("\n")}
`;
}

/** Resolves when it says that it runs, as a secondary that it has its zones. */
async function startNamed(config: string, { role }: Server): Promise<ChildProcess> {
  const child = spawn("named", ["-g", "-n", "1", "-c", config], {
    env: { ...process.env, PATH: `${process.env["PATH"]}:/usr/sbin` },
    stdio: ["ignore", "ignore", "pipe"],
  });
  const kill = () => child.kill("SIGKILL");
  process.once("exit", kill);
  child.once("exit", () => process.off("exit", kill));
  const said: string[] = [];
  const wanted = role === "primary" ? / running$/ : /Transfer status: success/;
  for await (const line of createInterface({ input: child.stderr })) {
    said.push(line);
    if (!wanted.test(line)) continue;
    child.stderr.resume();
    return child;
  }
  throw new Error(`named ended: ${said.join("\n")}`);
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, "exit");
  child.kill("SIGKILL");
  await ended;
}

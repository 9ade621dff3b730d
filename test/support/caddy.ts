import { type ChildProcess, spawn } from "node:child_process";
import { lookup } from "node:dns/promises";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

/**
 * A Caddy that is a CA, with a root of its own. It validates on ports 80 and 443 of the addresses that the
 * system knows, and its certificates live for 12 hours: the `lifetime` of `acme_server` is newer than Debian's.
 */
export interface Caddy extends AsyncDisposable {
  /** URL of its ACME directory. */
  readonly directory: string;
  /** File of the root that both its own TLS and what it issues are trusted by. */
  readonly rootFile: string;
  /** The same as PEM. */
  readonly root: string;
  /** Where storages may stand that outlive a run of the program. */
  readonly folder: string;
  /** Accounts and orders made, and certificates issued, so far. */
  readonly asked: { readonly accounts: number; readonly orders: number; readonly issued: number };
}

/** What it says on standard error, as far as we look. */
interface Line {
  readonly msg: string;
  readonly status?: number;
  readonly request?: { readonly uri: string };
}

/** It starts within a second on an idle machine. */
const START_TIMEOUT_MS = 20_000;
/** Nobody else is in the network that the suite runs in. */
const PORT = 14_000;
/** `log` tells each request, which is how we count what it was asked. */
const CONFIG = `{
  admin off
  skip_install_trust
  auto_https disable_redirects
  https_port ${PORT}
}
https://localhost:${PORT} {
  bind 127.0.0.1
  log
  tls internal
  acme_server
}
`;

/**
 * Starts it, and resolves when it answers.
 *
 * @throws outside of the suite's own network: names would be looked for in the Internet.
 */
export async function startCaddy(): Promise<Caddy> {
  const { address } = await lookup("shop.example").catch(() => ({ address: "nowhere" }));
  if (address !== "127.0.0.1")
    throw new Error(`Cannot run in this network (${address}): use npm run test:caddy`);
  const folder = mkdtempSync(join(tmpdir(), "latchkey-caddy-"));
  const said: Line[] = [];
  const child = spawnCaddy(folder);
  const close = async () => {
    await end(child);
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    await ready(child, said);
  } catch (error) {
    await close();
    throw error;
  }
  const rootFile = join(folder, "caddy/pki/authorities/local/root.crt");
  return {
    directory: `https://localhost:${PORT}/acme/local/directory`,
    rootFile,
    root: readFileSync(rootFile, "utf8"),
    folder,
    get asked() {
      const count = (resource: RegExp, status: number) =>
        said.filter((line) => answered(line, resource, status)).length;
      return {
        accounts: count(/\/new-account$/, 201),
        orders: count(/\/new-order$/, 201),
        issued: count(/\/finalize$/, 200),
      };
    },
    [Symbol.asyncDispose]: close,
  };
}

function spawnCaddy(folder: string): ChildProcess {
  const file = join(folder, "Caddyfile");
  writeFileSync(file, CONFIG);
  const child = spawn("caddy", ["run", "--config", file, "--adapter", "caddyfile"], {
    env: { ...process.env, HOME: folder, XDG_DATA_HOME: folder, XDG_CONFIG_HOME: folder },
    stdio: ["ignore", "ignore", "pipe"],
  });
  const kill = () => child.kill("SIGKILL");
  process.once("exit", kill);
  child.once("exit", () => process.off("exit", kill));
  return child;
}

/** Resolves when it has the certificate of its own site, which is the last thing that it does at the start. */
async function ready(child: ChildProcess, said: Line[]): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  child.once("error", reject); // not to be started
  child.once("exit", () =>
    reject(new Error(`caddy ended: ${said.map(({ msg }) => msg).join("; ")}`)),
  );
  const timer = setTimeout(() => reject(new Error("caddy does not get ready")), START_TIMEOUT_MS);
  createInterface({ input: child.stderr ?? process.stdin }).on("line", (text) => {
    const line = lineOf(text);
    said.push(line);
    if (line.msg === "certificate obtained successfully") resolve();
  });
  try {
    await promise;
  } finally {
    clearTimeout(timer);
  }
}

/** What ends it at the start is no JSON. */
function lineOf(text: string): Line {
  return text.startsWith("{") ? JSON.parse(text) : { msg: text };
}

/** Is it the answer to a request for this resource? */
function answered({ msg, status, request }: Line, resource: RegExp, wanted: number): boolean {
  return msg === "handled request" && status === wanted && resource.test(request?.uri ?? "");
}

async function end(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, "exit");
  child.kill("SIGKILL");
  await ended;
}

import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { LatchkeyError } from "../base/errors.ts";
import type { Config, Host, ListenAddress } from "../config/config.ts";
import type { Action, Backend, PathEntry } from "../config/destination.ts";
import { supervise } from "../supervisor.ts";
import { readConfiguration } from "./configuration.ts";

export interface DemoOptions {
  readonly config?: string;
  readonly https?: number;
  readonly http?: number;
}

/** The demo's own file, wherever the command is typed. */
const DEMO_FILE = fileURLToPath(new URL("../../config/latchkey.yaml", import.meta.url));
const SERVICES_FILE = fileURLToPath(new URL("demo-services.ts", import.meta.url));
const SERVICES_TIMEOUT_MS = 10_000;

/**
 * `latchkey demo`: the whole program on one machine with nothing else: three services of our own
 * behind it, certificates of a few minutes by the internal authority, the log as it happens.
 */
export async function demo(options: DemoOptions): Promise<number> {
  const file = await readConfiguration(options.config ?? DEMO_FILE, process.env);
  const wanted = [...new Set(file.hosts.flatMap(portsOf))].sort((a, b) => a - b);
  const services = await startServices(wanted);
  const moved = new Map(wanted.map((port, index) => [port, services.ports[index] ?? port]));
  const config = demoConfig(file, options, moved);
  try {
    return await supervise({
      config,
      reload: async () => ({ config, remarks: [] }),
      onReady: (ports) => process.stdout.write(introduction(config, ports)),
    });
  } finally {
    services.process.disconnect();
  }
}

/** What to try, with this machine's paths and ports filled in. */
function introduction(
  config: Config,
  { https, http }: { readonly https: number; readonly http: number },
): string {
  const root = join(config.storage, "authority", "root.pem");
  const hosts = config.hosts.flatMap(({ pattern }) =>
    pattern.kind === "exact" ? [pattern.host] : [],
  );
  const onDemand = config.hosts.flatMap(({ certificate }) =>
    certificate.kind === "acme" ? (certificate.onDemand?.allow ?? []) : [],
  );
  const curl = (host: string) =>
    `  curl --cacert ${root} --resolve ${host}:${https}:127.0.0.1 https://${host}:${https}/`;
  return [
    "",
    "Latchkey is running: one front door, three services behind it. Try, in another terminal:",
    ...hosts.map(curl),
    "",
    "A name that gets its certificate at the first visit, because the configuration allows it:",
    ...onDemand.slice(0, 1).map(curl),
    "",
    "An unknown name gets an alert and no certificate; port 80 redirects:",
    `  openssl s_client -connect 127.0.0.1:${https} -servername nobody.example </dev/null`,
    `  curl -i --resolve ${hosts[0]}:${http}:127.0.0.1 http://${hosts[0]}:${http}/`,
    "",
    `Certificates live for ${Math.round(config.authority.lifetimeMs / 60_000)} minutes here: watch them renew below. Ctrl-C ends it.`,
    "",
    "",
  ].join("\n");
}

function demoConfig(
  file: Config,
  { https, http }: DemoOptions,
  moved: ReadonlyMap<number, number>,
): Config {
  const httpsAddresses = https === undefined ? file.listen.https : [onLoopback(https)];
  const httpAddresses = http === undefined ? file.listen.http : [onLoopback(http)];
  const publicHttpsPort = https === undefined ? file.listen.publicHttpsPort : undefined;
  const listen = { ...file.listen, https: httpsAddresses, http: httpAddresses, publicHttpsPort };
  const hosts = file.hosts.map(
    (host): Host => ({ ...host, action: moveAction(host.action, moved) }),
  );
  return { ...file, listen, hosts, log: { ...file.log, format: "pretty" } };
}

function onLoopback(port: number): ListenAddress {
  return { kind: "tcp", host: "127.0.0.1", port };
}

function moveAction(action: Action, moved: ReadonlyMap<number, number>): Action {
  if (action.kind !== "forward") return action;
  const paths = action.paths.map(
    (path): PathEntry =>
      path.answer === undefined
        ? { ...path, backends: path.backends.map((each) => moveBackend(each, moved)) }
        : path,
  );
  return { ...action, paths };
}

function moveBackend(backend: Backend, moved: ReadonlyMap<number, number>): Backend {
  if (backend.kind === "unix") return backend;
  const { address } = backend;
  return { ...backend, address: { ...address, port: moved.get(address.port) ?? address.port } };
}

function portsOf({ action }: Host): number[] {
  if (action.kind !== "forward") return [];
  return action.paths.flatMap((path) =>
    (path.answer === undefined ? path.backends : []).flatMap((backend) =>
      backend.kind === "unix" ? [] : [backend.address.port],
    ),
  );
}

/** Starts the services in their own process; they end when it is disconnected. */
async function startServices(
  wanted: readonly number[],
): Promise<{ process: ChildProcess; ports: readonly number[] }> {
  const child = spawn(
    process.execPath,
    ["--disable-sigusr1", SERVICES_FILE, ...wanted.map(String)],
    {
      stdio: ["ignore", "inherit", "inherit", "ipc"],
    },
  );
  const { promise, resolve, reject } = Promise.withResolvers<readonly number[]>();
  const fail = (why: string) =>
    reject(new LatchkeyError("PROCESS_UNREACHABLE", `Cannot start the demo's services: ${why}`));
  const timer = setTimeout(() => fail("they do not answer"), SERVICES_TIMEOUT_MS);
  child.once("error", (error) => fail(error.message));
  child.once("exit", () => fail("they ended"));
  child.once("message", (ports) =>
    Array.isArray(ports) ? resolve(ports.map(Number)) : fail("they make no sense"),
  );
  try {
    return { process: child, ports: await promise };
  } catch (error) {
    child.kill("SIGKILL");
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

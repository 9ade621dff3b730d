import { createHash } from "node:crypto";
import { mkdir } from "node:fs/promises";
import { availableParallelism, homedir } from "node:os";
import { isAbsolute, join, resolve } from "node:path";
import { askStatus } from "../admin/client.ts";
import { systemClock } from "../base/clock.ts";
import { codeOf, LatchkeyError, messageOf } from "../base/errors.ts";
import type { Config, HostPattern } from "../config/config.ts";
import { type Fault, formatFault, formatPath, oneLine } from "../config/faults.ts";
import { diskFiles } from "../config/files.ts";
import { formatPattern, readHostPattern } from "../config/host-pattern.ts";
import { isInternalName } from "../config/issuers.ts";
import { parseConfig } from "../config/load.ts";
import type { Reading } from "../config/reading.ts";
import { writeFileAtomically } from "../storage/atomic-write.ts";
import { lookAtStorage } from "../storage/look.ts";
import { EXIT } from "./exit.ts";
import { run } from "./run.ts";

export interface ProxyOptions {
  /** Certify by the internal authority, whatever the name. */
  readonly internal?: boolean;
  readonly https?: number;
  readonly http?: number;
}

/** With it the path of the admin socket, of at most 107 bytes, has room for every usual place. */
const FOLDER_MAX_CHARACTERS = 40;

/**
 * `latchkey proxy`: as `run`, for one host, without a file of the user's. The one that it stands for is written beside
 * its storage, in a folder of the host's own, so that every other command can be given it. While one runs for the
 * host, another changes nothing and fails.
 *
 * @returns The exit code of `run`; 1 also when it runs already, 2 when the words are wrong.
 * @throws {LatchkeyError} As `run`.
 */
export async function proxy(host: string, backend: string, options: ProxyOptions): Promise<number> {
  const pattern = readHostPattern(host);
  const name = pattern.ok ? formatPattern(pattern.value) : host;
  const folder = join(stateFolder(process.env), "latchkey-proxy", folderName(name));
  const file = join(folder, "latchkey.yaml");
  const text = configText(name, backend, { ...options, permit: permitOf(pattern, options) });
  const surroundings = { file, files: diskFiles, cores: availableParallelism() };
  const loaded = parseConfig(text, { ...surroundings, environment: process.env });
  if (!loaded.ok) {
    for (const line of new Set(loaded.faults.map((fault) => describe(fault, name)))) tell(line);
    return EXIT.usage;
  }
  const running = await runningAlready(loaded.config);
  if (running !== undefined) {
    tell(
      `latchkey: proxy ${name} is running already as process ${running}; stop it first, or change ${file} and give \`latchkey reload --config ${file}\``,
    );
    return EXIT.failed;
  }
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await writeFileAtomically(file, text);
  } catch (error) {
    tell(`latchkey: Cannot keep what is needed in ${folder}: ${messageOf(error)}`);
    return EXIT.failed;
  }
  tell(`latchkey: other commands find this program by --config ${file}`);
  return await runAtFreePorts(file);
}

function tell(line: string): void {
  process.stderr.write(`${line}\n`);
}

/** The folder of a host; a long name is cut, and told from others by its digest. */
function folderName(host: string): string {
  const name = encodeURIComponent(host);
  if (name.length <= FOLDER_MAX_CHARACTERS) return name;
  return `${name.slice(0, 20)}-${createHash("sha256").update(host).digest("hex").slice(0, 16)}`;
}

/** A fault in the user's own words: the place in a file that nobody wrote helps nobody. */
function describe(fault: Fault, host: string): string {
  if (!fault.path.startsWith("hosts")) return formatFault(fault);
  if (fault.path.startsWith(formatPath(["hosts", host, "to"])))
    return oneLine(`latchkey: BACKEND: ${fault.message}`);
  const message = fault.message.replace(/set `issuer: internal` .*$/, "wanted --internal");
  return oneLine(`latchkey: HOST: ${message}`);
}

/** The process that runs with this storage for certain, to be stopped by its id. */
async function runningAlready({ storage, listen }: Config): Promise<number | undefined> {
  const look = { tryWriting: false, now: systemClock.now() };
  const { folder } = await lookAtStorage(storage, look);
  const holder = folder.kind === "there" ? folder.holder : undefined;
  if (holder?.isAlive !== true) return undefined; // `run` watches one that may be dead
  // A process of the program holds the lease: the program itself is the one to stop.
  return await askStatus(listen.admin).then(
    ({ pid }) => pid,
    () => holder.pid,
  );
}

async function runAtFreePorts(file: string): Promise<number> {
  try {
    return await run(file);
  } catch (error) {
    if (codeOf(error) !== "LISTEN_FAILED") throw error;
    const remedy = "--https PORT and --http PORT choose other ports";
    throw new LatchkeyError("LISTEN_FAILED", `${messageOf(error)}; ${remedy}`);
  }
}

/** What the internal authority has to be told to certify, besides its own suffixes. */
function permitOf(
  pattern: Reading<HostPattern>,
  { internal = false }: ProxyOptions,
): string | undefined {
  if (!internal || !pattern.ok || pattern.value.kind === "catch-all") return undefined;
  const suffix = pattern.value.kind === "exact" ? pattern.value.host : pattern.value.parent;
  return isInternalName(suffix) ? undefined : suffix;
}

/** The file that the words stand for. */
function configText(
  host: string,
  backend: string,
  { internal = false, https, http, permit }: ProxyOptions & { readonly permit: string | undefined },
): string {
  const entry = { to: target(backend), ...(internal && { issuer: "internal" }) };
  return [
    "# Written by `latchkey proxy`, anew each time.",
    "storage: storage",
    `listen: ${JSON.stringify({ ...listener("https", https), ...listener("http", http) })}`,
    ...(permit === undefined ? [] : [`authority: ${JSON.stringify({ permit: [permit] })}`]),
    `hosts: ${JSON.stringify({ [host]: entry })}`,
    "",
  ].join("\n");
}

function listener(kind: "https" | "http", port: number | undefined): object {
  return port === undefined ? {} : { [kind]: [`:${port}`] };
}

/** Paths are relative to where the command is typed. */
function target(backend: string): string | number {
  if (/^\d+$/.test(backend)) return Number(backend);
  const path = /^unix:(?!\/)(.+)$/.exec(backend)?.[1];
  return path === undefined ? backend : `unix:${resolve(path)}`;
}

/** Where what programs keep between runs belongs (XDG Base Directory), or of the whole machine (FHS). */
function stateFolder({ XDG_STATE_HOME: state = "" }: NodeJS.ProcessEnv): string {
  if (isAbsolute(state)) return state;
  return process.getuid?.() === 0 ? "/var/lib" : join(homedir(), ".local/state");
}

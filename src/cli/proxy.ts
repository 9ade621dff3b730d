import { mkdir } from "node:fs/promises";
import { availableParallelism, homedir } from "node:os";
import { isAbsolute, join, resolve } from "node:path";
import { messageOf } from "../base/errors.ts";
import { formatFault } from "../config/faults.ts";
import { diskFiles } from "../config/files.ts";
import { isInternalName } from "../config/issuers.ts";
import { parseConfig } from "../config/load.ts";
import { writeFileAtomically } from "../storage/atomic-write.ts";
import { EXIT } from "./exit.ts";
import { run } from "./run.ts";

export interface ProxyOptions {
  /** Certify by the internal authority, whatever the name. */
  readonly internal?: boolean;
  readonly https?: number;
  readonly http?: number;
}

/**
 * `latchkey proxy`: as `run`, for one host, without a file of the user's. The one that it stands for is written beside
 * its storage, so that every other command can be given it.
 */
export async function proxy(host: string, backend: string, options: ProxyOptions): Promise<number> {
  const folder = join(stateFolder(process.env), "latchkey-proxy");
  const file = join(folder, `${encodeURIComponent(host)}.yaml`);
  const text = configText(host, backend, options);
  const surroundings = { file, files: diskFiles, cores: availableParallelism() };
  const loaded = parseConfig(text, { ...surroundings, environment: process.env });
  if (!loaded.ok) {
    for (const fault of loaded.faults) process.stderr.write(`${formatFault(fault)}\n`);
    return EXIT.usage;
  }
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await writeFileAtomically(file, text);
  } catch (error) {
    process.stderr.write(
      `latchkey: Cannot keep what is needed in ${folder}: ${messageOf(error)}\n`,
    );
    return EXIT.failed;
  }
  process.stderr.write(`latchkey: other commands find this program by --config ${file}\n`);
  return await run(file);
}

/** The file that the words stand for. */
function configText(host: string, backend: string, options: ProxyOptions): string {
  const entry = { to: target(backend), ...(options.internal === true && { issuer: "internal" }) };
  const suffix = host.replace(/^\*\./, "");
  const isPermitted = options.internal !== true || isInternalName(suffix.toLowerCase());
  return [
    "# Written by `latchkey proxy`, anew each time.",
    "storage: storage",
    `listen: ${JSON.stringify({ ...listener("https", options.https), ...listener("http", options.http) })}`,
    ...(isPermitted ? [] : [`authority: ${JSON.stringify({ permit: [suffix] })}`]),
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

import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { lstatSync, readdirSync } from "node:fs";
import { glob, mkdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { constants, setPriority } from "node:os";
import { join, resolve } from "node:path";

/**
 * Where Node.js keeps the code of this program compiled (`module.enableCompileCache()`), so that a process
 * neither strips types nor compiles again: half of its start, and a third of its memory. Whoever may write
 * there decides what we run, hence only a folder counts that nobody else may write to. Children only read it.
 */
export interface CompiledCode {
  readonly folder: string;
  /** Nobody but this program keeps anything there. */
  readonly isOurs: boolean;
}

/** What every process of ours runs with, whatever the program was started with. Compiled code is good for the same flags only. */
export const NODE_FLAGS: readonly string[] = [
  "--disable-sigusr1",
  "--disable-proto=delete",
  "--unhandled-rejections=strict",
];

/** In place of an address: load everything, do nothing, end. */
export const LOAD_ONLY = "--load-only";

const SOURCE = resolve(import.meta.dirname, "..");
const PACKAGES = join(SOURCE, "../node_modules");
/** Holds a digest of what was compiled. */
const STAMP = "latchkey-compiled";
/** Longer than three processes take to load on a machine that is busy with other things. */
const COMPILE_MAX_MS = 60_000;

/** The folder that whoever starts us has chosen, else the one of ours beside the packages. `undefined`: none is wanted. */
export function compiledCodeOf(env: NodeJS.ProcessEnv): CompiledCode | undefined {
  if (env["NODE_DISABLE_COMPILE_CACHE"]) return undefined;
  const chosen = env["NODE_COMPILE_CACHE"];
  if (chosen) return { folder: resolve(chosen), isOurs: false };
  return { folder: join(PACKAGES, ".cache/latchkey"), isOurs: true };
}

/** The folder, when it is there and nobody but us and root may write to it and its folders. The launcher judges alike. */
export function trustedFolder({ folder }: CompiledCode): string | undefined {
  try {
    if (!isFolderOfOurs(folder)) return undefined;
    const inside = readdirSync(folder, { withFileTypes: true }).filter((each) => !each.isFile());
    return inside.every(({ name }) => isFolderOfOurs(join(folder, name))) ? folder : undefined;
  } catch {
    return undefined;
  }
}

function isFolderOfOurs(path: string): boolean {
  const found = lstatSync(path);
  const isOwned = found.uid === 0 || found.uid === process.geteuid?.();
  return found.isDirectory() && isOwned && (found.mode & 0o022) === 0;
}

/**
 * Compiles everything of this program, unless that is done already: loads what each kind of process loads,
 * in processes of low priority, one after the other.
 *
 * @returns `false`: the folder is good as it is.
 * @throws When the folder cannot be made, or somebody else may write to it.
 */
export async function compileAll(code: CompiledCode): Promise<boolean> {
  const { folder, isOurs } = code;
  const stamp = await stampOfSources();
  const known = await readFile(join(folder, STAMP), "utf8").catch(() => undefined);
  if (known === stamp) return false;
  if (isOurs && trustedFolder(code)) await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true, mode: 0o700 });
  if (trustedFolder(code) === undefined)
    throw new Error(`Cannot keep compiled code in ${folder}: others may write there`);
  const source = (file: string) => join(SOURCE, file);
  const imports = ["cli/run.ts", "cli/demo.ts"].flatMap((file) => ["--import", source(file)]);
  await load(folder, [...imports, source("main.ts"), "--version"]);
  await load(folder, [source("manager.ts"), LOAD_ONLY]);
  await load(folder, [source("worker.ts"), LOAD_ONLY]);
  await writeFile(join(folder, STAMP), stamp, { mode: 0o600 });
  return true;
}

/** What Node.js has compiled it writes when it ends. */
async function load(folder: string, args: readonly string[]): Promise<void> {
  const child = spawn(process.execPath, [...NODE_FLAGS, ...args], {
    env: { ...process.env, NODE_COMPILE_CACHE: folder },
    stdio: "ignore",
    timeout: COMPILE_MAX_MS,
  });
  if (child.pid !== undefined) setPriority(child.pid, constants.priority.PRIORITY_LOW);
  const endWithUs = () => child.kill();
  process.once("exit", endWithUs);
  const [code] = await once(child, "exit");
  process.off("exit", endWithUs);
  if (code !== 0) throw new Error(`Cannot compile ${args.at(-2)}: exit code ${code}`);
}

/** Changes with every change of a source file or of the packages: by their times and sizes, as make(1) sees it. */
async function stampOfSources(): Promise<string> {
  const digest = createHash("sha256").update(`${process.version} ${NODE_FLAGS}`);
  const lock = join(PACKAGES, ".package-lock.json");
  const files = [lock, ...(await Array.fromAsync(glob(`${SOURCE}/**/*.ts`))).sort()];
  for (const file of files) {
    const found = await stat(file).catch(() => undefined);
    digest.update(`${file} ${found?.size} ${found?.mtimeMs}\n`);
  }
  return digest.digest("hex");
}

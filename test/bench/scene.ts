import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { makeCertificate } from "../support/certificates.ts";

/** The one name of every contender: it resolves everywhere, without a line in the hosts file. */
export const HOST = "localhost";
/** Further names that each of them serves alike: nobody has only one. */
export const OTHER_HOSTS = Array.from({ length: 9 }, (_, index) => `h${index + 1}.${HOST}`);
/** Who is measured has one processor for itself; who loads, and the backend, share the other. */
const MEASURED_CORE = "0";
const OTHER_CORE = "1";

/** What all contenders share: a folder, a certificate, a backend. Ends every process that it started. */
export class Scene implements AsyncDisposable {
  readonly folder = mkdtempSync(join(tmpdir(), "latchkey-bench-"));
  readonly chain = join(this.folder, "chain.pem");
  readonly key = join(this.folder, "key.pem");
  /** Where files are. */
  filesPort = 0;
  /** Where uploads and WebSockets go. */
  sinkPort = 0;
  readonly #children: ChildProcess[] = [];

  static async open(): Promise<Scene> {
    const scene = new Scene();
    const { chain, key } = makeCertificate({ names: [HOST, ...OTHER_HOSTS] });
    writeFileSync(scene.chain, chain);
    writeFileSync(scene.key, key);
    await scene.#startBackend();
    return scene;
  }

  /** Starts a program that is measured: with one worker on a processor of its own. */
  start(
    workers: 1 | 2,
    program: string,
    args: readonly string[],
    env: Readonly<Record<string, string>> = {},
  ): ChildProcess {
    const cores = workers === 1 ? MEASURED_CORE : `${MEASURED_CORE},${OTHER_CORE}`;
    const child = spawn("taskset", ["-c", cores, program, ...args], {
      stdio: ["ignore", "ignore", "inherit"],
      env: { ...process.env, PATH: `${process.env["PATH"]}:/usr/sbin`, ...env },
    });
    this.#children.push(child);
    return child;
  }

  /** Ends one of them. */
  async end(pid: number): Promise<void> {
    const child = this.#children.find((each) => each.pid === pid);
    if (child !== undefined) await end(child);
  }

  path(name: string): string {
    return join(this.folder, name);
  }

  /** A folder of the scene. */
  makeFolder(name: string): string {
    mkdirSync(this.path(name), { recursive: true });
    return this.path(name);
  }

  /** A file of the scene with this text; its path. */
  write(name: string, text: string): string {
    writeFileSync(this.path(name), text);
    return this.path(name);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#children.map(end));
    rmSync(this.folder, { recursive: true, maxRetries: 5 });
  }

  async #startBackend(): Promise<void> {
    const file = join(import.meta.dirname, "backend.ts");
    const child = spawn("taskset", ["-c", OTHER_CORE, process.execPath, file], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    this.#children.push(child);
    const [line] = await once(child.stdout, "data");
    [this.filesPort = 0, this.sinkPort = 0] = `${line}`.split(" ").map(Number);
  }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill("SIGTERM");
  await once(child, "exit");
}

/** Runs a program that loads a contender, to its end; what it printed. */
export function runLoad(program: string, args: readonly string[]): string {
  const { stdout, stderr, status, error } = spawnSync(
    "taskset",
    ["-c", OTHER_CORE, program, ...args],
    { encoding: "utf8", maxBuffer: 1 << 28 },
  );
  if (error !== undefined || status !== 0)
    throw new Error(`Cannot load with ${program}: ${error?.message ?? stderr + stdout}`);
  return stdout;
}

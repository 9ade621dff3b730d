import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { askStatus } from "../../src/admin/client.ts";
import type { Snapshot } from "../../src/admin/snapshot.ts";

/** One line of the program's log. */
export type LogLine = Readonly<Record<string, unknown>> & { readonly event: string };

export interface LatchkeyOptions {
  /** Everything of the configuration but `listen` and `storage`, as YAML text. */
  readonly config: string;
  /** A storage folder that outlives this run; otherwise one of its own that goes with it. */
  readonly storage?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Descriptors that the program inherits, from 3 on. */
  readonly inherit?: readonly number[];
  /** How many descriptors each of its processes may have open. */
  readonly descriptors?: number;
  /** Where the program lies, in place of this checkout. */
  readonly home?: string;
  /** In place of ports of its own, YAML text of `listen:`. */
  readonly listen?: string;
}

/** Longer than anything here takes, also on a busy machine. */
const PATIENCE_MS = 60_000;

/** The real program, run as a user would run it, on loopback and free ports, with storage of its own. */
export class Latchkey {
  readonly process: ChildProcess;
  readonly folder: string;
  readonly storage: string;
  readonly lines: LogLine[] = [];
  stderr = "";
  httpsPort = 0;
  httpPort = 0;
  readonly #waiting = new Set<(line: LogLine | undefined) => void>();
  readonly #exited: Promise<number | string>;
  /** The end of every process that has its standard output: children too. */
  readonly #closed: Promise<unknown>;

  constructor(child: ChildProcess, folder: string, storage: string) {
    this.process = child;
    this.folder = folder;
    this.storage = storage;
    if (child.stdout === null || child.stderr === null) throw new Error("No output to read");
    endWithUs(child);
    createInterface({ input: child.stdout }).on("line", (text) => this.#receive(text));
    child.stderr.on("data", (chunk: Buffer) => {
      this.stderr += chunk.toString();
    });
    this.#closed = once(child, "close");
    this.#exited = new Promise((resolve) => {
      child.once("exit", (code, signal) => {
        resolve(code ?? signal ?? "gone");
        for (const wake of this.#waiting) wake(undefined);
      });
    });
  }

  /** Starts it and waits until it takes connections. */
  static async start(options: LatchkeyOptions): Promise<Latchkey> {
    const latchkey = await Latchkey.spawn(options);
    try {
      const started = await latchkey.event("process.started");
      latchkey.httpsPort = Number(started["https"]);
      latchkey.httpPort = Number(started["http"]);
      return latchkey;
    } catch (error) {
      await latchkey[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Starts it and waits for nothing. */
  static async spawn({
    config,
    storage,
    env,
    listen,
    descriptors,
    home,
    inherit = [],
  }: LatchkeyOptions): Promise<Latchkey> {
    const folder = await mkdtemp(join(tmpdir(), "latchkey-"));
    const file = join(folder, "latchkey.yaml");
    const store = storage ?? join(folder, "storage");
    const ports = listen ?? 'listen: { https: ["127.0.0.1:0"], http: ["127.0.0.1:0"] }';
    await writeFile(file, `${ports}\nstorage: ${store}\n${config}\n`);
    const bound = descriptors === undefined ? "" : `ulimit -n ${descriptors} && `;
    const command = `${bound}exec sh src/latchkey.sh run --config "$1"`;
    const child = spawn("sh", ["-c", command, "sh", file], {
      env: { ...process.env, ...env },
      cwd: home,
      stdio: ["ignore", "pipe", "pipe", ...inherit],
    });
    return new Latchkey(child, folder, store);
  }

  /** The configuration file, to be written again before a SIGHUP. */
  get file(): string {
    return join(this.folder, "latchkey.yaml");
  }

  /** Path of the internal authority's root. */
  get root(): string {
    return join(this.storage, "authority", "root.pem");
  }

  /** The first line of `event`, also one of before, that `matches`. */
  async event(event: string, matches: (line: LogLine) => boolean = () => true): Promise<LogLine> {
    const isIt = (line: LogLine) => line.event === event && matches(line);
    const known = this.lines.find(isIt);
    if (known !== undefined) return known;
    const { promise, resolve, reject } = Promise.withResolvers<LogLine>();
    const timer = setTimeout(
      () => reject(new Error(this.#report(`no ${event} came`))),
      PATIENCE_MS,
    );
    const look = (line: LogLine | undefined) => {
      if (line === undefined) reject(new Error(this.#report(`it ended before ${event}`)));
      else if (isIt(line)) resolve(line);
    };
    this.#waiting.add(look);
    try {
      return await promise;
    } finally {
      clearTimeout(timer);
      this.#waiting.delete(look);
    }
  }

  /** As {@link event}, but only lines that come from now on count. */
  async nextEvent(
    event: string,
    matches: (line: LogLine) => boolean = () => true,
  ): Promise<LogLine> {
    const seen = this.lines.length;
    return await this.event(event, (line) => this.lines.indexOf(line) >= seen && matches(line));
  }

  /** How many lines of this event there were. */
  count(event: string): number {
    return this.lines.filter((line) => line.event === event).length;
  }

  /** The answer of the admin socket. */
  status(): Promise<Snapshot> {
    return askStatus(join(this.storage, "admin.sock"));
  }

  /** Sends a signal and waits for the end; the exit code, or the signal that killed it. */
  async stop(signal: NodeJS.Signals = "SIGTERM"): Promise<number | string> {
    this.process.kill(signal);
    return await this.#exited;
  }

  /** Ends every process of it at once, as a machine that loses power does. */
  async kill(): Promise<void> {
    const pids = this.lines.flatMap(({ event, pid }) => (event === "process.ready" ? pid : []));
    this.process.kill("SIGKILL");
    for (const pid of pids) killQuietly(Number(pid));
    await this.#exited;
  }

  /** The exit code, or the signal that killed it. */
  get exited(): Promise<number | string> {
    return this.#exited;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.process.exitCode === null && this.process.signalCode === null) {
      // Children end with the supervisor; the workers' drain is not waited for.
      const { workers } = await this.status().catch(() => ({ workers: [] }));
      this.process.kill("SIGKILL");
      for (const { pid } of workers) killQuietly(pid);
      for (const pid of this.#managers()) killQuietly(pid);
    }
    await this.#exited;
    await this.#closed; // nobody writes into the folders of the test any more
    await rm(this.folder, { recursive: true, force: true, maxRetries: 5 });
  }

  /** Pids of managers that have said nothing of their end. */
  #managers(): number[] {
    const pids: number[] = [];
    for (const { event, child, pid } of this.lines) {
      if (child !== "manager") continue;
      if (event === "process.ready") pids.push(Number(pid));
      if (event === "manager.exited") pids.shift();
    }
    return pids;
  }

  #receive(text: string): void {
    let line: LogLine;
    try {
      line = JSON.parse(text);
    } catch {
      line = { event: "text", text };
    }
    this.lines.push(line);
    for (const wake of this.#waiting) wake(line);
  }

  #report(why: string): string {
    const tail = this.lines.slice(-200).map((line) => JSON.stringify(line));
    return `${why}; the log ends with:\n${tail.join("\n")}\n${this.stderr}`;
  }
}

/** Whatever ends this process, an unhandled error included, ends the program, and its children with it. */
function endWithUs(child: ChildProcess): void {
  const kill = () => child.kill("SIGKILL");
  process.once("exit", kill);
  child.once("exit", () => process.off("exit", kill));
}

function killQuietly(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It is gone already.
  }
}

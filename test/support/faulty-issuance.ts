import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { cp, mkdir, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Clock, systemClock } from "../../src/base/clock.ts";
import { makeCertificate } from "./certificates.ts";
import { type TemporaryFolder, temporaryFolder } from "./folders.ts";
import { HttpsAuthority } from "./https-authority.ts";
import { hurried, Issuing } from "./issuing.ts";
import { quickClock } from "./quick-clock.ts";
import { named } from "./stored.ts";

export const host = named("store.shop.test");

const DAY = 86_400_000;
const PROGRAM = join(import.meta.dirname, "../faults/issue-program.ts");
const COMPILED = join(tmpdir(), "latchkey-compiled");
/** No issuance makes so many calls of one kind; a sweep that gets here does not end by itself. */
const CALLS_MAX = 150;
/** A run takes a second; one that hangs must not hold up the sweep. */
const RUN_MAX_MS = 40_000;

/** A program that issues, its storage and its CA, as often as wanted. */
export class FaultyIssuance implements AsyncDisposable {
  readonly ca: HttpsAuthority;
  readonly #folder: TemporaryFolder;
  #runs = 0;

  private constructor(ca: HttpsAuthority, folder: TemporaryFolder) {
    this.ca = ca;
    this.#folder = folder;
  }

  /** @param holds What storage holds before: nothing, or an account and two certificates, one of them due. */
  static async start(holds: "nothing" | "a certificate"): Promise<FaultyIssuance> {
    const world = new FaultyIssuance(await HttpsAuthority.start(), await temporaryFolder());
    await writeFile(world.#trust, world.ca.address.trust);
    await mkdir(world.#template, { mode: 0o700 });
    if (holds === "a certificate") await world.#issueBefore();
    return world;
  }

  async #issueBefore(): Promise<void> {
    await using issuing = await this.open(this.#template);
    await issuing.run();
    await issuing.log.first("certificate.swapped");
    const due = { notBefore: Date.now() - 80 * DAY, notAfter: Date.now() + 10 * DAY };
    const certificate = makeCertificate({ names: [host], ...due });
    await issuing.storage.certificates.save(host, certificate, { issuer: this.ca.directory });
  }

  /** Storage and floor in this process, an hour later: what was put off is due. */
  open(root: string): Promise<Issuing> {
    return Issuing.open({
      root,
      hosts: [host],
      directory: this.ca.directory,
      ca: this.ca.address,
      clock: {
        now: () => Date.now() + 3_600_000,
        sleep: (ms, signal) => systemClock.sleep(hurried(ms), signal),
      },
    });
  }

  /**
   * The same, at once, on a clock that runs ten times as fast. A run of half a second, which is work and not waiting, counts as
   * five: no recovery looks shorter than it is.
   */
  async recover(root: string): Promise<{ readonly issuing: Issuing; readonly clock: Clock }> {
    const clock = quickClock(10);
    const { directory, address } = this.ca;
    const issuing = await Issuing.open({ root, hosts: [host], directory, ca: address, clock });
    return { issuing, clock };
  }

  /** A storage as it is before the issuance; its root. */
  async copy(): Promise<string> {
    this.#runs += 1;
    const root = join(this.#folder.path, `${this.#runs}`);
    await cp(this.#template, root, { recursive: true, verbatimSymlinks: true });
    return root;
  }

  /**
   * Starts the program on `root`, under strace when there is a fault for a call.
   *
   * @param dieAt `announce` or `acknowledge`: it dies when it tells its worker of the certificate, or when that has it.
   */
  start(root: string, fault?: Fault, dieAt = ""): ChildProcess {
    const ca = [`${this.ca.address.port}`, this.#trust];
    const command = [process.execPath, PROGRAM, root, host, ...ca, dieAt];
    return startUnder(command, root, fault);
  }

  /** How it ended, and whether the fault found its call. */
  async run(root: string, call: string, what: string): Promise<Ending> {
    const outcome = await endOf(this.start(root, { call, what }));
    const calls = await readFile(`${root}.calls`, "utf8");
    return { outcome, isInflicted: outcome === "SIGKILL" || calls.includes("(INJECTED)") };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.ca[Symbol.asyncDispose]();
    await this.#folder[Symbol.asyncDispose]();
  }

  get #template(): string {
    return join(this.#folder.path, "template");
  }

  get #trust(): string {
    return join(this.#folder.path, "trust.pem");
  }
}

/** A fault for a call, as strace takes it. */
export interface Fault {
  readonly call: string;
  readonly what: string;
}

/** Starts a program that works on `root`, under strace when there is a fault for a call. */
export function startUnder(command: readonly string[], root: string, fault?: Fault): ChildProcess {
  const inject = fault && ["-e", `trace=${fault.call}`, "-e", `inject=${fault.call}:${fault.what}`];
  // With --seccomp-bpf only these calls stop the program, but strace 6.1 then loses signals.
  const filter = fault?.what.startsWith("error=") === true ? ["--seccomp-bpf"] : [];
  const strace = ["strace", "-f", ...filter, "-qq", "-o", `${root}.calls`];
  const [program = "", ...rest] = inject ? [...strace, ...inject, ...command] : command;
  return spawn(program, rest, {
    // One thread makes all calls on files: strace counts them thread by thread.
    env: {
      ...process.env,
      UV_THREADPOOL_SIZE: "1",
      NODE_OPTIONS: "",
      // Reading the program's own files takes most of a run.
      NODE_COMPILE_CACHE: COMPILED,
    },
    stdio: "ignore",
    timeout: RUN_MAX_MS,
  });
}

export interface Ending {
  /** The exit code, or the signal. */
  readonly outcome: number | string;
  readonly isInflicted: boolean;
}

/** The exit code of a program, or the signal that ended it. */
export async function endOf(child: ChildProcess): Promise<number | string> {
  if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
  return child.exitCode ?? child.signalCode ?? "unknown";
}

/**
 * Runs `attempt` for the first, second … call until one says that there was no such call any more;
 * each world is a lane of its own. Returns how many calls there were.
 */
export async function sweep<World>(
  worlds: readonly World[],
  attempt: (world: World, nth: number) => Promise<boolean>,
): Promise<number> {
  let next = 1;
  let end = CALLS_MAX;
  await Promise.all(
    worlds.map(async (world) => {
      while (next < end) {
        const nth = next;
        next += 1;
        if (!(await attempt(world, nth))) end = Math.min(end, nth);
      }
    }),
  );
  if (end === CALLS_MAX) throw new Error(`more than ${CALLS_MAX} calls`);
  return end - 1;
}

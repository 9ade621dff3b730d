import { spawn } from "node:child_process";
import { once } from "node:events";
import { withDeadline } from "../base/clock.ts";
import { messageOf } from "../base/errors.ts";
import { type DnsProvider, dnsFailure, type TxtRecord } from "./record.ts";

export interface ExecOptions {
  /** The program and its first arguments; no shell reads them. */
  readonly command: readonly string[];
  /** All of its environment. */
  readonly environment: Readonly<Record<string, string>>;
  /** Then it is killed, with everything it started. */
  readonly timeoutMs: number;
}

/** The end of what the program said on standard error goes into the failure. */
const WORDS_MAX_CHARACTERS = 500;

/**
 * Any program, called as lego's `exec` provider calls it: `program present FQDN VALUE` and
 * `program cleanup FQDN VALUE`, the name with its last dot. It succeeds by exit code 0.
 */
export function createExec(options: ExecOptions): DnsProvider {
  return {
    publish: (record, signal) => run(options, "present", record, signal),
    remove: (record, signal) => run(options, "cleanup", record, signal),
  };
}

async function run(
  { command, environment, timeoutMs }: ExecOptions,
  verb: "present" | "cleanup",
  { name, value }: TxtRecord,
  signal: AbortSignal,
): Promise<void> {
  const [program = "", ...first] = command;
  const action = `run "${program} ${verb}" for ${name}`;
  signal.throwIfAborted();
  try {
    const args = [...first, verb, `${name}.`, value];
    await ended(program, args, environment, withDeadline(signal, timeoutMs));
  } catch (error) {
    signal.throwIfAborted();
    throw dnsFailure(action, messageOf(error), error);
  }
}

/** Resolves when the program has ended well. */
async function ended(
  program: string,
  args: readonly string[],
  environment: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<void> {
  // A process group of its own: the program's own children end with it.
  const child = spawn(program, args, {
    env: environment,
    stdio: ["ignore", "ignore", "pipe"],
    detached: true,
  });
  let words = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    words = (words + text).slice(-WORDS_MAX_CHARACTERS);
  });
  const kill = () => {
    if (child.pid !== undefined) killGroup(child.pid);
  };
  signal.addEventListener("abort", kill, { once: true });
  try {
    const [code, by] = await once(child, "close");
    signal.throwIfAborted();
    if (code === 0) return;
    const how = by === null ? `it ended with ${code}` : `it was ended by ${by}`;
    throw new Error(words.trim() === "" ? how : `${how}: ${words.trim()}`);
  } finally {
    signal.removeEventListener("abort", kill);
  }
}

function killGroup(leader: number): void {
  try {
    process.kill(-leader, "SIGKILL");
  } catch {
    // It has just ended.
  }
}

import { spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import { withDeadline } from "./clock.ts";
import { codeOf } from "./errors.ts";
import { WHY_NOT_STARTED } from "./find-program.ts";

/** A program to be run; no shell reads any of it. */
export interface ProgramPlan {
  /** The program, as a path or as it is found on the PATH, and its arguments. */
  readonly command: readonly string[];
  /** Variables besides those that every program of ours gets: PATH, HOME, TZ, LANG, LC_ALL. */
  readonly environment: Readonly<Record<string, string>>;
  /** What stands on its standard input. */
  readonly input: string;
  /** Then it is killed, with everything it started. */
  readonly timeoutMs: number;
  /** Values that must not be seen in what it says, by the names that stand there instead. */
  readonly secrets?: Readonly<Record<string, string>>;
}

/** Nothing of what this process may know goes on by itself. */
const PASSED_ON = ["PATH", "HOME", "TZ", "LANG", "LC_ALL"] as const;
/** The end of what the program said goes into the failure. */
const WORDS_MAX_CHARACTERS = 500;
/** What is shorter stands in any text by chance. */
const SECRET_MIN_CHARACTERS = 6;
/** Its last words come with its end; what it left running may hold the pipe open for ever. */
const LAST_WORDS_MS = 200;

/**
 * Runs a program in a process group of its own, in the folder `/`, and resolves when it has ended with
 * exit code 0. What it leaves running is left alone.
 *
 * @throws {Error} saying how it ended, with its last words on standard error; the signal's reason when aborted.
 */
export async function runProgram(plan: ProgramPlan, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  const deadline = withDeadline(signal, plan.timeoutMs);
  const [program = "", ...args] = plan.command;
  const child = spawn(program, args, {
    cwd: "/",
    env: { ...passedOn(), ...printable(plan.environment) },
    stdio: ["pipe", "ignore", "pipe"],
    detached: true,
  });
  child.stdin.on("error", () => {
    // It does not read what it is given.
  });
  child.stdin.end(plan.input);
  const words = wordsOf(child.stderr, plan.secrets ?? {});
  const kill = () => {
    if (child.pid !== undefined) killGroup(child.pid);
  };
  deadline.addEventListener("abort", kill, { once: true });
  try {
    const [code, by] = await once(child, "exit");
    await Promise.race([once(child, "close"), delay(LAST_WORDS_MS)]);
    signal.throwIfAborted();
    if (deadline.aborted) throw new Error(`it was killed after ${plan.timeoutMs / 1_000} s`);
    if (code !== 0) throw new Error(by === null ? `it ended with ${code}` : `${by} ended it`);
  } catch (cause) {
    signal.throwIfAborted();
    throw new Error(explained(cause, words()), { cause });
  } finally {
    deadline.removeEventListener("abort", kill);
  }
}

/** Masked as it comes, before anything is cut off: half a secret would not be known for one. */
function wordsOf(
  stream: NodeJS.ReadableStream,
  secrets: Readonly<Record<string, string>>,
): () => string {
  const hidden = Object.entries(secrets)
    .filter(([, value]) => value.length >= SECRET_MIN_CHARACTERS)
    .sort(([, one], [, other]) => other.length - one.length);
  const [, longest = ""] = hidden[0] ?? [];
  let words = "";
  stream.setEncoding("utf8");
  stream.on("data", (text: string) => {
    words += text;
    for (const [name, value] of hidden) words = words.replaceAll(value, () => `[${name}]`);
    words = words.slice(-(WORDS_MAX_CHARACTERS + longest.length));
  });
  return () => words.slice(-WORDS_MAX_CHARACTERS).trim();
}

function explained(cause: unknown, words: string): string {
  const why =
    WHY_NOT_STARTED[codeOf(cause) ?? ""] ??
    (cause instanceof Error ? cause.message : String(cause));
  return words === "" ? why : `${why}: ${words}`;
}

function passedOn(): Record<string, string> {
  return Object.fromEntries(
    PASSED_ON.flatMap((name) => (process.env[name] ? [[name, process.env[name]]] : [])),
  );
}

/** A NUL ends a variable, and the start of the program with it. */
function printable(environment: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(environment).map(([name, value]) => [name, value.replaceAll("\0", "")]),
  );
}

/** A group is led by its first process, which may have ended before its children. */
function killGroup(leader: number): void {
  try {
    process.kill(-leader, "SIGKILL");
  } catch {
    // All of it has ended.
  }
}

import { spawn } from "node:child_process";
import { dirname } from "node:path";

/** Test files that share a process. */
export type Job = readonly string[];

/** What runs a job, which is put behind its arguments. */
export interface Command {
  readonly program: string | undefined;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** How all jobs went. */
export interface Outcome {
  readonly isGood: boolean;
  /** What failed, once more, and the counts of all jobs in the words of Node's own reporter. */
  readonly summary: string;
}

const COUNTED = ["tests", "suites", "pass", "fail", "cancelled", "skipped", "todo"] as const;
/** What Node's reporter closes a run with. */
const COUNT_LINE = /^ℹ (tests|suites|pass|fail|cancelled|skipped|todo|duration_ms) ([\d.]+)$/;
const FAILURES = "✖ failing tests:";

interface Terms {
  readonly command: Command;
  readonly atOnce: number;
  /** What a job may take; one that takes longer is stopped, and has failed. */
  readonly deadlineMs: number;
  /** Stops all of them. */
  readonly signal: AbortSignal;
  /** Takes what is to be read while it runs. */
  readonly print: (text: string) => void;
  /** Does a job that fails run once more, alone, before the run has failed? No, when not given. */
  readonly isFailedRunAgain?: boolean;
}

/** How the process of a job ended. */
interface End {
  readonly code: number | string;
  readonly output: string;
  readonly isLate: boolean;
}

/** A process that was told to stop has so long to end by itself, and to end the programs that it has started. */
const STOP_MS = 5_000;

/** How a job went. */
interface Result {
  readonly job: Job;
  readonly counts: ReadonlyMap<string, number>;
  /** What failed in it, in its own words; empty when all is well. */
  readonly failures: string;
}

/** So many jobs may run again: when more of them fail, it is not the machine. */
const AGAIN_MAX = 3;

/** Runs each job, some at once, in their order, and prints what each one says when it has ended. */
export async function runJobs(jobs: readonly Job[], terms: Terms): Promise<Outcome> {
  const { atOnce, signal } = terms;
  const startedAt = performance.now();
  const results: Result[] = [];
  const waiting = [...jobs];
  const runOneAfterTheOther = async () => {
    for (let job = waiting.shift(); job !== undefined && !signal.aborted; job = waiting.shift())
      results.push(await runJob(job, terms));
  };
  await Promise.all(Array.from({ length: atOnce }, runOneAfterTheOther));
  const last = terms.isFailedRunAgain === true ? await runFailedAgain(results, terms) : results;
  const failures = last.map((each) => each.failures).filter((each) => each !== "");
  if (signal.aborted) failures.push(`Cannot go on: ${signal.reason}`);
  const told = failures.map((each) => `\n${FAILURES}\n${each}\n`);
  const countOf = (name: string) =>
    last.reduce((sum, { counts }) => sum + (counts.get(name) ?? 0), 0);
  const lines = COUNTED.map((name) => `ℹ ${name} ${countOf(name)}\n`);
  const duration = `ℹ duration_ms ${Math.round(performance.now() - startedAt)}\n`;
  return { isGood: failures.length === 0, summary: [...told, ...lines, duration].join("") };
}

async function runJob(job: Job, { command, deadlineMs, signal, print }: Terms): Promise<Result> {
  const { code, output, isLate } = await run(command, job, deadlineMs, signal);
  const { lines, counts, failures } = readReport(output);
  print(lines);
  const told = failures === "" ? [] : [failures];
  if (isLate) told.push(`${nameOf(job)} took more than ${deadlineMs / 1_000} s: stopped`);
  else if (code !== 0 && failures === "") told.push(`${nameOf(job)} ended with ${code}`);
  return { job, counts, failures: told.join("\n") };
}

/** Runs the few that failed a second time, each alone, and says plainly which of them did not fail again. */
async function runFailedAgain(results: readonly Result[], terms: Terms): Promise<Result[]> {
  const { print } = terms;
  const failed = results.filter(({ failures }) => failures !== "");
  if (failed.length > AGAIN_MAX) return [...results];
  const last = results.filter(({ failures }) => failures === "");
  for (const first of failed) {
    print(`\n${FAILURES}\n${first.failures}\n\n`);
    const second = await runJob(first.job, terms);
    const how = second.failures === "" ? "passed when it ran again, alone" : "failed again, alone";
    print(`UNSTEADY: ${nameOf(first.job)} failed, and ${how}\n`);
    last.push(second);
  }
  return last;
}

function nameOf(job: Job): string {
  const [first = ""] = job;
  return job.length === 1 ? first : `${dirname(first)} (${job.length} files)`;
}

function run(
  { program = process.execPath, args, env }: Command,
  job: Job,
  deadlineMs: number,
  signal: AbortSignal,
): Promise<End> {
  return new Promise((resolve) => {
    const child = spawn(program, [...args, ...job], { stdio: ["ignore", "pipe", "inherit"], env });
    let isLate = false;
    let killing: NodeJS.Timeout | undefined;
    const stop = () => {
      child.kill("SIGTERM");
      killing = setTimeout(() => child.kill("SIGKILL"), STOP_MS);
    };
    const deadline = setTimeout(() => {
      isLate = true;
      stop();
    }, deadlineMs);
    signal.addEventListener("abort", stop, { once: true });
    const pieces: Buffer[] = [];
    child.stdout.on("data", (piece: Buffer) => pieces.push(piece));
    child.on("error", (error) => pieces.push(Buffer.from(`${error.message}\n`)));
    child.on("close", (code, killedBy) => {
      signal.removeEventListener("abort", stop);
      clearTimeout(deadline);
      clearTimeout(killing);
      const output = Buffer.concat(pieces).toString();
      resolve({ code: code ?? killedBy ?? "nothing", output, isLate });
    });
  });
}

function readReport(output: string): {
  readonly lines: string;
  readonly failures: string;
  readonly counts: ReadonlyMap<string, number>;
} {
  const counts = new Map<string, number>();
  const kept: string[] = [];
  for (const line of output.split("\n")) {
    const [, name, count] = COUNT_LINE.exec(line) ?? [];
    if (name === undefined) kept.push(line);
    else counts.set(name, Number(count));
  }
  const [lines = "", ...failures] = kept.join("\n").split(FAILURES);
  return { lines: `${lines.trimEnd()}\n`, failures: failures.join("\n").trim(), counts };
}

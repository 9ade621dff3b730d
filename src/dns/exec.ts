import { messageOf } from "../base/errors.ts";
import { runProgram } from "../base/run-program.ts";
import { type DnsProvider, dnsFailure, type TxtRecord } from "./record.ts";

export interface ExecOptions {
  /** The program and its first arguments; no shell reads them. */
  readonly command: readonly string[];
  /** Besides what every program of ours gets; none of its values is repeated from what the program says. See {@link runProgram}. */
  readonly environment: Readonly<Record<string, string>>;
  /** Then it is killed, with everything it started. */
  readonly timeoutMs: number;
}

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
  const plan = {
    command: [...command, verb, `${name}.`, value],
    environment,
    secrets: environment,
    input: "",
    timeoutMs,
  };
  try {
    await runProgram(plan, signal);
  } catch (error) {
    signal.throwIfAborted();
    throw dnsFailure(`run "${command[0]} ${verb}" for ${name}`, messageOf(error), error);
  }
}

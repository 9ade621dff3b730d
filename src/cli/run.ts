import { messageOf } from "../base/errors.ts";
import type { Config } from "../config/config.ts";
import { supervise } from "../supervisor.ts";
import { readConfiguration } from "./configuration.ts";

/** `latchkey run`: the program in the foreground, until it is told to stop. */
export async function run(file: string | undefined): Promise<number> {
  const config = await readConfiguration(file, process.env);
  return await supervise({ config, reload: () => readAgain(config.file) });
}

/** For SIGHUP: a file with faults changes nothing; the faults are on standard error. */
async function readAgain(file: string): Promise<Config> {
  try {
    return await readConfiguration(file, process.env);
  } catch (error) {
    process.stderr.write(`latchkey: ${messageOf(error)}\n`);
    throw error;
  }
}

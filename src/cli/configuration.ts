import type { Config } from "../config/config.ts";
import { FaultyConfig, formatFault } from "../config/faults.ts";
import { findConfigFile } from "../config/find.ts";
import { loadConfig } from "../config/load.ts";

/**
 * The configuration that a command works with: from `--config`, or where it is looked for.
 *
 * @param environment Where its secrets are looked up; left out by commands that only ask the running program.
 * @throws {LatchkeyError} `CONFIG_MISSING`; {@link FaultyConfig} after every fault was printed on
 *   standard error, a line each.
 */
export async function readConfiguration(
  file: string | undefined,
  environment?: NodeJS.ProcessEnv,
): Promise<Config> {
  const path = await findConfigFile(file);
  const loaded = await loadConfig(path, environment);
  if (loaded.ok) return loaded.config;
  for (const fault of loaded.faults) process.stderr.write(`${formatFault(fault)}\n`);
  throw new FaultyConfig(path, loaded.faults);
}

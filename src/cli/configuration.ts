import type { Config, Host } from "../config/config.ts";
import { type Fault, FaultyConfig, formatFault, type Path, sortFaults } from "../config/faults.ts";
import { findConfigFile } from "../config/find.ts";
import { type LoadedConfig, loadConfig } from "../config/load.ts";

/** What is wrong with the value at `path` of the file. */
export interface Objection {
  readonly path: Path;
  readonly message: string;
}

/** What else may be wrong than the file itself. */
type LookFurther = (
  config: Config,
  pathOf: (host: Host) => Path,
  /** Without it, what had faults is left out, or stands as if it were not written. */
  isWhole: boolean,
) => Promise<readonly Objection[]>;

/**
 * The configuration that a command works with: from `--config`, or where it is looked for. Commands with an
 * environment print its warnings on standard error.
 *
 * @param environment Where its secrets are looked up; left out by commands that only ask the running program.
 * @param lookFurther Looks at what the file names, as far as it has no faults of its own; `pathOf` tells where a host stands.
 * @throws {LatchkeyError} `CONFIG_MISSING`; {@link FaultyConfig} after every fault was printed on
 *   standard error, a line each.
 */
export async function readConfiguration(
  file: string | undefined,
  environment?: NodeJS.ProcessEnv,
  lookFurther: LookFurther = async () => [],
): Promise<Config> {
  const path = await findConfigFile(file);
  const loaded = await loadConfig(path, environment);
  // Who only asks the running program was told when that one read the file.
  if (loaded.ok && environment !== undefined) {
    for (const warning of loaded.warnings) {
      process.stderr.write(`latchkey: ${formatFault(warning)}\n`);
    }
  }
  const faults = await allFaults(loaded, lookFurther);
  if (loaded.ok && faults.length === 0) return loaded.config;
  for (const fault of faults) process.stderr.write(`${formatFault(fault)}\n`);
  throw new FaultyConfig(path, faults);
}

/** Those of the file, and of what it names; none is told twice. */
async function allFaults(
  loaded: LoadedConfig,
  lookFurther: LookFurther,
): Promise<readonly Fault[]> {
  const told = loaded.ok ? [] : loaded.faults;
  const sound = loaded.ok ? loaded : loaded.sound;
  if (sound === undefined) return told;
  const places = new Set(told.map(({ path }) => path));
  const objections = await lookFurther(sound.config, sound.pathOf, loaded.ok);
  const more = objections.map(({ path, message }) => sound.faultAt(path, message));
  return sortFaults([...told, ...more.filter(({ path }) => !places.has(path))]);
}

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
  if (loaded.ok && environment !== undefined) tellWarnings(loaded);
  const faults = await allFaults(loaded, await wholeOf(path, loaded), lookFurther);
  if (loaded.ok && faults.length === 0) return loaded.config;
  throw tellFaults(path, faults);
}

/**
 * The same for a command that looks at what a service does, whose environment it has not: variables that are not set
 * here are told as `unset`, and then no secret is in what is read.
 *
 * @throws {LatchkeyError} As {@link readConfiguration}.
 */
export async function readOfService(
  file: string | undefined,
  environment: NodeJS.ProcessEnv,
): Promise<{ readonly config: Config; readonly unset: readonly Fault[] }> {
  const path = await findConfigFile(file);
  const loaded = await loadConfig(path, environment);
  const whole = await wholeOf(path, loaded);
  const faults = loaded.ok ? [] : loaded.faults;
  if (whole === undefined) throw tellFaults(path, faults);
  tellWarnings(whole);
  return { config: whole.config, unset: faults };
}

type Whole = Extract<LoadedConfig, { ok: true }>;

/** A file that is right, or right but for variables that are not set: then what it says without its secrets. */
async function wholeOf(path: string, loaded: LoadedConfig): Promise<Whole | undefined> {
  if (loaded.ok) return loaded;
  if (loaded.faults.some(({ variable }) => variable === undefined)) return undefined;
  const bare = await loadConfig(path);
  return bare.ok ? bare : undefined;
}

function tellWarnings({ warnings }: Whole): void {
  for (const warning of warnings) process.stderr.write(`latchkey: ${formatFault(warning)}\n`);
}

function tellFaults(path: string, faults: readonly Fault[]): FaultyConfig {
  for (const fault of faults) process.stderr.write(`${formatFault(fault)}\n`);
  return new FaultyConfig(path, faults);
}

/** Those of the file, and of what it names; none is told twice. */
async function allFaults(
  loaded: LoadedConfig,
  whole: Whole | undefined,
  lookFurther: LookFurther,
): Promise<readonly Fault[]> {
  const told = loaded.ok ? [] : loaded.faults;
  const sound = whole ?? (loaded.ok ? undefined : loaded.sound);
  if (sound === undefined) return told;
  const places = new Set(told.map(({ path }) => path));
  const objections = await lookFurther(sound.config, sound.pathOf, whole !== undefined);
  const more = objections.map(({ path, message }) => sound.faultAt(path, message));
  return sortFaults([...told, ...more.filter(({ path }) => !places.has(path))]);
}

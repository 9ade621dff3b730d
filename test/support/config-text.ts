import type { Config } from "../../src/config/config.ts";
import { type Fault, formatFault } from "../../src/config/faults.ts";
import { diskFiles } from "../../src/config/files.ts";
import { parseConfig } from "../../src/config/load.ts";
import type { Surroundings } from "../../src/config/surroundings.ts";

/** Where the texts of tests pretend to stand, unless they say otherwise. */
export const FILE = "/srv/edge/config/latchkey.yaml";

/** The faults of a configuration, in the order they are told. */
export function faultsOf(
  text: string,
  file: string = FILE,
  environment: Surroundings["environment"] = {},
): readonly Fault[] {
  const loaded = parseConfig(text, { file, files: diskFiles, environment, cores: 4 });
  return loaded.ok ? [] : loaded.faults;
}

/** The configuration that a text means; fails with its faults when there are any. */
export function configOf(
  text: string,
  file: string = FILE,
  environment: Surroundings["environment"] = {},
): Config {
  const loaded = parseConfig(text, { file, files: diskFiles, environment, cores: 4 });
  if (loaded.ok) return loaded.config;
  throw new Error(`Cannot read the configuration:\n${loaded.faults.map(formatFault).join("\n")}`);
}

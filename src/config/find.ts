import { resolve } from "node:path";
import { LatchkeyError } from "../base/errors.ts";
import { exists } from "../base/exists.ts";

/** Where a configuration file is looked for when none is named: here, then on the whole machine. */
const PLACES: readonly string[] = ["config/latchkey.yaml", "/etc/latchkey/latchkey.yaml"];

/**
 * The configuration file to read: the one that `--config` names, else the first that exists.
 * Relative paths are relative to `folder`; what is found is returned as it was spelt.
 *
 * @throws {LatchkeyError} `CONFIG_MISSING`, with where it was looked for.
 */
export async function findConfigFile(
  named: string | undefined,
  folder: string = process.cwd(),
): Promise<string> {
  for (const candidate of named === undefined ? PLACES : [named]) {
    if (await exists(resolve(folder, candidate))) return candidate;
  }
  const why =
    named === undefined
      ? `there is neither ${PLACES.join(" nor ")} (name one with --config FILE)`
      : `"${named}" does not exist`;
  throw new LatchkeyError("CONFIG_MISSING", `Cannot find the configuration: ${why}`);
}

import { realpathSync } from "node:fs";
import { join, resolve } from "node:path";
import type { Config } from "../config/config.ts";
import { markersOf } from "../config/marker.ts";
import { readGrants } from "./read-grants.ts";

const SOURCE = resolve(import.meta.dirname, "..");
const PACKAGE = resolve(SOURCE, "..");

/**
 * Has Node take what it starts with for a module. It would look for a package.json to know, but no further up than it may
 * read whole folders, hence take worker.ts for CommonJS first, and load what strips types to find out that it is not:
 * 40 ms and 10 MiB (`compiled.test.ts`). With an import before it, whatever that is, it asks nobody; this one is needed anyway.
 */
const MODULES_FIRST = "--import=node:tls";

/**
 * Node's permission model for a process that strangers talk to: the network; for reading, this package,
 * the stored certificates and what the configuration names for it; nothing else. Defence in depth, not a
 * wall: same user, same machine.
 *
 * @param compiled Folder of compiled code, if there is one to be read.
 */
export function permissionsOfWorker(config: Config, compiled: string | undefined): string[] {
  const manual = config.hosts.flatMap(({ certificate }) =>
    certificate.kind === "manual" ? [certificate.chain, certificate.key] : [],
  );
  const markers = config.hosts.flatMap(({ action }) => markersOf(action));
  // Not the whole package: the storage of a checkout lies in it, with accounts and the authority's keys.
  const folders = [SOURCE, join(PACKAGE, "node_modules"), join(config.storage, "certificates")];
  if (compiled !== undefined) folders.push(compiled);
  // A folder that does not exist yet counts as one only with the star behind it.
  const inside = withTargets(folders).map((path) => join(path, "*"));
  const readable = [
    ...inside,
    ...folders,
    ...withTargets([join(PACKAGE, "package.json")]),
    ...readGrants(
      withTargets([...manual, ...markers]),
      withTargets([config.storage, ...config.sources.map(({ file }) => file)]),
    ),
  ];
  return [
    "--permission",
    "--allow-net",
    "--disable-warning=ExperimentalWarning",
    MODULES_FIRST,
    ...[...new Set(readable)].map((path) => `--allow-fs-read=${path}`),
  ];
}

/** The paths, and where they lead. */
function withTargets(paths: readonly string[]): readonly string[] {
  return paths.flatMap((path) => [path, ...realPathOf(path)]);
}

/** Where a path leads when folders on it are links; nothing while it does not exist. */
function realPathOf(path: string): string[] {
  try {
    return [realpathSync(path)];
  } catch {
    return [];
  }
}

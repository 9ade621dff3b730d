import { dirname, join } from "node:path";

/** Linux gives arguments and environment of a process 2 MiB together; the flag before each path takes its part. */
const GRANTS_MAX_BYTES = 524_288;
/** A folder right below the root (`/etc`, `/srv`) is no grant for anybody. */
const FOLDER_MIN_DEPTH = 2;
const INSIDE = "/*";

/**
 * What a process is allowed to read so that it can read these files: the files, or, when there are so many that no
 * process could be started with all their paths, the folders that they are in, and those above, as far as it must be.
 * Pure.
 *
 * @param files Absolute paths.
 * @param withheld Absolute paths that no folder which is granted may be, or hold.
 */
export function readGrants(
  files: readonly string[],
  withheld: readonly string[],
  maxBytes: number = GRANTS_MAX_BYTES,
): readonly string[] {
  let grants: readonly string[] = [...new Set(files)];
  while (bytesOf(grants) > maxBytes) {
    const wider = [...new Set(grants.map((grant) => widened(grant, withheld)))];
    if (wider.every((grant, index) => grant === grants[index])) return grants;
    grants = wider;
  }
  return grants;
}

function widened(grant: string, withheld: readonly string[]): string {
  const inner = grant.endsWith(INSIDE) ? grant.slice(0, -INSIDE.length) : grant;
  const folder = dirname(inner);
  const depth = folder.split("/").filter((part) => part !== "").length;
  const isWithheld = withheld.some((path) => path === folder || path.startsWith(`${folder}/`));
  return depth < FOLDER_MIN_DEPTH || isWithheld ? grant : join(folder, "*");
}

function bytesOf(grants: readonly string[]): number {
  return grants.reduce((sum, grant) => sum + Buffer.byteLength(grant), 0);
}

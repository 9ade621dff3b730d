import { dirname } from "node:path";

/** Linux gives arguments and environment of a process 2 MiB together; the flag before each path takes its part. */
const GRANTS_MAX_BYTES = 524_288;
/** Where even the widest grants are longer, so much more than these is as good: few files elsewhere are left alone. */
const WIDEST_TIMES = 1.25;
/** A folder right below the root (`/etc`, `/srv`) is no grant for anybody. */
const FOLDER_MIN_DEPTH = 2;
const INSIDE = "/*";

/** A folder, and what is granted below it. */
interface Crowd {
  readonly folder: string;
  /** What of it is granted, or leads to what is. */
  readonly children: Set<string>;
  readonly grants: string[];
}

/**
 * What a process is allowed to read so that it can read these files: the files, or, when there are so many that no
 * process could be started with all their paths, for the folder that holds the most of them the folders below it and
 * at last itself, and so on with the next one, as far as it must be. Pure.
 *
 * @param files Absolute paths.
 * @param withheld Absolute paths that no folder which is granted may be, or hold.
 */
export function readGrants(
  files: readonly string[],
  withheld: readonly string[],
  maxBytes: number = GRANTS_MAX_BYTES,
): readonly string[] {
  const named = [...new Set(files)];
  if (bytesOf(named) <= maxBytes) return named;
  const widestBytes = bytesOf(widened(named, withheld, 0));
  return widened(named, withheld, Math.max(maxBytes, widestBytes * WIDEST_TIMES));
}

function widened(
  files: readonly string[],
  withheld: readonly string[],
  maxBytes: number,
): readonly string[] {
  let grants = files;
  let bytes = bytesOf(grants);
  while (bytes > maxBytes) {
    const crowds = largestOf(crowdsOf(grants, withheld));
    if (crowds.length === 0) break;
    const wider = new Map<string, string>();
    for (const crowd of crowds) {
      if (bytes <= maxBytes) break;
      const narrow = deepestOf(crowd.grants);
      for (const grant of narrow) wider.set(grant, folderOf(grant) + INSIDE);
      const folders = new Set(narrow.map(folderOf));
      bytes += bytesOf([...folders]) + folders.size * INSIDE.length - bytesOf(narrow);
    }
    grants = withoutCovered(grants.map((grant) => wider.get(grant) ?? grant));
    bytes = bytesOf(grants);
  }
  return grants;
}

/** Every folder that may be granted, and has something below it that is. */
function crowdsOf(grants: Iterable<string>, withheld: readonly string[]): Iterable<Crowd> {
  const crowds = new Map<string, Crowd>();
  for (const grant of grants) {
    let child = innerOf(grant);
    let folder = dirname(child);
    while (isGrantable(folder, withheld)) {
      const crowd = crowds.get(folder) ?? { folder, children: new Set(), grants: [] };
      crowd.children.add(child);
      crowd.grants.push(grant);
      crowds.set(folder, crowd);
      [child, folder] = [folder, dirname(folder)];
    }
  }
  return crowds.values();
}

/** Those that hold the most, of these the deepest ones: none is inside another. One file alone is no crowd. */
function largestOf(crowds: Iterable<Crowd>): readonly Crowd[] {
  let largest: Crowd[] = [];
  for (const crowd of crowds) {
    const [first] = largest;
    const order =
      first === undefined
        ? crowd.children.size - 1
        : crowd.children.size - first.children.size ||
          depthOf(crowd.folder) - depthOf(first.folder);
    if (order > 0) largest = [crowd];
    else if (order === 0 && first !== undefined) largest.push(crowd);
  }
  return largest;
}

function deepestOf(grants: readonly string[]): readonly string[] {
  const depths = grants.map((grant) => depthOf(folderOf(grant)));
  const deepest = depths.reduce((most, depth) => Math.max(most, depth), 0);
  return grants.filter((_, index) => depths[index] === deepest);
}

/** Each once, and none inside a folder that is granted as well. */
function withoutCovered(grants: readonly string[]): readonly string[] {
  const all = new Set(grants);
  const isCovered = (grant: string) => {
    for (let folder = folderOf(grant); folder !== "/"; folder = dirname(folder))
      if (all.has(folder + INSIDE)) return true;
    return false;
  };
  return [...all].filter((grant) => !isCovered(grant));
}

/** If a folder is none, those above it are none either. */
function isGrantable(folder: string, withheld: readonly string[]): boolean {
  const isWithheld = withheld.some((path) => path === folder || path.startsWith(`${folder}/`));
  return depthOf(folder) >= FOLDER_MIN_DEPTH && !isWithheld;
}

/** The file, or the folder whose inside is granted. */
function innerOf(grant: string): string {
  return grant.endsWith(INSIDE) ? grant.slice(0, -INSIDE.length) : grant;
}

/** Where the file, or the folder, lies. */
function folderOf(grant: string): string {
  return dirname(innerOf(grant));
}

function depthOf(folder: string): number {
  return folder.split("/").filter((part) => part !== "").length;
}

function bytesOf(grants: readonly string[]): number {
  return grants.reduce((sum, grant) => sum + Buffer.byteLength(grant), 0);
}

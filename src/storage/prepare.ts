import { constants } from "node:fs";
import { access, chmod, lstat, mkdir, realpath, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { codeOf, LatchkeyError, messageOf } from "../base/errors.ts";
import type { Log } from "../base/log.ts";
import { ensureFolder, writeFileAtomically } from "./atomic-write.ts";
import { corrupt, failed, reasonOf, unusable } from "./failure.ts";
import { FOLDERS, FORMAT_VERSION, REVOKED_FOLDER } from "./layout.ts";
import { moveAside } from "./quarantine.ts";
import { RECORD_MAX_BYTES, readBounded } from "./read-file.ts";
import type { StorageFolder } from "./storage-folder.ts";

/** Bits that let anybody but the owner in. */
const OTHERS = 0o077;

/**
 * The real path of the folder that `root` names, which may be a link that the operator made.
 * With `create`, a missing folder is made, with its parents; without, it is one that holds nothing yet.
 *
 * @throws {LatchkeyError} `STORAGE_UNUSABLE` when there is no folder to be had.
 */
export async function resolveRoot(root: string, create: boolean): Promise<string> {
  try {
    if (create) await makeFolders(root);
    const real = await realpath(root);
    if (!(await stat(real)).isDirectory())
      throw unusable(root, "a file stands where a folder is wanted");
    return real;
  } catch (cause) {
    if (cause instanceof LatchkeyError) throw cause;
    if (!create && codeOf(cause) === "ENOENT") return root;
    throw unusable(root, reasonOf(cause), cause);
  }
}

/** `mkdir` with `recursive` of Node 26 never ends where no folder can be made, such as under /proc (observed). */
async function makeFolders(path: string): Promise<void> {
  const make = () => mkdir(path, { mode: 0o700 });
  try {
    await make();
  } catch (cause) {
    if (codeOf(cause) === "EEXIST") return;
    if (codeOf(cause) !== "ENOENT" || dirname(path) === path) throw cause;
    await makeFolders(dirname(path));
    await make().catch((error: unknown) => {
      if (codeOf(error) !== "EEXIST") throw error;
    });
  }
}

/**
 * Refuses a storage that is not ours to use, in whatever state it is: folders of another user, links
 * in the place of folders, a format this program does not know. Changes nothing. `owned`: must the
 * folders belong to the user of this process?
 *
 * @throws {LatchkeyError} `STORAGE_UNUSABLE`, `STORAGE_FAILED`.
 */
export async function inspectFolders(root: string, owned: boolean): Promise<void> {
  for (const path of [root, ...FOLDERS.map((name) => join(root, name))]) {
    const stats = await statsOf(path);
    if (stats === undefined) continue;
    if (!stats.isDirectory()) throw unusable(root, `"${path}" is not a folder`);
    if (owned && stats.uid !== process.geteuid?.()) {
      throw unusable(root, `"${path}" belongs to another user (uid ${stats.uid})`);
    }
  }
  await inspectFormat(root);
}

/**
 * Makes the folder ready to be written into: missing folders and `FORMAT` are made, a `FORMAT` that cannot be read is
 * moved to `quarantine/` before, looser modes are tightened to 0700 (event `storage.tightened`). Looks whose it is, whatever was seen before: it may have been
 * deleted meanwhile, or another file system is mounted there.
 *
 * @throws {LatchkeyError} `STORAGE_FAILED` when nothing can be written there now (read-only, full);
 *   `STORAGE_UNUSABLE`.
 */
export async function prepareFolders({
  root,
  clock,
  log,
}: Pick<StorageFolder, "root" | "clock" | "log">): Promise<void> {
  try {
    await makeFolders(root);
    await inspectFolders(root, true);
    // Root may write everywhere but on a file system that is read-only: this tells.
    await access(root, constants.W_OK);
    await tighten(root, log);
    for (const name of FOLDERS) {
      const isNeeded = name !== REVOKED_FOLDER || (await statsOf(join(root, name))) !== undefined;
      if (isNeeded) await tighten(await ensureFolder(root, name), log);
    }
  } catch (cause) {
    throw failed(`write into "${root}"`, cause);
  }
  if ((await readOrMend({ root, clock, log })) === undefined) {
    await writeFileAtomically(formatOf(root), `${FORMAT_VERSION}\n`);
  }
}

/** As {@link readFormat}; what is no version is moved to `quarantine/`, and there is none then. */
async function readOrMend(place: Pick<StorageFolder, "root" | "clock" | "log">) {
  try {
    return await readFormat(place.root);
  } catch (error) {
    if (codeOf(error) !== "STORAGE_CORRUPT") throw error;
    // The lease is not asked for: it is taken in a folder that is ready.
    const folder = { ...place, confirmWritable: async () => {} };
    const item = { path: formatOf(place.root), under: [], label: "FORMAT" };
    await moveAside(folder, item, messageOf(error));
    return undefined;
  }
}

async function tighten(path: string, log: Log): Promise<void> {
  const mode = (await lstat(path)).mode & 0o777;
  if ((mode & OTHERS) === 0) return;
  await chmod(path, 0o700);
  // Some file systems take any mode and keep their own: a key is not written where everybody reads it.
  const kept = (await lstat(path)).mode & OTHERS;
  if (kept !== 0) throw unusable(path, "its file system cannot keep other users out");
  log.warn("storage.tightened", { path, from: mode.toString(8), to: "700" });
}

/**
 * The version in `FORMAT`; `undefined` when there is none yet.
 *
 * @throws {LatchkeyError} `STORAGE_UNUSABLE` for one that this program does not know; `STORAGE_CORRUPT` for what is
 *   no version; `STORAGE_FAILED`.
 */
export async function readFormat(root: string): Promise<number | undefined> {
  const path = formatOf(root);
  const bytes = await readBounded(path, RECORD_MAX_BYTES);
  if (bytes === undefined) return undefined;
  const text = bytes.toString("latin1").trim();
  if (!/^[1-9][0-9]*$/.test(text)) throw corrupt(path, "it is no version");
  const version = Number(text);
  if (version <= FORMAT_VERSION) return version;
  throw unusable(
    root,
    `a newer Latchkey wrote it (format ${version}, this one knows ${FORMAT_VERSION})`,
  );
}

function formatOf(root: string): string {
  return join(root, "FORMAT");
}

/** Refuses a newer one. What is no version says nothing of what lies beside it. */
async function inspectFormat(root: string): Promise<void> {
  await readFormat(root).catch((error: unknown) => {
    if (codeOf(error) !== "STORAGE_CORRUPT") throw error;
  });
}

async function statsOf(path: string) {
  try {
    return await lstat(path);
  } catch (cause) {
    if (codeOf(cause) === "ENOENT") return undefined;
    throw failed(`read "${path}"`, cause);
  }
}

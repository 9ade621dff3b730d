import { randomBytes } from "node:crypto";
import { lstat, readdir, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { codeOf } from "../base/errors.ts";
import { formatTime } from "../base/format-time.ts";
import type { ArchiveEntry } from "./archive.ts";
import { ensureFolder, replaceSymlink, syncFolder, writeFileAtomically } from "./atomic-write.ts";
import { BACKED_UP_FILES, BACKED_UP_FOLDERS } from "./backup.ts";
import { corrupt, failed, unusable } from "./failure.ts";
import { FORMAT_VERSION, parseGeneration, REVOKED_FOLDER, temporaryName } from "./layout.ts";
import type { StorageFolder } from "./storage-folder.ts";

/**
 * Puts the entries of a backup into a storage: all of them are written beside what is there and
 * brought to the disk before anything is put in place, so that a backup that breaks off changes nothing.
 *
 * @param storage Ours alone: its lease is held.
 * @param replace May what is there be moved to `quarantine/`? Without it only an empty storage is filled.
 * @returns How many files and links were restored.
 * @throws {LatchkeyError} `STORAGE_UNUSABLE` when it is not empty, or the backup of another format, or of nothing;
 *   `STORAGE_FAILED`, `STORAGE_LOCKED`; what `entries` throws.
 */
export async function restoreStorage(
  storage: StorageFolder,
  entries: AsyncIterable<ArchiveEntry>,
  replace: boolean,
): Promise<number> {
  const { root } = storage;
  await storage.confirmWritable();
  if (!replace && (await isUsed(root))) throw unusable(root, "it is not empty; see --replace");
  const staging = temporaryName(`restore-${randomBytes(8).toString("hex")}`);
  const staged = await ensureFolder(root, staging);
  try {
    const count = await stage(root, staging, entries);
    await storage.confirmWritable();
    await moveIn(storage, staged);
    return count;
  } catch (cause) {
    throw failed(`restore "${root}"`, cause);
  } finally {
    await rm(staged, { recursive: true, force: true });
  }
}

async function isUsed(root: string): Promise<boolean> {
  for (const folder of BACKED_UP_FOLDERS) {
    const path = join(root, folder);
    if ((await isThere(path)) && (await readdir(path)).length > 0) return true;
  }
  return false;
}

async function stage(
  root: string,
  staging: string,
  entries: AsyncIterable<ArchiveEntry>,
): Promise<number> {
  let count = 0;
  let isEmpty = true;
  for await (const entry of entries) {
    const segments = entry.path.split("/");
    const [top = "", ...rest] = segments;
    const isKnown = rest.length === 0 ? BACKED_UP_FILES : BACKED_UP_FOLDERS;
    if (!isKnown.includes(top)) throw corrupt(entry.path, "no storage has such a file");
    if (entry.path === "FORMAT") requireFormat(root, entry);
    else isEmpty = false;
    const folder = await ensureFolder(root, staging, ...segments.slice(0, -1));
    await write(join(folder, segments.at(-1) ?? ""), entry);
    count += 1;
  }
  if (isEmpty) throw unusable(root, "the backup holds nothing to put there");
  return count;
}

async function write(path: string, entry: ArchiveEntry): Promise<void> {
  if (entry.kind === "file") return await writeFileAtomically(path, entry.data);
  // The only links of a storage, and they lead nowhere else.
  const isCurrent = /^certificates\/[^/]+\/current$/.test(entry.path);
  if (!isCurrent || parseGeneration(entry.target) === undefined)
    throw corrupt(entry.path, "no storage has such a link");
  await replaceSymlink(path, entry.target);
}

function requireFormat(root: string, entry: ArchiveEntry): void {
  const version = entry.kind === "file" ? entry.data.toString("latin1").trim() : "";
  if (version !== String(FORMAT_VERSION)) {
    throw unusable(root, `the backup has format ${version}, this program knows ${FORMAT_VERSION}`);
  }
}

/** Dying in here leaves a part of either in place and the other in `quarantine/`: nothing is lost. */
async function moveIn({ root, clock }: StorageFolder, staged: string): Promise<void> {
  const moment = formatTime(clock.now()).replace(/[-:]|\.\d+/g, "");
  const aside = await ensureFolder(
    root,
    "quarantine",
    `before-restore-${moment}-${randomBytes(4).toString("hex")}`,
  );
  for (const name of [...BACKED_UP_FOLDERS, ...BACKED_UP_FILES].filter(
    (each) => each !== REVOKED_FOLDER,
  )) {
    // Also what the backup has none of: failures and orders of before are not its own.
    if (await isThere(join(root, name))) await rename(join(root, name), join(aside, name));
    if (await isThere(join(staged, name))) await rename(join(staged, name), join(root, name));
  }
  for (const name of BACKED_UP_FOLDERS) if (name !== REVOKED_FOLDER) await ensureFolder(root, name);
  await addRevoked(staged, root);
  for (const folder of [aside, dirname(aside), root]) await syncFolder(folder);
}

/** Both count: what was revoked after the backup was made must not come back with it. */
async function addRevoked(staged: string, root: string): Promise<void> {
  const from = join(staged, REVOKED_FOLDER);
  if (!(await isThere(from))) return;
  const to = await ensureFolder(root, REVOKED_FOLDER);
  for (const name of await readdir(from))
    if (!(await isThere(join(to, name)))) await rename(join(from, name), join(to, name));
  await syncFolder(to);
}

async function isThere(path: string): Promise<boolean> {
  try {
    await lstat(path);
    return true;
  } catch (cause) {
    if (codeOf(cause) === "ENOENT") return false;
    throw cause;
  }
}

import { lstat, readdir, readlink } from "node:fs/promises";
import { join } from "node:path";
import { codeOf } from "../base/errors.ts";
import type { ArchiveEntry } from "./archive.ts";
import { failed, unusable } from "./failure.ts";
import { FOLDERS, isTemporary } from "./layout.ts";
import { readFormat } from "./prepare.ts";
import { readPointer } from "./read-certificate.ts";
import { readBounded } from "./read-file.ts";

/** The files beside the folders that are worth keeping: not the lease, nor the socket. */
export const BACKED_UP_FILES: readonly string[] = ["FORMAT", "backends.json", "budgets.json"];
/** All but what was moved aside because it could not be read. */
export const BACKED_UP_FOLDERS: readonly string[] = FOLDERS.filter((name) => name !== "quarantine");

/** No file of a storage is larger. */
const FILE_MAX_BYTES = 16_777_216;
/** A swap that overtakes us makes us look again; swaps of one host are seconds apart at the least. */
const OVERTAKEN_MAX = 3;

/**
 * Everything of a storage that a backup keeps, also while a program works on it: generations are
 * immutable, and a host whose `current` moves while it is read is read again. Writes nothing.
 *
 * @throws {LatchkeyError} `STORAGE_FAILED`, `STORAGE_CORRUPT` when a file of it cannot be read: a backup
 *   without it would look whole; `STORAGE_UNUSABLE` when there is no storage, also no more at the end, or
 *   nothing in it: a backup of that is worth less than the one of before.
 */
export async function* entriesOfStorage(root: string): AsyncGenerator<ArchiveEntry> {
  await requireStorage(root);
  let isEmpty = true;
  for await (const entry of entriesBelow(root)) {
    if (entry.path !== "FORMAT") isEmpty = false;
    yield entry;
  }
  // What is read from a disk that has gone away looks as if it had never been.
  await requireStorage(root);
  if (isEmpty) throw unusable(root, "there is nothing to keep in it yet");
}

async function requireStorage(root: string): Promise<void> {
  if ((await readFormat(root)) !== undefined) return;
  const why =
    "no storage of Latchkey is there (it has no FORMAT): see whether its disk is mounted, and whether `storage` is the one that the service has";
  throw unusable(root, why);
}

async function* entriesBelow(root: string): AsyncGenerator<ArchiveEntry> {
  for (const file of BACKED_UP_FILES) yield* await entriesAt(root, file);
  for (const folder of BACKED_UP_FOLDERS) {
    for (const name of await namesIn(join(root, folder))) {
      const path = `${folder}/${name}`;
      yield* folder === "certificates"
        ? await entriesOfHost(root, path)
        : await entriesAt(root, path);
    }
  }
}

async function entriesOfHost(root: string, path: string): Promise<readonly ArchiveEntry[]> {
  let entries: readonly ArchiveEntry[] = [];
  for (let look = 0; look < OVERTAKEN_MAX; look += 1) {
    const before = await readPointer(join(root, path));
    entries = await entriesAt(root, path);
    if ((await readPointer(join(root, path))) === before) break;
  }
  return entries;
}

/** What stands at `path`, and below it; nothing for what is gone, in the making, or no file of ours. */
async function entriesAt(root: string, path: string): Promise<readonly ArchiveEntry[]> {
  const full = join(root, path);
  switch (await kindOf(full)) {
    case "folder": {
      const inside = await namesIn(full);
      return (await Promise.all(inside.map((name) => entriesAt(root, `${path}/${name}`)))).flat();
    }
    case "link":
      return [{ kind: "link", path, target: await readlink(full) }];
    case "file": {
      const data = await readBounded(full, FILE_MAX_BYTES);
      return data === undefined ? [] : [{ kind: "file", path, data }];
    }
    default:
      return [];
  }
}

async function kindOf(path: string): Promise<"file" | "folder" | "link" | undefined> {
  try {
    const stats = await lstat(path);
    if (stats.isDirectory()) return "folder";
    if (stats.isSymbolicLink()) return "link";
    return stats.isFile() ? "file" : undefined;
  } catch (cause) {
    if (codeOf(cause) === "ENOENT") return undefined;
    throw failed(`read "${path}"`, cause);
  }
}

async function namesIn(folder: string): Promise<readonly string[]> {
  try {
    return (await readdir(folder)).filter((name) => !isTemporary(name)).sort();
  } catch (cause) {
    if (codeOf(cause) === "ENOENT") return [];
    throw failed(`read "${folder}"`, cause);
  }
}

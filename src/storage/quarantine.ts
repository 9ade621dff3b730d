import { randomBytes } from "node:crypto";
import { lstat, rename } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { codeOf, messageOf } from "../base/errors.ts";
import { formatTime } from "../base/format-time.ts";
import { failureFacts } from "../base/log.ts";
import { ensureFolder, syncFolder } from "./atomic-write.ts";
import { failed } from "./failure.ts";
import type { StorageFolder } from "./storage-folder.ts";

/** Something in storage that may have to be moved aside. */
export interface Item {
  readonly path: string;
  /** Folders under `quarantine/` that say what it was: `["certificates", "store.shop.example"]`. */
  readonly under: readonly string[];
  /** How its name in there begins: `000007`. */
  readonly label: string;
  /** The host it is about, for the log. */
  readonly host?: string;
}

/**
 * Moves what could not be read into `quarantine/`, under a name of its own; nothing in there is ever
 * deleted or replaced. Returns the new path, or `undefined` when there was nothing to move.
 *
 * @throws {LatchkeyError} `STORAGE_FAILED`, `STORAGE_LOCKED`.
 */
export async function moveAside(
  folder: StorageFolder,
  item: Item,
  why: string,
): Promise<string | undefined> {
  await folder.confirmWritable();
  const target = await quarantinePath(folder, item);
  try {
    await lstat(item.path);
    await folder.confirmWritable();
    await rename(item.path, target);
    await syncFolder(dirname(target));
    await syncFolder(dirname(item.path));
  } catch (cause) {
    if (codeOf(cause) === "ENOENT") return undefined;
    throw failed(`move "${item.path}" aside`, cause);
  }
  folder.log.warn("storage.quarantined", {
    host: item.host,
    path: relative(folder.root, item.path),
    to: relative(folder.root, target),
    why,
  });
  return target;
}

/**
 * What `read` finds, or `undefined` when it finds something corrupt, which is then moved aside. When
 * it cannot be moved (read-only, no lease) it stays, and counts as absent all the same.
 *
 * @throws {LatchkeyError} what `read` throws, but for `STORAGE_CORRUPT`.
 */
export async function readOrMoveAside<T>(
  folder: StorageFolder,
  item: Item,
  read: () => Promise<T | undefined>,
): Promise<T | undefined> {
  try {
    return await read();
  } catch (error) {
    if (codeOf(error) !== "STORAGE_CORRUPT") throw error;
    await tryToMoveAside(folder, item, error);
    return undefined;
  }
}

/** As {@link moveAside} for what `error` says; when that fails, what is corrupt and why it stays is told in the log. */
export async function tryToMoveAside(
  folder: StorageFolder,
  item: Item,
  error: unknown,
): Promise<void> {
  const why = String(failureFacts(error)["message"]);
  try {
    await moveAside(folder, item, why);
  } catch (failure) {
    folder.log.warn("storage.corrupt", {
      code: codeOf(error),
      host: item.host,
      path: relative(folder.root, item.path),
      why,
      unmoved: messageOf(failure),
    });
  }
}

async function quarantinePath(folder: StorageFolder, item: Item): Promise<string> {
  const parent = await ensureFolder(folder.root, "quarantine", ...item.under);
  const moment = formatTime(folder.clock.now()).replace(/[-:]|\.\d+/g, "");
  return join(parent, `${item.label}-${moment}-${randomBytes(4).toString("hex")}`);
}

import { randomBytes } from "node:crypto";
import { constants } from "node:fs";
import {
  type FileHandle,
  lstat,
  mkdir,
  open,
  readdir,
  rename,
  rm,
  symlink,
  unlink,
} from "node:fs/promises";
import { dirname, join } from "node:path";
import { codeOf } from "../base/errors.ts";
import { corrupt, failed } from "./failure.ts";
import { isTemporary, temporaryName } from "./layout.ts";

/** CONTRACT §5. Set at creation and again by hand: no umask makes them wider or narrower. */
const FILE_MODE = 0o600;
const FOLDER_MODE = 0o700;
/** Tells what this program has in the making from what one before it left. */
const THIS_RUN = randomBytes(4).toString("hex");
/** Never an existing file, never through a link. */
const NEW_FILE = constants.O_RDWR | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;

/** What {@link writeAll} needs of an open file. */
export interface ByteSink {
  write(
    bytes: Uint8Array,
    offset: number,
    length: number,
    position: number,
  ): Promise<{ readonly bytesWritten: number }>;
}

/** Asked last before a change becomes visible: resolves when it may, rejects when it must not. */
export type Confirm = () => Promise<void>;

/**
 * Puts `data` at `path` whole or not at all: a crash, a full disk or a short write leaves what was
 * there before. A link planted at `path` is replaced, not followed. On return the file is on disk.
 *
 * @throws {LatchkeyError} `STORAGE_FAILED`; nothing of the attempt is left behind, as far as the disk lets us.
 */
export async function writeFileAtomically(
  path: string,
  data: Uint8Array | string,
  confirm?: Confirm,
): Promise<void> {
  const folder = dirname(path);
  const temporary = temporaryPath(folder);
  await leavingNothing(temporary, `write "${path}"`, async () => {
    await writeNewFile(temporary, data);
    await confirm?.();
    await rename(temporary, path);
    await syncFolder(folder);
  });
}

/** Makes the symbolic link `path` lead to `target`, replacing at once the link that is there. */
export async function replaceSymlink(
  path: string,
  target: string,
  confirm?: Confirm,
): Promise<void> {
  const folder = dirname(path);
  const temporary = temporaryPath(folder);
  await leavingNothing(temporary, `write "${path}"`, async () => {
    await symlink(target, temporary);
    await confirm?.();
    await rename(temporary, path);
    await syncFolder(folder);
  });
}

/**
 * Makes the folder `path` with `files` in it, whole or not at all. On return all of it is on disk.
 *
 * @throws {LatchkeyError} `STORAGE_FAILED`, also when there is such a folder with something in it.
 */
export async function writeFolderAtomically(
  path: string,
  files: Readonly<Record<string, string>>,
  confirm?: Confirm,
): Promise<void> {
  const temporary = temporaryPath(dirname(path));
  await leavingNothing(temporary, `write "${path}"`, async () => {
    await makeFolder(temporary);
    for (const [name, text] of Object.entries(files)) {
      await writeNewFile(join(temporary, name), text);
    }
    await syncFolder(temporary);
    await confirm?.();
    await rename(temporary, path);
    await syncFolder(dirname(path));
  });
}

/**
 * Makes the folder `path` go, with all it holds, in one step; nothing there is fine too.
 *
 * @throws {LatchkeyError} `STORAGE_FAILED`.
 */
export async function removeFolderAtomically(path: string): Promise<void> {
  const temporary = temporaryPath(dirname(path));
  try {
    await rename(path, temporary);
    await syncFolder(dirname(path));
    await rm(temporary, { recursive: true, force: true });
  } catch (cause) {
    if (codeOf(cause) !== "ENOENT") throw failed(`remove "${path}"`, cause);
  }
}

/**
 * Makes the file `path` go; none there is fine too.
 *
 * @throws {LatchkeyError} `STORAGE_FAILED`.
 */
export async function removeFile(path: string): Promise<void> {
  try {
    await unlink(path);
    await syncFolder(dirname(path));
  } catch (cause) {
    if (codeOf(cause) !== "ENOENT") throw failed(`remove "${path}"`, cause);
  }
}

/**
 * Writes and removes a file of `data` in `folder`: does a write here succeed now?
 *
 * @throws {LatchkeyError} `STORAGE_FAILED`.
 */
export async function tryWrite(folder: string, data: Uint8Array): Promise<void> {
  const temporary = temporaryPath(folder);
  await leavingNothing(temporary, `write into "${folder}"`, async () => {
    await writeNewFile(temporary, data);
    await rm(temporary);
  });
}

/**
 * Makes sure that `root` and, one inside the other, `segments` are folders of mode 0700, and
 * returns the path of the last one. Folders that exist keep their mode.
 *
 * @throws {LatchkeyError} `STORAGE_CORRUPT` when one of them is a link or a file; `STORAGE_FAILED`.
 */
export async function ensureFolder(root: string, ...segments: readonly string[]): Promise<string> {
  let path = root;
  try {
    await ensureOne(path);
    for (const segment of segments) {
      path = join(path, segment);
      await ensureOne(path);
    }
    return path;
  } catch (cause) {
    throw failed(`make the folder "${path}"`, cause);
  }
}

/** Brings the names in `folder` to the disk: a rename is not durable before. */
export async function syncFolder(folder: string): Promise<void> {
  await using handle = await open(folder, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    await handle.sync();
  } catch (cause) {
    // Some network file systems cannot sync a folder; they write names through.
    if (codeOf(cause) !== "EINVAL") throw cause;
  }
}

/**
 * Removes what writes of a program that is gone left in `folder`; writes of this one, which may be under
 * way, are left alone. Only the holder of the lease may call it.
 */
export async function removeLeftovers(folder: string): Promise<void> {
  try {
    const entries = await readdir(folder);
    for (const entry of entries.filter(isLeftover)) {
      await rm(join(folder, entry), { recursive: true, force: true });
    }
  } catch (cause) {
    if (codeOf(cause) !== "ENOENT") throw failed(`clean up "${folder}"`, cause);
  }
}

/** Writes all of `bytes` to an empty file, however few the system takes at a time. */
export async function writeAll(file: ByteSink, bytes: Uint8Array): Promise<void> {
  let written = 0;
  while (written < bytes.length) {
    const { bytesWritten } = await file.write(bytes, written, bytes.length - written, written);
    // A full disk can answer a write with 0 or fewer bytes and no error (measured on tmpfs).
    if (bytesWritten === 0) throw failed("write", new Error("the disk took no more bytes"));
    written += bytesWritten;
  }
}

async function writeNewFile(path: string, data: Uint8Array | string): Promise<void> {
  const bytes = typeof data === "string" ? Buffer.from(data) : data;
  await using file = await open(path, NEW_FILE, FILE_MODE);
  await file.chmod(FILE_MODE);
  await writeAll(file, bytes);
  await file.sync();
  await readBack(file, bytes, path);
}

async function readBack(file: FileHandle, bytes: Uint8Array, path: string): Promise<void> {
  const found = Buffer.alloc(bytes.length);
  let filled = 0;
  while (filled < found.length) {
    const { bytesRead } = await file.read(found, filled, found.length - filled, filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  const { size } = await file.stat();
  if (size === bytes.length && found.equals(bytes)) return;
  throw failed(`write "${path}"`, new Error("what was read back is not what was written"));
}

async function ensureOne(path: string): Promise<void> {
  try {
    await makeFolder(path);
    await syncFolder(dirname(path));
  } catch (cause) {
    if (codeOf(cause) !== "EEXIST") throw cause;
    if (!(await lstat(path)).isDirectory()) throw corrupt(path, "it is not a folder");
  }
}

async function makeFolder(path: string): Promise<void> {
  await mkdir(path, { mode: FOLDER_MODE });
  await using handle = await open(path, constants.O_RDONLY | constants.O_DIRECTORY);
  await handle.chmod(FOLDER_MODE);
}

async function leavingNothing(
  temporary: string,
  action: string,
  work: () => Promise<void>,
): Promise<void> {
  try {
    await work();
  } catch (cause) {
    // The first failure is the one to tell; what cannot be removed now goes with the next write.
    await rm(temporary, { recursive: true, force: true }).catch(() => undefined);
    throw failed(action, cause);
  }
}

function temporaryPath(folder: string): string {
  return join(folder, temporaryName(`${THIS_RUN}-${randomBytes(8).toString("hex")}`));
}

function isLeftover(entry: string): boolean {
  return isTemporary(entry) && !entry.startsWith(temporaryName(THIS_RUN));
}

import * as fs from "node:fs";
import { dirname } from "node:path";
import { promisify } from "node:util";
import { codeOf } from "../base/errors.ts";
import { corrupt, failed } from "./failure.ts";

/** A chain or a key; the longest real ones are 6 KiB. */
export const PEM_MAX_BYTES = 262_144;
/** One of our JSON files; the largest, with the words of a CA in it, stay under 10 KiB. */
export const RECORD_MAX_BYTES = 65_536;

/** Planted symbolic links are not followed, and opening a planted FIFO does not wait for a writer. */
const FLAGS = fs.constants.O_RDONLY | fs.constants.O_NOFOLLOW | fs.constants.O_NONBLOCK;
/**
 * A start reads tens of thousands of files, and each `FileHandle` costs more than the file. What may wait for a
 * disk does not hold up this process; what an open file knows of itself is asked in place.
 */
const open = promisify(fs.open);
const read = promisify(fs.read);

const NO_FOLDER = "its folder is a link or a file";

/**
 * The whole of a regular file; `undefined` when there is none.
 *
 * @throws {LatchkeyError} `STORAGE_CORRUPT` for a link, a folder, a device, more than
 *   `maxBytes`, or when it lies in a link to a folder; `STORAGE_FAILED` when the system refuses.
 */
export async function readBounded(path: string, maxBytes: number): Promise<Buffer | undefined> {
  try {
    const file = await open(path, FLAGS);
    try {
      if (!isInFolder(path)) throw corrupt(path, NO_FOLDER);
      return await readAll(file, path, maxBytes);
    } finally {
      fs.closeSync(file);
    }
  } catch (cause) {
    const code = codeOf(cause);
    if (code === "ENOENT") {
      if (!isInFolder(path)) throw corrupt(path, NO_FOLDER);
      return undefined;
    }
    if (code === "ELOOP") throw corrupt(path, "it is a symbolic link", cause);
    if (code === "ENOTDIR") throw corrupt(path, NO_FOLDER, cause);
    if (code === "ENXIO") throw corrupt(path, "it is not a file", cause);
    throw failed(`read "${path}"`, cause);
  }
}

/** Once its file was looked for, what the system knows of the folder is at hand. A folder that is not there is none of somebody else. */
function isInFolder(path: string): boolean {
  return fs.lstatSync(dirname(path), { throwIfNoEntry: false })?.isDirectory() !== false;
}

async function readAll(file: number, path: string, maxBytes: number): Promise<Buffer> {
  const stats = fs.fstatSync(file);
  if (!stats.isFile()) throw corrupt(path, "it is not a file");
  if (stats.size > maxBytes) throw corrupt(path, `it is larger than ${maxBytes} bytes`);
  const buffer = Buffer.alloc(stats.size);
  let filled = 0;
  while (filled < buffer.length) {
    const { bytesRead } = await read(file, buffer, filled, buffer.length - filled, filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return buffer.subarray(0, filled);
}

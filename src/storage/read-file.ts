import { constants } from "node:fs";
import { lstat, open } from "node:fs/promises";
import { dirname } from "node:path";
import { codeOf } from "../base/errors.ts";
import { corrupt, failed } from "./failure.ts";

/** A chain or a key; the longest real ones are 6 KiB. */
export const PEM_MAX_BYTES = 262_144;
/** One of our JSON files; the largest, with the words of a CA in it, stay under 10 KiB. */
export const RECORD_MAX_BYTES = 65_536;

/** Planted symbolic links are not followed, and opening a planted FIFO does not wait for a writer. */
const FLAGS = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

const NO_FOLDER = "its folder is a link or a file";

/**
 * The whole of a regular file; `undefined` when there is none.
 *
 * @throws {LatchkeyError} `STORAGE_CORRUPT` for a link, a folder, a device, more than
 *   `maxBytes`, or when it lies in a link to a folder; `STORAGE_FAILED` when the system refuses.
 */
export async function readBounded(path: string, maxBytes: number): Promise<Buffer | undefined> {
  try {
    if (!(await lstat(dirname(path))).isDirectory()) throw corrupt(path, NO_FOLDER);
    await using file = await open(path, FLAGS);
    const stats = await file.stat();
    if (!stats.isFile()) throw corrupt(path, "it is not a file");
    if (stats.size > maxBytes) throw corrupt(path, `it is larger than ${maxBytes} bytes`);
    const buffer = Buffer.alloc(stats.size);
    let filled = 0;
    while (filled < buffer.length) {
      const { bytesRead } = await file.read(buffer, filled, buffer.length - filled, filled);
      if (bytesRead === 0) break;
      filled += bytesRead;
    }
    return buffer.subarray(0, filled);
  } catch (cause) {
    const code = codeOf(cause);
    if (code === "ENOENT") return undefined;
    if (code === "ELOOP") throw corrupt(path, "it is a symbolic link", cause);
    if (code === "ENOTDIR") throw corrupt(path, NO_FOLDER, cause);
    if (code === "ENXIO") throw corrupt(path, "it is not a file", cause);
    throw failed(`read "${path}"`, cause);
  }
}

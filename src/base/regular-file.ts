import * as fs from "node:fs";
import { promisify } from "node:util";
import { codeOf } from "./errors.ts";

/** Opening a FIFO must not wait for whoever writes into it: that would hold a thread of this process for good. */
const FLAGS = fs.constants.O_RDONLY | fs.constants.O_NONBLOCK;
/**
 * A start reads tens of thousands of files, and each `FileHandle` costs more than the file. What may wait for a
 * disk does not hold up this process; what an open file knows of itself is asked in place.
 */
const open = promisify(fs.open);
const read = promisify(fs.read);

/** What was found at a path. */
export type FileReading =
  | { readonly kind: "read"; readonly bytes: Buffer }
  /** A folder, a FIFO, a socket, a device. */
  | { readonly kind: "not-a-file" }
  | { readonly kind: "too-large" };

/**
 * The whole of a regular file of at most `maxBytes`. Nothing else is waited for, or read without an end.
 *
 * @param links Is a symbolic link to a file as good as the file? Else it is refused with `ELOOP`.
 * @throws {Error} What the system says: `ENOENT`, `EACCES` …
 */
export async function readRegularFile(
  path: string,
  maxBytes: number,
  { links }: { readonly links: "followed" | "refused" },
): Promise<FileReading> {
  const file = await openUnwaited(path, links === "followed" ? 0 : fs.constants.O_NOFOLLOW);
  if (file === undefined) return { kind: "not-a-file" };
  try {
    const stats = fs.fstatSync(file);
    if (!stats.isFile()) return { kind: "not-a-file" };
    if (stats.size > maxBytes) return { kind: "too-large" };
    return { kind: "read", bytes: await readAll(file, stats.size) };
  } finally {
    fs.closeSync(file);
  }
}

/** `undefined` for a socket, or a device that is not there. */
async function openUnwaited(path: string, more: number): Promise<number | undefined> {
  try {
    return await open(path, FLAGS | more);
  } catch (error) {
    if (codeOf(error) === "ENXIO") return undefined;
    throw error;
  }
}

/** What is written behind its end meanwhile does not count. */
async function readAll(file: number, size: number): Promise<Buffer> {
  const buffer = Buffer.alloc(size);
  let filled = 0;
  while (filled < buffer.length) {
    const { bytesRead } = await read(file, buffer, filled, buffer.length - filled, filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return buffer.subarray(0, filled);
}

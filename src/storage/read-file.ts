import { lstatSync } from "node:fs";
import { dirname } from "node:path";
import { codeOf, unreachable } from "../base/errors.ts";
import { readRegularFile } from "../base/regular-file.ts";
import { corrupt, failed } from "./failure.ts";

/** A chain or a key; the longest real ones are 6 KiB. */
export const PEM_MAX_BYTES = 262_144;
/** One of our JSON files; the largest, with the words of a CA in it, stay under 10 KiB. */
export const RECORD_MAX_BYTES = 65_536;

const NO_FOLDER = "its folder is a link or a file";

/**
 * The whole of a regular file, without following planted symbolic links; `undefined` when there is none.
 *
 * @throws {LatchkeyError} `STORAGE_CORRUPT` for a link, a folder, a device, more than
 *   `maxBytes`, or when it lies in a link to a folder; `STORAGE_FAILED` when the system refuses.
 */
export async function readBounded(path: string, maxBytes: number): Promise<Buffer | undefined> {
  try {
    const reading = await readRegularFile(path, maxBytes, { links: "refused" });
    if (!isInFolder(path)) throw corrupt(path, NO_FOLDER);
    switch (reading.kind) {
      case "read":
        return reading.bytes;
      case "not-a-file":
        throw corrupt(path, "it is not a file");
      case "too-large":
        throw corrupt(path, `it is larger than ${maxBytes} bytes`);
      default:
        return unreachable(reading);
    }
  } catch (cause) {
    const code = codeOf(cause);
    if (code === "ENOENT") {
      if (!isInFolder(path)) throw corrupt(path, NO_FOLDER);
      return undefined;
    }
    if (code === "ELOOP") throw corrupt(path, "it is a symbolic link", cause);
    if (code === "ENOTDIR") throw corrupt(path, NO_FOLDER, cause);
    throw failed(`read "${path}"`, cause);
  }
}

/** Once its file was looked for, what the system knows of the folder is at hand. A folder that is not there is none of somebody else. */
function isInFolder(path: string): boolean {
  return lstatSync(dirname(path), { throwIfNoEntry: false })?.isDirectory() !== false;
}

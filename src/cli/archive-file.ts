import { open } from "node:fs/promises";
import { failed } from "../storage/failure.ts";

/** The first line of a file, and those after it. */
export interface ArchiveLines {
  readonly header: string;
  /** To be read to its end, which closes the file. */
  readonly lines: AsyncIterable<string>;
}

/** @throws {LatchkeyError} `STORAGE_FAILED` when it cannot be opened. */
export async function linesOf(path: string): Promise<ArchiveLines> {
  try {
    const handle = await open(path, "r");
    const all = handle.readLines()[Symbol.asyncIterator]();
    const first = await all.next();
    const header = first.done === true ? "" : first.value;
    return { header, lines: { [Symbol.asyncIterator]: () => all } };
  } catch (cause) {
    throw failed(`read "${path}"`, cause);
  }
}

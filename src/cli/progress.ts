import type { ArchiveEntry } from "../storage/archive.ts";

/** Files of one folder after which it is said how many there were; thousands take a while. */
const TOLD_EVERY = 1_000;

/** A line for a person who waits, on standard error; nothing where that is no terminal. */
export function progress(line: string): void {
  if (process.stderr.isTTY) process.stderr.write(`${line}\n`);
}

/** The same entries; tells of each folder of the storage how many there are, at its end and every thousand. */
export async function* withProgress(
  entries: AsyncIterable<ArchiveEntry>,
): AsyncGenerator<ArchiveEntry> {
  let folder: string | undefined;
  let count = 0;
  const tell = () => {
    if (folder !== undefined) progress(`${folder}: ${count} files`);
  };
  for await (const entry of entries) {
    yield entry;
    const slash = entry.path.indexOf("/");
    const next = slash === -1 ? undefined : entry.path.slice(0, slash);
    if (next !== folder) {
      tell();
      folder = next;
      count = 0;
    }
    count += 1;
    if (count % TOLD_EVERY === 0) tell();
  }
  if (count % TOLD_EVERY !== 0) tell();
}

import { existsSync } from "node:fs";
import { chmod, lstat, mkdtemp, readdir, readFile, readlink, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A folder for one test; `await using` removes it with all it holds. */
export interface TemporaryFolder extends AsyncDisposable {
  readonly path: string;
}

/** Memory where there is some: thousands of fsyncs a run would wait for the disk. */
const BASE = existsSync("/dev/shm") ? "/dev/shm" : tmpdir();

export async function temporaryFolder(): Promise<TemporaryFolder> {
  const path = await mkdtemp(join(BASE, "latchkey-"));
  return {
    path,
    [Symbol.asyncDispose]: async () => {
      await chmod(path, 0o700);
      await rm(path, { recursive: true, force: true });
    },
  };
}

/** One entry of a folder tree: what it is, and what is in it. */
export interface Entry {
  /** Relative to the folder asked about. */
  readonly path: string;
  readonly kind: "file" | "folder" | "link" | "other";
  /** Permission bits. */
  readonly mode: number;
  /** A file's bytes as latin1, a link's target, else empty. */
  readonly content: string;
}

/** Everything under `root`, each folder before what is in it; links are not followed. */
export async function entriesOf(root: string, folder = ""): Promise<readonly Entry[]> {
  const found: Entry[] = [];
  for (const name of (await readdir(join(root, folder))).sort()) {
    const entry = await entryAt(root, join(folder, name));
    found.push(entry);
    if (entry.kind === "folder") found.push(...(await entriesOf(root, entry.path)));
  }
  return found;
}

/** The paths under `root`. */
export async function pathsOf(root: string): Promise<readonly string[]> {
  return (await entriesOf(root)).map(({ path }) => path);
}

async function entryAt(root: string, path: string): Promise<Entry> {
  const full = join(root, path);
  const stats = await lstat(full);
  const mode = stats.mode & 0o7777;
  if (stats.isDirectory()) return { path, kind: "folder", mode, content: "" };
  if (stats.isSymbolicLink()) return { path, kind: "link", mode, content: await readlink(full) };
  if (!stats.isFile()) return { path, kind: "other", mode, content: "" };
  return { path, kind: "file", mode, content: await readFile(full, "latin1") };
}

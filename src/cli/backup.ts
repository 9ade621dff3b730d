import { randomBytes } from "node:crypto";
import { type FileHandle, open, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { systemClock } from "../base/clock.ts";
import { LatchkeyError, messageOf } from "../base/errors.ts";
import { createLog } from "../base/log.ts";
import { type ArchiveKey, newArchiveKey, seal, unseal } from "../storage/archive.ts";
import { syncFolder } from "../storage/atomic-write.ts";
import { entriesOfStorage } from "../storage/backup.ts";
import { Storage } from "../storage/storage.ts";
import { linesOf } from "./archive-file.ts";
import { readConfiguration } from "./configuration.ts";
import { EXIT } from "./exit.ts";
import { readPassphrase } from "./passphrase.ts";
import { progress, withProgress } from "./progress.ts";

interface BackupOptions {
  readonly config?: string;
  readonly passphrase?: string;
}

/**
 * `latchkey backup FILE`: the storage as one file that only its passphrase opens, also while the
 * program runs. It is read back before it takes the place of one of before. A terminal is told how far it is.
 */
export async function backup(file: string, options: BackupOptions): Promise<number> {
  const config = await readConfiguration(options.config);
  const log = createLog({ ...config.log, process: "backup", fd: process.stderr.fd });
  const { root } = await Storage.open({
    root: config.storage,
    clock: systemClock,
    log,
    readOnly: true,
  });
  const key = await newArchiveKey(await readPassphrase(options.passphrase, true));
  const temporary = join(dirname(file), `.${basename(file)}.${randomBytes(4).toString("hex")}`);
  try {
    await write(temporary, key, root);
    progress("reading it back");
    const count = await countEntries(temporary, key);
    await rename(temporary, file);
    await syncFolder(dirname(file)); // who is told that there is a backup still has it after a power cut
    process.stdout.write(`${file}: ${count} files of ${root}\n`);
    return EXIT.ok;
  } catch (cause) {
    await rm(temporary, { force: true });
    if (cause instanceof LatchkeyError) throw cause;
    const why = messageOf(cause);
    throw new LatchkeyError("STORAGE_FAILED", `Cannot write ${file}: ${why}`, {}, { cause });
  }
}

async function write(path: string, key: ArchiveKey, root: string): Promise<void> {
  await using handle = await open(path, "wx", 0o600);
  for await (const line of seal(key, withProgress(entriesOfStorage(root))))
    await writeLine(handle, line);
  await handle.sync();
}

/** `writeFile` on a handle goes on where it is, and writes all of it. */
async function writeLine(handle: FileHandle, line: string): Promise<void> {
  await handle.writeFile(`${line}\n`);
}

/** All of it, to its end: a backup that cannot be read is none. */
async function countEntries(path: string, key: ArchiveKey): Promise<number> {
  const { lines } = await linesOf(path);
  let count = 0;
  for await (const _entry of unseal(key, lines)) count += 1;
  return count;
}

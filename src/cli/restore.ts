import { systemClock } from "../base/clock.ts";
import { createLog } from "../base/log.ts";
import { archiveKeyOf, unseal } from "../storage/archive.ts";
import { restoreStorage } from "../storage/restore.ts";
import { Storage } from "../storage/storage.ts";
import { linesOf } from "./archive-file.ts";
import { readConfiguration } from "./configuration.ts";
import { EXIT } from "./exit.ts";
import { readPassphrase } from "./passphrase.ts";
import { withProgress } from "./progress.ts";

interface RestoreOptions {
  readonly config?: string;
  readonly passphrase?: string;
  readonly replace?: boolean;
}

/** `latchkey restore FILE`: fills the storage from a backup; no program may be running on it. A terminal is told how far it is. */
export async function restore(file: string, options: RestoreOptions): Promise<number> {
  const config = await readConfiguration(options.config);
  const { header, lines } = await linesOf(file);
  const key = await archiveKeyOf(header, await readPassphrase(options.passphrase, false));
  const log = createLog({ ...config.log, process: "restore", fd: process.stderr.fd });
  await using storage = await Storage.open({ root: config.storage, clock: systemClock, log });
  await storage.acquire(new AbortController().signal);
  const entries = withProgress(unseal(key, lines));
  const count = await restoreStorage(storage, entries, options.replace === true);
  // What was revoked since the backup was made, before anything serves it again.
  await storage.certificates.expelAllRevoked();
  process.stdout.write(`${storage.root}: ${count} files from ${file}\n`);
  return EXIT.ok;
}

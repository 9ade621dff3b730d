import { askStatus } from "../admin/client.ts";
import type { Snapshot } from "../admin/snapshot.ts";
import type { CertificateRecord } from "../base/certificate-record.ts";
import { systemClock } from "../base/clock.ts";
import { codeOf } from "../base/errors.ts";
import { createLog } from "../base/log.ts";
import { storedRecords } from "../certificate/stored.ts";
import type { Config } from "../config/config.ts";
import { buildRoutes } from "../config/route.ts";
import { Storage } from "../storage/storage.ts";

/** Standard error: standard output is for the rows. */
const STDERR_FD = 2;

/** What the program that runs says; `undefined`: none does, and there is storage alone. */
export async function askIfRunning({ listen }: Config): Promise<Snapshot | undefined> {
  try {
    return await askStatus(listen.admin);
  } catch (error) {
    if (codeOf(error) !== "NOT_RUNNING") throw error;
    return undefined;
  }
}

/** Said with what was read from storage. */
export const NOT_RUNNING =
  "latchkey is not running, or just starting; this is what its storage knows";

/** The rows of `certs` when nothing runs. Writes nothing and takes no lease. */
export async function recordsFromStorage(config: Config): Promise<readonly CertificateRecord[]> {
  const log = createLog({ ...config.log, process: "certs", fd: STDERR_FD });
  const storage = await Storage.open({
    root: config.storage,
    clock: systemClock,
    log,
    readOnly: true,
  });
  const routes = buildRoutes(config.hosts);
  return await storedRecords(config, storage, (name) => routes.findCertified(name));
}

import { askStatus } from "../admin/client.ts";
import { type Snapshot, type TroubleSnapshot, troubleSnapshot } from "../admin/snapshot.ts";
import type { CertificateRecord } from "../base/certificate-record.ts";
import { systemClock } from "../base/clock.ts";
import { codeOf } from "../base/errors.ts";
import { createLog } from "../base/log.ts";
import { storedRecords } from "../certificate/stored.ts";
import type { Config } from "../config/config.ts";
import { buildRoutes } from "../config/route.ts";
import { lookAtStorage } from "../storage/look.ts";
import { Storage } from "../storage/storage.ts";
import { patiently } from "./patiently.ts";

/** Standard error, in words: standard output is for the rows. */
const STDERR_FD = 2;

/** What is known when nothing answers: what is seen in storage. */
export interface Stopped {
  readonly version: null;
  readonly pid: null;
  readonly startedAt: null;
  readonly manager: null;
  readonly workers: readonly [];
  readonly hosts: readonly CertificateRecord[];
  readonly backends: readonly [];
  readonly troubles: readonly TroubleSnapshot[];
}

/** What the program that runs says; when none does, what storage knows. */
export async function lookAtProgram(config: Config): Promise<Snapshot | Stopped> {
  try {
    const { listen, storage } = config;
    return await patiently(() => askStatus(listen.admin), { storage, unanswered: true });
  } catch (error) {
    if (codeOf(error) !== "NOT_RUNNING") throw error;
    return await seenInStorage(config);
  }
}

async function seenInStorage(config: Config): Promise<Stopped> {
  const [hosts, troubles] = [await recordsFromStorage(config), await storageTroubles(config)];
  return {
    ...{ version: null, pid: null, startedAt: null, manager: null, workers: [] },
    ...{ hosts, backends: [], troubles },
  };
}

/**
 * Why storage cannot be written into, if so: a program that started on it serves what is stored, and has no admin
 * socket by which it could be asked. Changes nothing.
 */
async function storageTroubles({ storage }: Config): Promise<readonly TroubleSnapshot[]> {
  const look = { tryWriting: false, now: systemClock.now() };
  const { folder } = await lookAtStorage(storage, look);
  if (folder.kind !== "there" || folder.unwritable === undefined) return [];
  return [
    troubleSnapshot({
      kind: "storage.unwritable",
      host: undefined,
      severity: "critical",
      message: `The storage ${storage} cannot be written; nothing is ordered until it can`,
      detail: folder.unwritable,
      hint: "Free space on its disk, or make it writable. A program that started on it serves all the same, and cannot be asked: its admin socket has no place.",
      nextAttemptAt: undefined,
    }),
  ];
}

/** For people. */
export function describeTroubles(
  troubles: readonly TroubleSnapshot[],
  highlight: (text: string) => string = (text) => text,
): string[] {
  return troubles.map(
    ({ message, detail, hint }) => `${highlight(`! ${message}`)}\n  ${detail}\n  → ${hint}\n`,
  );
}

/** Said with what was read from storage. */
export const NOT_RUNNING =
  "latchkey is not running, or just starting; this is what its storage knows";

/** The rows of `certs` when nothing runs. Writes nothing and takes no lease. */
export async function recordsFromStorage(config: Config): Promise<readonly CertificateRecord[]> {
  const log = createLog({ ...config.log, format: "pretty", process: "certs", fd: STDERR_FD });
  const storage = await Storage.open({
    root: config.storage,
    clock: systemClock,
    log,
    readOnly: true,
  });
  const routes = buildRoutes(config.hosts);
  return await storedRecords(config, storage, (name) => routes.findCertified(name));
}

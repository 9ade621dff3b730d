import { join } from "node:path";
import type { CertificateName } from "../../src/base/certificate-name.ts";
import type { Facts } from "../../src/base/errors.ts";
import { type Hostname, parseHostname } from "../../src/base/hostname.ts";
import type { Log } from "../../src/base/log.ts";
import { Storage, type StorageOptions } from "../../src/storage/storage.ts";
import { makeCertificate } from "./certificates.ts";
import { temporaryFolder } from "./folders.ts";
import { ManualClock } from "./manual-clock.ts";

/** A log that keeps what it is told. */
export interface KeptLog extends Log {
  readonly events: readonly { readonly event: string; readonly facts: Facts }[];
  /** The facts of the one event of that name. */
  only(event: string): Facts;
}

export function keptLog(): KeptLog {
  const events: { event: string; facts: Facts }[] = [];
  const keep = (event: string, facts: Facts = {}) => void events.push({ event, facts });
  const only = (event: string) => {
    const found = events.filter((entry) => entry.event === event);
    if (found[0] === undefined || found.length > 1) {
      throw new Error(`${found.length} events ${event} in ${JSON.stringify(events)}`);
    }
    return found[0].facts;
  };
  return { events, only, debug: keep, info: keep, warn: keep, error: keep };
}

/** A storage on a fresh folder, with its lease. */
export interface OpenStorage extends AsyncDisposable {
  readonly root: string;
  readonly storage: Storage;
  readonly clock: ManualClock;
  readonly log: KeptLog;
  /** Another look at the same folder, as a program started later has it. */
  reopen(options?: Partial<StorageOptions>): Promise<Storage>;
}

export async function openStorage(): Promise<OpenStorage> {
  const folder = await temporaryFolder();
  const root = join(folder.path, "storage");
  const clock = new ManualClock();
  const log = keptLog();
  const storage = await Storage.open({ root, clock, log });
  await storage.acquire(new AbortController().signal);
  return {
    root,
    storage,
    clock,
    log,
    reopen: (options = {}) => Storage.open({ root, clock, log, ...options }),
    [Symbol.asyncDispose]: async () => {
      await storage.close();
      await folder[Symbol.asyncDispose]();
    },
  };
}

export const directory = "https://ca.example/directory";

/** A certificate to save for `host`. */
export function certificateFor(host: CertificateName) {
  return makeCertificate({ names: [host] });
}

/** `text` as a host name; a test that misspells one fails. */
export function named(text: string): Hostname {
  const host = parseHostname(text);
  if (host === undefined) throw new Error(`"${text}" is no host name`);
  return host;
}

import { join } from "node:path";
import type { CertificateName } from "../base/certificate-name.ts";
import { formatTime } from "../base/format-time.ts";
import { writeFileAtomically } from "./atomic-write.ts";
import { corrupt } from "./failure.ts";
import { issuedFolder } from "./issued-folder.ts";
import { folderOf } from "./layout.ts";
import { readOrMoveAside } from "./quarantine.ts";
import { type Fields, formatRecord, readRecord } from "./record.ts";
import type { StorageFolder } from "./storage-folder.ts";

/** What is known of when a CA wants one certificate to be renewed (RFC 9773). Times in milliseconds since the epoch. */
export interface StoredRenewalInfo {
  /** Serial of the certificate it is about: void for any other. */
  readonly serial: string;
  /** When the CA is to be asked again. */
  readonly nextCheckAt: number;
  /** How often in a row it gave no window that could be used. */
  readonly failures: number;
  /** `undefined` while it has given none. */
  readonly window: StoredWindow | undefined;
  /** When the CA last hurried a renewal of this name, or is about to; see `certificate/window.ts`. */
  readonly hurriedAt: number | undefined;
}

/** A window of a CA, and the moment we picked. */
export interface StoredWindow {
  readonly start: number;
  /** Not before `start`. */
  readonly end: number;
  /** When to renew, within the window: drawn once for each window, and kept over restarts. */
  readonly pickedAt: number;
  /** A page that says why, if the CA named one. */
  readonly explanationUrl: string | undefined;
}

/** The renewal advice of every host: `certificates/<host>/renewal.json`. */
export class RenewalInfos {
  readonly #storage: StorageFolder;

  constructor(storage: StorageFolder) {
    this.#storage = storage;
  }

  /**
   * What is stored for `host`, or `undefined`; a broken file is moved to `quarantine/`.
   *
   * @throws {LatchkeyError} `STORAGE_FAILED`.
   */
  load(host: CertificateName): Promise<StoredRenewalInfo | undefined> {
    const path = join(this.#storage.root, "certificates", folderOf(host), "renewal.json");
    const item = { path, under: ["certificates", folderOf(host)], label: "renewal", host };
    return readOrMoveAside(this.#storage, item, () => readRenewalInfo(path));
  }

  /** Nothing is written for a host whose certificate is not stored. @throws {LatchkeyError} `STORAGE_FAILED`, `STORAGE_LOCKED`. */
  async save(host: CertificateName, info: StoredRenewalInfo): Promise<void> {
    await this.#storage.confirmWritable();
    const folder = await issuedFolder(this.#storage.root, host);
    if (folder === undefined) return;
    await writeFileAtomically(
      join(folder, "renewal.json"),
      formatRecord({
        serial: info.serial,
        nextCheckAt: formatTime(info.nextCheckAt),
        failures: info.failures,
        window: info.window && {
          start: formatTime(info.window.start),
          end: formatTime(info.window.end),
          pickedAt: formatTime(info.window.pickedAt),
          explanationUrl: info.window.explanationUrl,
        },
        hurriedAt: info.hurriedAt === undefined ? undefined : formatTime(info.hurriedAt),
      }),
      () => this.#storage.confirmWritable(),
    );
  }
}

async function readRenewalInfo(path: string): Promise<StoredRenewalInfo | undefined> {
  const fields = await readRecord(path);
  if (fields === undefined) return undefined;
  const window = fields.keys.includes("window")
    ? readWindow(path, fields.object("window"))
    : undefined;
  return {
    serial: fields.text("serial"),
    nextCheckAt: fields.time("nextCheckAt"),
    failures: fields.count("failures"),
    window,
    hurriedAt: fields.keys.includes("hurriedAt") ? fields.time("hurriedAt") : undefined,
  };
}

function readWindow(path: string, fields: Fields): StoredWindow {
  const [start, end] = [fields.time("start"), fields.time("end")];
  if (end < start) throw corrupt(path, "its window ends before it starts");
  const pickedAt = fields.time("pickedAt");
  if (pickedAt < start || pickedAt > end) throw corrupt(path, "its moment is not in its window");
  return { start, end, pickedAt, explanationUrl: fields.optionalText("explanationUrl") };
}

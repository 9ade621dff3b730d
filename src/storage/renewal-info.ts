import { join } from "node:path";
import type { CertificateName } from "../base/certificate-name.ts";
import { ensureFolder, writeFileAtomically } from "./atomic-write.ts";
import { corrupt } from "./failure.ts";
import { folderOf } from "./layout.ts";
import { readOrMoveAside } from "./quarantine.ts";
import { formatRecord, formatTime, readRecord } from "./record.ts";
import type { StorageFolder } from "./storage-folder.ts";

/** What the CA advises for one certificate (RFC 9773), and the moment we picked. Times in milliseconds since the epoch. */
export interface StoredRenewalInfo {
  /** Serial of the certificate it is about: void for any other. */
  readonly serial: string;
  readonly windowStart: number;
  /** Not before `windowStart`. */
  readonly windowEnd: number;
  /** When to renew: drawn once for each window, and kept over restarts. */
  readonly pickedAt: number;
  /** When the CA is to be asked again. */
  readonly nextCheckAt: number;
  /** A page that says why, if the CA named one. */
  readonly explanationUrl?: string | undefined;
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

  /** @throws {LatchkeyError} `STORAGE_FAILED`, `STORAGE_LOCKED`. */
  async save(host: CertificateName, info: StoredRenewalInfo): Promise<void> {
    await this.#storage.confirmWritable();
    const folder = await ensureFolder(this.#storage.root, "certificates", folderOf(host));
    await writeFileAtomically(
      join(folder, "renewal.json"),
      formatRecord({
        serial: info.serial,
        windowStart: formatTime(info.windowStart),
        windowEnd: formatTime(info.windowEnd),
        pickedAt: formatTime(info.pickedAt),
        nextCheckAt: formatTime(info.nextCheckAt),
        explanationUrl: info.explanationUrl,
      }),
    );
  }
}

async function readRenewalInfo(path: string): Promise<StoredRenewalInfo | undefined> {
  const fields = await readRecord(path);
  if (fields === undefined) return undefined;
  const windowStart = fields.time("windowStart");
  const windowEnd = fields.time("windowEnd");
  if (windowEnd < windowStart) throw corrupt(path, "its window ends before it starts");
  return {
    serial: fields.text("serial"),
    windowStart,
    windowEnd,
    pickedAt: fields.time("pickedAt"),
    nextCheckAt: fields.time("nextCheckAt"),
    explanationUrl: fields.optionalText("explanationUrl"),
  };
}

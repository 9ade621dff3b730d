import { createHash } from "node:crypto";
import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { CertificateName } from "../base/certificate-name.ts";
import { codeOf } from "../base/errors.ts";
import { failureFacts } from "../base/log.ts";
import { ensureFolder, syncFolder, writeFileAtomically } from "./atomic-write.ts";
import { failed } from "./failure.ts";
import { readOrMoveAside } from "./quarantine.ts";
import { formatRecord, readRecord } from "./record.ts";
import type { StorageFolder } from "./storage-folder.ts";

/** A TXT record that was put into DNS to prove control, and has to be taken away again. */
export interface PublishedRecord {
  /** The certificate that it was for. */
  readonly certificate: CertificateName;
  /** Where it is in DNS. */
  readonly name: string;
  /** Public once it is there. */
  readonly value: string;
}

const FILE = /^[0-9a-f]{32}\.json$/;

/** The records of ours that may be in DNS now: `dns/`, one file each, written before the record is. */
export class PublishedRecords {
  readonly #storage: StorageFolder;

  constructor(storage: StorageFolder) {
    this.#storage = storage;
  }

  /** @throws {LatchkeyError} `STORAGE_FAILED`, `STORAGE_LOCKED`. */
  async save({ certificate, name, value }: PublishedRecord): Promise<void> {
    await this.#storage.confirmWritable();
    const folder = await ensureFolder(this.#storage.root, "dns");
    const text = formatRecord({ certificate, name, value });
    await writeFileAtomically(join(folder, fileOf({ name, value })), text, () =>
      this.#storage.confirmWritable(),
    );
  }

  /**
   * Forgets a record that is not in DNS any more.
   *
   * @throws {LatchkeyError} `STORAGE_FAILED`, `STORAGE_LOCKED`.
   */
  async remove(record: PublishedRecord): Promise<void> {
    await this.#storage.confirmWritable();
    const path = join(this.#folder, fileOf(record));
    try {
      await rm(path);
      await syncFolder(this.#folder);
    } catch (cause) {
      if (codeOf(cause) !== "ENOENT") throw failed(`remove "${path}"`, cause);
    }
  }

  /**
   * All of them. A broken file is moved to `quarantine/`, one that the disk does not give back is told
   * in the log; the others are there all the same.
   *
   * @throws {LatchkeyError} `STORAGE_FAILED` when the folder cannot be read.
   */
  async all(): Promise<readonly PublishedRecord[]> {
    const found: PublishedRecord[] = [];
    for (const file of await this.#files()) {
      const path = join(this.#folder, file);
      const item = { path, under: ["dns", file], label: "dns" };
      try {
        const record = await readOrMoveAside(this.#storage, item, () => readPublished(path));
        if (record !== undefined) found.push(record);
      } catch (error) {
        this.#storage.log.warn("storage.unreadable", failureFacts(error));
      }
    }
    return found;
  }

  get #folder(): string {
    return join(this.#storage.root, "dns");
  }

  async #files(): Promise<readonly string[]> {
    try {
      return (await readdir(this.#folder)).filter((file) => FILE.test(file)).sort();
    } catch (cause) {
      if (codeOf(cause) === "ENOENT") return [];
      throw failed(`read "${this.#folder}"`, cause);
    }
  }
}

/** Names of DNS may be too long for a file, and mean something to a file system. */
function fileOf({ name, value }: Pick<PublishedRecord, "name" | "value">): string {
  const hash = createHash("sha256").update(`${name}\0${value}`).digest("hex");
  return `${hash.slice(0, 32)}.json`;
}

async function readPublished(path: string): Promise<PublishedRecord | undefined> {
  const fields = await readRecord(path);
  return (
    fields && {
      certificate: fields.name("certificate"),
      name: fields.text("name"),
      value: fields.text("value"),
    }
  );
}

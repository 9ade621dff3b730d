import { readdir } from "node:fs/promises";
import { join } from "node:path";
import type { CertificateName } from "../base/certificate-name.ts";
import { codeOf } from "../base/errors.ts";
import { formatTime } from "../base/format-time.ts";
import {
  ensureFolder,
  removeFolderAtomically,
  removeLeftovers,
  writeFileAtomically,
} from "./atomic-write.ts";
import { corrupt, failed } from "./failure.ts";
import { fingerprintOf, readKeyFile } from "./key-file.ts";
import { folderOf, nameOf } from "./layout.ts";
import { readOrMoveAside } from "./quarantine.ts";
import { formatRecord, readRecord } from "./record.ts";
import type { StorageFolder } from "./storage-folder.ts";

/** An order in flight: all that is needed to go on with it after a crash. */
export interface StoredOrder {
  readonly host: CertificateName;
  /** URL of the directory of the CA. */
  readonly directory: string;
  /** URL of the order at the CA. */
  readonly orderUrl: string;
  /** PEM (PKCS #8) of the key that the certificate will be for. Never logged. */
  readonly key: string;
  /** Milliseconds since the epoch (RFC 3339 on disk). */
  readonly createdAt: number;
  /** The profile asked for, if one was. */
  readonly profile?: string | undefined;
}

/** The orders in flight, at most one for each name. */
export class Orders {
  readonly #storage: StorageFolder;

  constructor(storage: StorageFolder) {
    this.#storage = storage;
  }

  /**
   * The order in flight for `host`, or `undefined`. What is broken, or was written by halves, is
   * moved to `quarantine/` and there is none.
   *
   * @throws {LatchkeyError} `STORAGE_FAILED`.
   */
  load(host: CertificateName): Promise<StoredOrder | undefined> {
    const path = this.#folderOf(host);
    const item = { path, under: ["orders", folderOf(host)], label: "order", host };
    return readOrMoveAside(this.#storage, item, () => readOrder(path, host));
  }

  /** Every name with an order, or what is left of one; what else lies in `orders/` is passed over. */
  async list(): Promise<readonly CertificateName[]> {
    const folder = join(this.#storage.root, "orders");
    try {
      return (await readdir(folder)).map(nameOf).filter((name) => name !== undefined);
    } catch (cause) {
      if (codeOf(cause) === "ENOENT") return [];
      throw failed(`read "${folder}"`, cause);
    }
  }

  /**
   * Stores the order in the place of the one before. Call it before finalize: from then on the CA may
   * have signed the key.
   *
   * @throws {LatchkeyError} `STORAGE_FAILED`, `STORAGE_LOCKED`.
   */
  async save(order: StoredOrder): Promise<void> {
    await this.#storage.confirmWritable();
    const { host, directory, orderUrl, key, createdAt, profile } = order;
    const folder = await ensureFolder(this.#storage.root, "orders", folderOf(host));
    await removeLeftovers(folder);
    // order.json names the key it belongs to: a crash between the two leaves no false pair.
    const confirm = () => this.#storage.confirmWritable();
    await writeFileAtomically(join(folder, "key.pem"), key, confirm);
    await writeFileAtomically(
      join(folder, "order.json"),
      formatRecord({
        host,
        directory,
        orderUrl,
        profile,
        keyFingerprint: fingerprintOf(key),
        createdAt: formatTime(createdAt),
      }),
      confirm,
    );
  }

  /**
   * Forgets the order of `host`, if there is one.
   *
   * @throws {LatchkeyError} `STORAGE_FAILED`, `STORAGE_LOCKED`.
   */
  async remove(host: CertificateName): Promise<void> {
    await this.#storage.confirmWritable();
    // In one step: who was stopped half-way must not go on to remove what another program put there.
    await removeFolderAtomically(this.#folderOf(host));
  }

  #folderOf(host: CertificateName): string {
    return join(this.#storage.root, "orders", folderOf(host));
  }
}

async function readOrder(folder: string, host: CertificateName): Promise<StoredOrder | undefined> {
  const path = join(folder, "order.json");
  const fields = await readRecord(path);
  if (fields === undefined) return undefined;
  const key = await readKeyFile(join(folder, "key.pem"));
  if (key === undefined) throw corrupt(folder, "key.pem is missing");
  if (fields.name("host") !== host) throw corrupt(path, "it is about another host");
  if (fields.text("keyFingerprint") !== fingerprintOf(key)) {
    throw corrupt(folder, "order.json is about another key");
  }
  return {
    host,
    directory: fields.text("directory"),
    orderUrl: fields.text("orderUrl"),
    key,
    createdAt: fields.time("createdAt"),
    profile: fields.optionalText("profile"),
  };
}

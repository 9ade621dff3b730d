import { join } from "node:path";
import { formatTime } from "../base/format-time.ts";
import { ensureFolder, removeFile, removeLeftovers, writeFileAtomically } from "./atomic-write.ts";
import { corrupt } from "./failure.ts";
import { fingerprintOf, readKeyFile } from "./key-file.ts";
import { accountFolderOf } from "./layout.ts";
import { type Item, readOrMoveAside } from "./quarantine.ts";
import { formatRecord, readRecord } from "./record.ts";
import type { StorageFolder } from "./storage-folder.ts";

/** An account at a CA. */
export interface StoredAccount {
  /** URL of the CA's directory. */
  readonly directory: string;
  /** PEM (PKCS #8). Never logged. */
  readonly key: string;
  /**
   * The key that the CA was going to be told in place of `key` (RFC 8555 §7.3.5), as long as it has not
   * been heard that it agreed: only the CA knows which of the two counts.
   */
  readonly nextKey?: string;
  /** The account's URL at the CA; `undefined` when only the key is known, and the CA has to be asked (RFC 8555 §7.3.1). */
  readonly url: string | undefined;
  /** Milliseconds since the epoch (RFC 3339 on disk). */
  readonly createdAt: number;
}

const NEXT_KEY = "next.key";

/** The accounts, one folder for each CA. */
export class Accounts {
  readonly #storage: StorageFolder;
  /** As they were last read or written, by directory. */
  readonly #known = new Map<string, StoredAccount>();

  constructor(storage: StorageFolder) {
    this.#storage = storage;
  }

  /**
   * The account at the CA of `directory`; `undefined` when there is none. A key that cannot be read is
   * moved to `quarantine/` with all the rest, and there is none; when only `account.json` is
   * broken or missing, the key remains and finds its account again.
   *
   * @throws {LatchkeyError} `STORAGE_FAILED`.
   */
  async load(directory: string): Promise<StoredAccount | undefined> {
    const folder = this.#folderOf(directory);
    const key = await readOrMoveAside(this.#storage, this.#item(directory, folder, "folder"), () =>
      readKeyFile(join(folder, "account.key")),
    );
    if (key === undefined) return undefined;
    const path = join(folder, "account.json");
    const found = await readOrMoveAside(
      this.#storage,
      this.#item(directory, path, "account.json"),
      () => readDescription(path, directory, fingerprintOf(key)),
    );
    const stored = { directory, key, url: found?.url, createdAt: found?.createdAt ?? 0 };
    const nextKey = await this.#loadNext(directory, folder);
    const account = nextKey === undefined ? stored : { ...stored, nextKey };
    this.#known.set(directory, account);
    return account;
  }

  /**
   * Writes back the accounts known to this program whose files were deleted.
   *
   * @throws {LatchkeyError} `STORAGE_FAILED`, `STORAGE_LOCKED`.
   */
  async restore(): Promise<void> {
    for (const [directory, account] of [...this.#known])
      if ((await this.load(directory)) === undefined) await this.save(account);
  }

  #loadNext(directory: string, folder: string): Promise<string | undefined> {
    const path = join(folder, NEXT_KEY);
    return readOrMoveAside(this.#storage, this.#item(directory, path, NEXT_KEY), () =>
      readKeyFile(path),
    );
  }

  /**
   * Stores the account; call it with the key alone before the CA is asked, so that a crash in
   * between leaves no account behind that nobody has the key of; the same with a `nextKey`. Saved without
   * one, a `nextKey` of before is gone.
   *
   * @throws {LatchkeyError} `STORAGE_FAILED`, `STORAGE_LOCKED`.
   */
  async save(account: StoredAccount): Promise<void> {
    await this.#storage.confirmWritable();
    const { directory, key, nextKey, url, createdAt } = account;
    const folder = await ensureFolder(this.#storage.root, "accounts", accountFolderOf(directory));
    await removeLeftovers(folder);
    const confirm = () => this.#storage.confirmWritable();
    if (nextKey !== undefined) await writeFileAtomically(join(folder, NEXT_KEY), nextKey, confirm);
    // The key first: account.json says which key it is about, and is void beside another one.
    await writeFileAtomically(join(folder, "account.key"), key, confirm);
    await writeFileAtomically(
      join(folder, "account.json"),
      formatRecord({
        directory,
        url,
        keyFingerprint: fingerprintOf(key),
        createdAt: formatTime(createdAt),
      }),
      confirm,
    );
    if (nextKey === undefined) await removeFile(join(folder, NEXT_KEY));
    this.#known.set(directory, account);
  }

  #folderOf(directory: string): string {
    return join(this.#storage.root, "accounts", accountFolderOf(directory));
  }

  #item(directory: string, path: string, label: string): Item {
    return { path, under: ["accounts", accountFolderOf(directory)], label };
  }
}

/** What account.json says of the account whose key has `fingerprint`. */
async function readDescription(path: string, directory: string, fingerprint: string) {
  const fields = await readRecord(path);
  if (fields === undefined) return undefined;
  if (fields.text("directory") !== directory) throw corrupt(path, "it is about another CA");
  // Half of a save: a new key whose account the CA still has to name.
  if (fields.text("keyFingerprint") !== fingerprint) return undefined;
  return { url: fields.optionalText("url"), createdAt: fields.time("createdAt") };
}

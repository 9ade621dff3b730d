import { join } from "node:path";
import { formatTime } from "../base/format-time.ts";
import { writeFileAtomically } from "./atomic-write.ts";
import { corrupt } from "./failure.ts";
import { readOrMoveAside } from "./quarantine.ts";
import { formatRecord, readRecord } from "./record.ts";
import type { StorageFolder } from "./storage-folder.ts";

/** What is remembered of backends. */
export interface StoredBackends {
  /** Of the cookies that hold clients to backends: base64 of 32 bytes. */
  readonly secret: string;
  /** The backends that operators drained, as the caller names them, and since when (milliseconds since the epoch). */
  readonly drained: ReadonlyMap<string, number>;
}

/** Base64 of 32 bytes. */
const SECRET = /^[A-Za-z0-9+/]{43}=$/;

/** What operators said of backends, and the secret of sticky cookies: `backends.json`. */
export class BackendsFile {
  readonly #storage: StorageFolder;

  constructor(storage: StorageFolder) {
    this.#storage = storage;
  }

  /**
   * What is stored, or `undefined`; a broken file is moved to `quarantine/`.
   *
   * @throws {LatchkeyError} `STORAGE_FAILED`.
   */
  load(): Promise<StoredBackends | undefined> {
    const path = this.#path;
    const item = { path, under: [], label: "backends" };
    return readOrMoveAside(this.#storage, item, () => readBackends(path));
  }

  /** @throws {LatchkeyError} `STORAGE_FAILED`, `STORAGE_LOCKED`. */
  async save({ secret, drained }: StoredBackends): Promise<void> {
    await this.#storage.confirmWritable();
    const times = [...drained].map(([name, since]) => [name, formatTime(since)] as const);
    const text = formatRecord({ secret, drained: Object.fromEntries(times) });
    await writeFileAtomically(this.#path, text, () => this.#storage.confirmWritable());
  }

  get #path(): string {
    return join(this.#storage.root, "backends.json");
  }
}

async function readBackends(path: string): Promise<StoredBackends | undefined> {
  const fields = await readRecord(path);
  if (fields === undefined) return undefined;
  const secret = fields.text("secret");
  if (!SECRET.test(secret)) throw corrupt(path, '"secret" is not 32 bytes in base64');
  const drained = fields.object("drained");
  return { secret, drained: new Map(drained.keys.map((name) => [name, drained.time(name)])) };
}

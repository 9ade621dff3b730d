import { join } from "node:path";
import { ensureFolder, writeFileAtomically } from "./atomic-write.ts";
import { PEM_MAX_BYTES, readBounded } from "./read-file.ts";
import type { StorageFolder } from "./storage-folder.ts";

/** `root.pem`, `intermediate.key` …: no separators, no leading dot. */
const NAME = /^[a-z0-9][a-z0-9.-]{0,99}$/;

/** The files of the internal authority, by name. Whether they are good, it judges itself. */
export class AuthorityFiles {
  readonly #storage: StorageFolder;

  constructor(storage: StorageFolder) {
    this.#storage = storage;
  }

  /**
   * The file, or `undefined` when there is none.
   *
   * @throws {LatchkeyError} `STORAGE_CORRUPT` when it is not a file of at most 256 KiB; `STORAGE_FAILED`.
   */
  async read(name: string): Promise<Buffer | undefined> {
    return readBounded(this.#pathOf(name), PEM_MAX_BYTES);
  }

  /**
   * Replaces the file at once, mode 0600.
   *
   * @throws {LatchkeyError} `STORAGE_FAILED`, `STORAGE_LOCKED`.
   */
  async write(name: string, data: Uint8Array | string): Promise<void> {
    const path = this.#pathOf(name);
    await this.#storage.confirmWritable();
    await ensureFolder(this.#storage.root, "authority");
    await writeFileAtomically(path, data, () => this.#storage.confirmWritable());
  }

  #pathOf(name: string): string {
    if (!NAME.test(name)) throw new TypeError(`Cannot name a file of the authority "${name}"`);
    return join(this.#storage.root, "authority", name);
  }
}

import { lstat, rm } from "node:fs/promises";
import { join } from "node:path";
import type { CertificateName } from "../base/certificate-name.ts";
import type { Credential } from "../base/credential.ts";
import { codeOf } from "../base/errors.ts";
import { formatTime } from "../base/format-time.ts";
import { replaceSymlink, writeFolderAtomically } from "./atomic-write.ts";
import { folderOf, generationFolderOf } from "./layout.ts";
import { type Item, moveAside } from "./quarantine.ts";
import { type CertificateMeta, listGenerations, readPointer } from "./read-certificate.ts";
import { formatRecord } from "./record.ts";
import type { StorageFolder } from "./storage-folder.ts";

/** The generations in the folder of a host, as its writer changes them: one at a time for each folder. */
export class Generations {
  readonly #storage: StorageFolder;
  /** Folders of generations that somebody works with, and how many do. */
  readonly #kept = new Map<string, number>();

  constructor(storage: StorageFolder) {
    this.#storage = storage;
  }

  /** The folder of this generation is worked with: {@link Generations.prune} leaves it, until as many {@link Generations.keepNoMore}. */
  keep(path: string): void {
    this.#kept.set(path, (this.#kept.get(path) ?? 0) + 1);
  }

  /** Ends one {@link Generations.keep}. */
  keepNoMore(path: string): void {
    const others = (this.#kept.get(path) ?? 1) - 1;
    if (others > 0) this.#kept.set(path, others);
    else this.#kept.delete(path);
  }

  /**
   * Writes a generation, whole or not at all.
   *
   * @throws {LatchkeyError} `STORAGE_FAILED`, `STORAGE_LOCKED`.
   */
  async write(
    folder: string,
    generation: number,
    { chain, key }: Credential,
    meta: CertificateMeta,
  ): Promise<void> {
    const files = {
      "chain.pem": chain,
      "key.pem": key,
      "meta.json": formatRecord({ ...meta, issuedAt: formatTime(meta.issuedAt) }),
    };
    const path = join(folder, generationFolderOf(generation));
    await writeFolderAtomically(path, files, () => this.#storage.confirmWritable());
  }

  /** Makes a generation the current one. @throws as {@link Generations.write}. */
  async pointAt(folder: string, generation: number): Promise<void> {
    const confirm = () => this.#storage.confirmWritable();
    await replaceSymlink(join(folder, "current"), generationFolderOf(generation), confirm);
  }

  /** As {@link Generations.pointAt}; a generation that cannot become current does not stay to fill a full disk. */
  async publish(folder: string, generation: number): Promise<void> {
    try {
      await this.pointAt(folder, generation);
    } catch (error) {
      // Without the lease it is not ours to remove: another writer may have found it and use it.
      const isOurs = codeOf(error) !== "STORAGE_LOCKED";
      const current = await readPointer(folder).catch(() => generation);
      if (isOurs && current !== generation) await this.#remove(folder, generation);
      throw error;
    }
  }

  /** A folder in the place of `current` would be in the way of the swap. */
  async clearPointer(folder: string, host: CertificateName): Promise<void> {
    const item = itemOf(folder, "current", host);
    const stats = await lstat(item.path).catch(() => undefined);
    if (stats?.isDirectory() !== true) return;
    await moveAside(this.#storage, item, "it is a folder, not a link");
  }

  /** Only what came before: who lost the lease meanwhile must not remove what its successor made. */
  async prune(folder: string, current: number, previous: number | undefined): Promise<void> {
    const all = await listGenerations(folder);
    const others = all.filter((generation) => generation < current);
    const kept = others.find((generation) => generation === previous) ?? others[0];
    if ((await readPointer(folder)) !== current) return;
    for (const generation of others) {
      const isInUse = this.#kept.has(join(folder, generationFolderOf(generation)));
      if (generation !== kept && !isInUse) await this.#remove(folder, generation);
    }
  }

  /** What cannot be removed now goes with a later certificate. */
  async #remove(folder: string, generation: number): Promise<void> {
    const path = join(folder, generationFolderOf(generation));
    await rm(path, { recursive: true, force: true }).catch(() => undefined);
  }
}

/** What lies under this name in the folder of a host, for `quarantine/`. */
export function itemOf(folder: string, label: string, host: CertificateName): Item {
  return { path: join(folder, label), under: ["certificates", folderOf(host)], label, host };
}

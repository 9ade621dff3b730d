import { readdir } from "node:fs/promises";
import { join } from "node:path";
import type { CertificateName } from "../base/certificate-name.ts";
import { type Credential, readCredential } from "../base/credential.ts";
import { codeOf, LatchkeyError } from "../base/errors.ts";
import { failureFacts } from "../base/log.ts";
import { ensureFolder, removeLeftovers } from "./atomic-write.ts";
import { failed } from "./failure.ts";
import { readGenerationKeys } from "./generation-keys.ts";
import { Generations, itemOf } from "./generations.ts";
import {
  folderOf,
  GENERATION_FILES,
  generationFolderOf,
  nameOf,
  nextGeneration,
} from "./layout.ts";
import { type Item, moveAside, readOrMoveAside, tryToMoveAside } from "./quarantine.ts";
import {
  type CertificateMeta,
  certifies,
  findGeneration,
  type HostReading,
  listGenerations,
  readHost,
  readPointer,
  type StoredCertificate,
} from "./read-certificate.ts";
import type { RevokedKeys } from "./revoked-keys.ts";
import type { StorageFolder } from "./storage-folder.ts";
import { Turns } from "./turns.ts";

/** What the caller knows of a certificate that it saves; the rest is read off the certificate. */
export type SavedMeta = Pick<CertificateMeta, "issuer" | "profile" | "order">;

/** The certificates of every host, as the one writer sees them. */
export class Certificates {
  readonly #storage: StorageFolder;
  readonly #revoked: Pick<RevokedKeys, "open" | "refuse">;
  readonly #turns = new Turns<CertificateName>();
  readonly #generations: Generations;

  /** @param revoked Keys that are not served, though they are stored. */
  constructor(storage: StorageFolder, revoked: Pick<RevokedKeys, "open" | "refuse">) {
    this.#storage = storage;
    this.#revoked = revoked;
    this.#generations = new Generations(storage);
  }

  /** `certificates/`, which is all that a worker may read. */
  get folder(): string {
    return join(this.#storage.root, "certificates");
  }

  /**
   * Stores a chain and its key as the next generation of `host` and makes it the current one. The
   * generation that was current is kept, older ones go unless they are worked with ({@link Certificates.keepWhile}). Whenever this is cut short, a reader finds
   * the old certificate or the new one, whole.
   *
   * @throws {LatchkeyError} `CERTIFICATE_INVALID` when key, chain and host do not belong together;
   *   `STORAGE_FAILED`, `STORAGE_LOCKED`; `STORAGE_CORRUPT` when the host's folder is none, which
   *   {@link Certificates.load} sets right.
   */
  save(
    host: CertificateName,
    { chain, key }: Pick<Credential, "chain" | "key">,
    { issuer, profile, order }: SavedMeta,
  ): Promise<StoredCertificate> {
    return this.#turns.take(host, async () => {
      const credential = credentialFor(host, chain, key);
      const { serial } = credential;
      const issuedAt = this.#storage.clock.now();
      const meta = { issuer, host, serial, issuedAt, profile, order };

      await this.#storage.confirmWritable();
      const folder = await ensureFolder(this.#storage.root, "certificates", folderOf(host));
      await removeLeftovers(folder);
      await this.#generations.clearPointer(folder, host);
      const previous = await readPointer(folder);
      const generation = nextGeneration([...(await listGenerations(folder)), previous ?? 0]);
      await this.#generations.write(folder, generation, credential, meta);
      await this.#generations.publish(folder, generation);
      await this.#generations.prune(folder, generation, previous);
      return { host, generation, credential, meta, fellBack: false };
    });
  }

  /**
   * The certificate of `host`, or `undefined` when there is none that can be read. Broken
   * generations on the way are moved to `quarantine/`, and `current` is set to the one that is good.
   *
   * @throws {LatchkeyError} `STORAGE_FAILED` when the system refuses to read: then nobody knows
   *   whether there is one.
   */
  async load(host: CertificateName): Promise<StoredCertificate | undefined> {
    const first = await this.#read(host);
    if (first.broken.length === 0 && first.stored?.fellBack !== true) return first.stored;
    return this.#turns.take(host, async () => {
      const reading = await this.#read(host);
      await this.#heal(host, reading);
      const unreadable = reading.broken.find(({ error }) => error.code !== "STORAGE_CORRUPT");
      if (reading.stored === undefined && unreadable !== undefined) throw unreadable.error;
      return reading.stored;
    });
  }

  /**
   * What {@link Certificates.load} would find, and what is broken: nothing is moved, nor told.
   *
   * @throws {LatchkeyError} `STORAGE_CORRUPT` when the host's folder is no folder; `STORAGE_FAILED`.
   */
  async look(host: CertificateName): Promise<HostReading> {
    await this.#revoked.open();
    return await readHost(this.folder, host, (...args) => this.#revoked.refuse(...args));
  }

  /** Every name with a folder of its own, sorted; what else lies in `certificates/` is passed over. */
  async list(): Promise<readonly CertificateName[]> {
    try {
      const entries = await readdir(this.folder, { withFileTypes: true });
      return entries
        .filter((entry) => entry.isDirectory())
        .map((entry) => nameOf(entry.name))
        .filter((name) => name !== undefined)
        .sort();
    } catch (cause) {
      if (codeOf(cause) === "ENOENT") return [];
      throw failed(`read "${this.folder}"`, cause);
    }
  }

  /**
   * Are the files of the current certificate of `host` there? They are not read: {@link Certificates.load} does that.
   *
   * @throws {LatchkeyError} `STORAGE_FAILED` when the system refuses to look.
   */
  async hasFiles(host: CertificateName): Promise<boolean> {
    const folder = join(this.folder, folderOf(host), "current");
    try {
      const entries = new Set(await readdir(folder));
      return GENERATION_FILES.every((file) => entries.has(file));
    } catch (cause) {
      if (["ENOENT", "ENOTDIR", "ELOOP"].includes(codeOf(cause) ?? "")) return false;
      throw failed(`read "${folder}"`, cause);
    }
  }

  /**
   * Hands `work` the folder of the very certificate with that serial, which is not removed before the work has ended,
   * whatever is saved meanwhile. Without such a certificate nothing is done.
   *
   * @throws {LatchkeyError} `STORAGE_FAILED` when the system refuses to look; what `work` throws.
   */
  async keepWhile(
    host: CertificateName,
    serial: string,
    work: (folder: string) => Promise<void>,
  ): Promise<void> {
    // Not between the look and the mark: a save that comes then would remove what was found.
    const folder = await this.#turns.take(host, async () => {
      const generation = await findGeneration(this.folder, host, serial);
      if (generation === undefined) return undefined;
      const path = join(this.folder, folderOf(host), generationFolderOf(generation));
      this.#generations.keep(path);
      return path;
    });
    if (folder === undefined) return;
    try {
      await work(folder);
    } finally {
      this.#generations.keepNoMore(folder);
    }
  }

  /**
   * Moves one generation of `host` to `quarantine/` (event `storage.quarantined`). The number is not
   * used again as long as `current` or a higher one remembers it.
   *
   * @throws {LatchkeyError} `STORAGE_FAILED`, `STORAGE_LOCKED`.
   */
  async quarantine(host: CertificateName, generation: number, why: string): Promise<void> {
    await this.#turns.take(host, () => moveAside(this.#storage, this.#item(host, generation), why));
  }

  /** The keys (PEM) of every generation of `host`: see {@link readGenerationKeys}. */
  async keysOf(host: CertificateName): Promise<readonly string[]> {
    const kept = await readGenerationKeys(join(this.folder, folderOf(host)));
    return kept.map(({ key }) => key);
  }

  /**
   * Moves every generation whose key was revoked to `quarantine/`, so that nobody falls back to it; but not the one
   * that is in use until there is another.
   *
   * @throws {LatchkeyError} `STORAGE_FAILED`, `STORAGE_LOCKED`.
   */
  async expelRevoked(host: CertificateName): Promise<void> {
    await this.#turns.take(host, async () => {
      const kept = await readGenerationKeys(join(this.folder, folderOf(host)));
      for (const { generation, key, isCurrent } of kept) {
        const why = this.#revoked.refuse(key, isCurrent);
        if (why !== undefined) await moveAside(this.#storage, this.#item(host, generation), why);
      }
    });
  }

  /** As {@link Certificates.expelRevoked}, of every host: for a storage that was filled from elsewhere. */
  async expelAllRevoked(): Promise<void> {
    await this.#revoked.open();
    for (const host of await this.list()) await this.expelRevoked(host);
  }

  #read(host: CertificateName): Promise<HostReading> {
    const path = join(this.folder, folderOf(host));
    const item = { path, under: ["certificates", folderOf(host)], label: "folder", host };
    return readOrMoveAside(this.#storage, item, () => this.look(host)).then(
      (reading) => reading ?? { stored: undefined, broken: [] },
    );
  }

  async #heal(host: CertificateName, { stored, broken }: HostReading): Promise<void> {
    for (const { generation, error } of broken) {
      if (error.code !== "STORAGE_CORRUPT") continue;
      await tryToMoveAside(this.#storage, this.#item(host, generation), error);
    }
    // What could not be read this time may be read the next: it stays the current one.
    const isGone = broken.every(({ error }) => error.code === "STORAGE_CORRUPT");
    if (stored?.fellBack !== true || !isGone) return;
    const folder = join(this.folder, folderOf(host));
    try {
      await this.#storage.confirmWritable();
      await removeLeftovers(folder);
      await this.#generations.clearPointer(folder, host);
      await this.#generations.pointAt(folder, stored.generation);
    } catch (error) {
      this.#storage.log.warn("storage.fell-back", {
        host,
        generation: stored.generation,
        ...failureFacts(error),
      });
    }
  }

  #item(host: CertificateName, generation: number): Item {
    return itemOf(join(this.folder, folderOf(host)), generationFolderOf(generation), host);
  }
}

function credentialFor(host: CertificateName, chain: string, key: string): Credential {
  const credential = readCredential(chain, key);
  if (certifies(credential, host)) return credential;
  throw new LatchkeyError(
    "CERTIFICATE_INVALID",
    `Cannot save the certificate of "${host}": it is for ${credential.names.join(", ")}`,
    { host },
  );
}

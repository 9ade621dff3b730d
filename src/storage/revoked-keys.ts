import { readdir } from "node:fs/promises";
import { join } from "node:path";
import type { CertificateName } from "../base/certificate-name.ts";
import { codeOf, messageOf } from "../base/errors.ts";
import { SingleFlight } from "../base/single-flight.ts";
import { ensureFolder, writeFileAtomically } from "./atomic-write.ts";
import { corrupt, failed } from "./failure.ts";
import { fingerprintOf } from "./key-file.ts";
import { REVOKED_FOLDER } from "./layout.ts";
import { type Fields, formatRecord, readRecord } from "./record.ts";
import type { StorageFolder } from "./storage-folder.ts";

/** A key that an operator has had revoked, or that lay beside one whose secrecy was lost. */
export interface RevokedKey {
  /** See {@link fingerprintOf}. */
  readonly fingerprint: string;
  /** Whose it was; `undefined` when its file cannot be read. */
  readonly host: CertificateName | undefined;
  /** Its certificate is served until there is another one; a retired one never again. */
  readonly isInUse: boolean;
  /** The certificate that the CA has still to be told of; `undefined` when it need not be. */
  readonly untold: UntoldRevocation | undefined;
}

/** A revocation (RFC 8555 §7.6) that the CA has not confirmed. */
export interface UntoldRevocation {
  /** URL of the directory that issued it. */
  readonly issuer: string;
  readonly serial: string;
  /** PEM. */
  readonly chain: string;
  /** As RFC 5280 §5.3.1 spells it. */
  readonly reason: string;
}

const FILE = /^([0-9a-f]{64})\.json$/;

/**
 * The keys that must not come back: `revoked/`, a file for each, which holds no key. Known in memory once it was
 * opened; a file that cannot be read still says by its name which key it is about.
 */
export class RevokedKeys {
  readonly #storage: StorageFolder;
  readonly #known = new Map<string, RevokedKey>();
  readonly #opening = new SingleFlight<"open", void>();
  #isOpen = false;

  constructor(storage: StorageFolder) {
    this.#storage = storage;
  }

  /** Reads all of them, the first time. @throws {LatchkeyError} `STORAGE_FAILED`. */
  async open(): Promise<void> {
    if (!this.#isOpen) await this.#opening.run("open", () => this.#readAll());
  }

  /** What is known of this private key (PEM); `undefined` of a good one. */
  find(key: string): RevokedKey | undefined {
    return this.#known.size === 0 ? undefined : this.#known.get(fingerprintOf(key));
  }

  /** Must this private key (PEM) be in no new certificate? */
  has(key: string): boolean {
    return this.find(key) !== undefined;
  }

  /** Why a stored certificate with this key must not be served; `undefined` when it may. */
  refuse(key: string, isCurrent: boolean): string | undefined {
    const known = this.find(key);
    return known === undefined || (known.isInUse && isCurrent) ? undefined : "its key was revoked";
  }

  all(): readonly RevokedKey[] {
    return [...this.#known.values()];
  }

  /**
   * Remembers it, in the place of what was known of the same key: for this program also when it cannot be written.
   *
   * @throws {LatchkeyError} `STORAGE_FAILED`, `STORAGE_LOCKED`.
   */
  async save(revoked: RevokedKey): Promise<void> {
    this.#known.set(revoked.fingerprint, revoked);
    await this.#write(revoked);
  }

  /** Writes all of them again: what was deleted of their files. @throws as {@link RevokedKeys.save}. */
  async restore(): Promise<void> {
    if (this.#known.size === 0) return;
    const files = new Set(await this.#files());
    for (const revoked of this.#known.values())
      if (!files.has(`${revoked.fingerprint}.json`)) await this.#write(revoked);
  }

  get #folder(): string {
    return join(this.#storage.root, REVOKED_FOLDER);
  }

  async #write({ fingerprint, host, isInUse, untold }: RevokedKey): Promise<void> {
    await this.#storage.confirmWritable();
    const folder = await ensureFolder(this.#storage.root, REVOKED_FOLDER);
    const text = formatRecord({
      host,
      state: isInUse ? "in-use" : "retired",
      untold: untold && { ...untold },
    });
    await writeFileAtomically(join(folder, `${fingerprint}.json`), text, () =>
      this.#storage.confirmWritable(),
    );
  }

  async #readAll(): Promise<void> {
    for (const file of await this.#files()) {
      const fingerprint = FILE.exec(file)?.[1];
      if (fingerprint === undefined || this.#known.has(fingerprint)) continue;
      this.#known.set(fingerprint, await this.#readOne(fingerprint, join(this.#folder, file)));
    }
    this.#isOpen = true;
  }

  async #readOne(fingerprint: string, path: string): Promise<RevokedKey> {
    try {
      const fields = await readRecord(path);
      if (fields === undefined) throw corrupt(path, "it is missing");
      return { fingerprint, ...readFields(fields, path) };
    } catch (error) {
      if (codeOf(error) !== "STORAGE_CORRUPT") throw error;
      this.#storage.log.warn("storage.corrupt", { path, why: messageOf(error) });
      return { fingerprint, host: undefined, isInUse: false, untold: undefined };
    }
  }

  async #files(): Promise<readonly string[]> {
    try {
      return await readdir(this.#folder);
    } catch (cause) {
      if (codeOf(cause) === "ENOENT") return [];
      throw failed(`read "${this.#folder}"`, cause);
    }
  }
}

function readFields(fields: Fields, path: string): Omit<RevokedKey, "fingerprint"> {
  const state = fields.text("state");
  if (state !== "in-use" && state !== "retired") throw corrupt(path, '"state" is not known');
  const untold = fields.keys.includes("untold") ? fields.object("untold") : undefined;
  return {
    host: fields.keys.includes("host") ? fields.name("host") : undefined,
    isInUse: state === "in-use",
    untold: untold && {
      issuer: untold.text("issuer"),
      serial: untold.text("serial"),
      chain: untold.text("chain"),
      reason: untold.text("reason"),
    },
  };
}

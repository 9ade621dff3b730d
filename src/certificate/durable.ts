import type { CertificateName } from "../base/certificate-name.ts";
import type { Log } from "../base/log.ts";
import { SingleFlight } from "../base/single-flight.ts";
import type { Lease } from "../storage/lease.ts";
import type { Storage } from "../storage/storage.ts";
import type { Issued } from "./records.ts";
import { retireReplaced } from "./retire.ts";

/** Storage as the certificate path writes into it: its lease may have been lost, and is asked for again first. */
export class Durable {
  readonly #storage: Storage;
  readonly #log: Log;
  readonly #signal: AbortSignal;
  readonly #leasing = new SingleFlight<"lease", Lease>();

  /** @param signal Ends everything. */
  constructor(storage: Storage, log: Log, signal: AbortSignal) {
    this.#storage = storage;
    this.#log = log;
    this.#signal = signal;
  }

  /**
   * Resolves when a certificate could be saved now: otherwise no CA is asked for anything.
   *
   * @throws {LatchkeyError} `STORAGE_FAILED`, `STORAGE_LOCKED`.
   */
  async confirmWritable(): Promise<void> {
    await this.#acquireLease();
    await this.#storage.probe();
  }

  /** Resolves when storage is ours to write into, as far as that can be told without a write. @throws as {@link confirmWritable}. */
  async confirmOurs(): Promise<void> {
    await this.#acquireLease();
    await this.#storage.confirmWritable();
  }

  /** Makes a certificate durable, and forgets its order. @throws as {@link confirmWritable}. */
  async store(host: CertificateName, { credential, issuer }: Issued): Promise<void> {
    const { certificates, orders } = this.#storage;
    await this.#acquireLease();
    await certificates.save(host, credential, { issuer });
    await orders.remove(host);
    await retireReplaced(this.#storage, host, credential.key, this.#log);
    this.#log.info("certificate.stored", { host, serial: credential.serial });
  }

  /** By one at a time. */
  async #acquireLease(): Promise<void> {
    await this.#leasing.run("lease", () => this.#storage.acquire(this.#signal));
  }
}

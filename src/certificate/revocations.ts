import { X509Certificate } from "node:crypto";
import type { Bell } from "../base/bell.ts";
import type { CertificateName } from "../base/certificate-name.ts";
import { LatchkeyError } from "../base/errors.ts";
import { readGivenFile } from "../base/given-credential.ts";
import { failureFacts, type Log } from "../base/log.ts";
import { fingerprintOf } from "../storage/key-file.ts";
import type { Storage } from "../storage/storage.ts";
import type { Holdings } from "./holdings.ts";
import type { Given } from "./manual.ts";
import { unwanted } from "./records.ts";
import { retireReplaced } from "./retire.ts";
import type { CertificateInUse, RevocationReason } from "./revocation.ts";
import { UntoldRevocations, type UntoldSteps } from "./untold-revocations.ts";

/** What the revocations need from their surroundings. */
export interface RevocationsSteps extends UntoldSteps {
  readonly storage: Pick<Storage, "certificates" | "orders" | "revokedKeys">;
  readonly holdings: Holdings;
  /** Rings when a renewal may have moved. */
  readonly bell: Bell;
  /** Hosts with files given by hand. */
  given(): Iterable<Pick<Given, "host" | "files">>;
  readonly log: Log;
}

/** What was revoked here: it stays revoked, whatever comes between, and its CA hears of it. */
export class Revocations {
  readonly #steps: RevocationsSteps;
  /** See {@link RevocationSteps.untold}. */
  readonly untold: UntoldRevocations;

  constructor(steps: RevocationsSteps) {
    this.#steps = steps;
    this.untold = new UntoldRevocations(steps);
  }

  /** See {@link RevocationSteps.inUse}: as storage has it, or memory when storage did not take it. */
  async inUse(name: CertificateName): Promise<CertificateInUse | undefined> {
    const certificate = this.#steps.holdings.get(name)?.certificate;
    if (certificate?.unsaved !== undefined) {
      const { serial, issuer, unsaved } = certificate;
      return { serial, issuer, ...unsaved };
    }
    const stored = await this.#steps.storage.certificates.load(name);
    return stored && { ...stored.credential, issuer: stored.meta.issuer };
  }

  /** See {@link RevocationSteps.distrust}. What the disk refuses holds as long as this program runs. */
  async distrust(
    name: CertificateName,
    { chain, key, serial, issuer }: CertificateInUse,
    reason: RevocationReason,
  ): Promise<void> {
    const { certificates, orders, revokedKeys } = this.#steps.storage;
    const untold = { chain, serial, issuer, reason };
    const fingerprint = fingerprintOf(key);
    await this.#tolerate(name, () =>
      revokedKeys.save({ fingerprint, host: name, isInUse: true, untold }),
    );
    if (reason === "keyCompromise") {
      // Who could read one of them could read all of them: what the disk refuses of one says nothing of the others.
      const keys: string[] = [];
      await this.#tolerate(name, async () => {
        const order = await orders.load(name);
        if (order !== undefined) keys.push(order.key);
      });
      await this.#tolerate(name, async () => {
        keys.push(...(await certificates.keysOf(name)));
      });
      for (const each of keys) await this.#tolerate(name, () => this.#retire(name, each));
      await this.#tolerate(name, () => orders.remove(name));
    }
    await this.#tolerate(name, () => certificates.expelRevoked(name));
    this.#hurry();
  }

  /** See {@link RevocationSteps.sharing}. */
  async sharing(chain: string): Promise<readonly string[]> {
    const key = publicKeyIn(chain);
    const hosts: string[] = [];
    for (const { host, files } of this.#steps.given()) {
      const text = await readGivenFile(files, "chain").catch(() => "");
      if (key !== undefined && publicKeyIn(text) === key) hosts.push(host);
    }
    return hosts;
  }

  /** Before anything is served: what was revoked when the program of before ended is out of reach. Never rejects. */
  async settle(): Promise<void> {
    const { storage, log } = this.#steps;
    try {
      await storage.revokedKeys.open();
      const hosts = new Set(storage.revokedKeys.all().map(({ host }) => host));
      for (const host of hosts) {
        const stored = host && (await storage.certificates.load(host));
        if (stored) await retireReplaced(storage, stored.host, stored.credential.key, log);
      }
    } catch (error) {
      if (!(error instanceof LatchkeyError)) throw error;
      log.warn("storage.unreadable", failureFacts(error));
    }
  }

  /** Also other names may have certificates with this key. */
  #hurry(): void {
    const { holdings, bell, storage } = this.#steps;
    for (const holding of holdings.all()) {
      const { certificate } = holding;
      if (certificate && storage.revokedKeys.has(certificate.files.key))
        holding.certificate = unwanted(certificate);
    }
    bell.ring();
  }

  async #retire(host: CertificateName, key: string): Promise<void> {
    const { revokedKeys } = this.#steps.storage;
    if (revokedKeys.has(key)) return;
    const fingerprint = fingerprintOf(key);
    await revokedKeys.save({ fingerprint, host, isInUse: false, untold: undefined });
  }

  async #tolerate(host: CertificateName, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.#steps.log.error("storage.failed", { host, ...failureFacts(error) });
    }
  }
}

/** Of the first certificate; `undefined` for what is none. */
function publicKeyIn(chain: string): string | undefined {
  try {
    return new X509Certificate(chain).publicKey
      .export({ type: "spki", format: "der" })
      .toString("hex");
  } catch {
    return undefined;
  }
}

import { X509Certificate } from "node:crypto";
import { readFile } from "node:fs/promises";
import type { Bell } from "../base/bell.ts";
import type { CertificateName } from "../base/certificate-name.ts";
import type { Clock } from "../base/clock.ts";
import { codeOf, LatchkeyError } from "../base/errors.ts";
import { failureFacts, type Log } from "../base/log.ts";
import { limits } from "../config/limits.ts";
import { fingerprintOf } from "../storage/key-file.ts";
import type { RevokedKey, UntoldRevocation } from "../storage/revoked-keys.ts";
import type { Storage } from "../storage/storage.ts";
import type { Holdings } from "./holdings.ts";
import type { Given } from "./manual.ts";
import { unwanted } from "./records.ts";
import { retireReplaced } from "./retire.ts";
import { type CertificateInUse, type RevocationReason, readReason } from "./revocation.ts";

/** What the revocations need from their surroundings. */
export interface RevocationsSteps {
  readonly storage: Pick<Storage, "certificates" | "orders" | "revokedKeys">;
  readonly holdings: Holdings;
  /** Rings when a renewal may have moved. */
  readonly bell: Bell;
  /** Tells the CA; rejects with its reasons. */
  revoke(name: CertificateName, untold: UntoldRevocation, reason: RevocationReason): Promise<void>;
  /** Hosts with files given by hand. */
  given(): Iterable<Pick<Given, "host" | "files">>;
  readonly clock: Clock;
  readonly log: Log;
}

/** What was revoked here: it stays revoked, and its CA hears of it, whatever comes between. */
export class Revocations {
  readonly #steps: RevocationsSteps;
  /** Names whose operator waits for the CA's answer. */
  readonly #underWay = new Set<CertificateName>();

  constructor(steps: RevocationsSteps) {
    this.#steps = steps;
  }

  /** Runs an operator's revocation; what it has still to tell is left to it until it ends. */
  async during<Value>(name: CertificateName, work: () => Promise<Value>): Promise<Value> {
    this.#underWay.add(name);
    try {
      return await work();
    } finally {
      this.#underWay.delete(name);
    }
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

  /** See {@link RevocationSteps.untold}. */
  untold(name: CertificateName): readonly UntoldRevocation[] {
    return this.#untold()
      .filter(({ host }) => host === name)
      .map(({ untold }) => untold);
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

  /** See {@link RevocationSteps.tell}. */
  async tell(name: CertificateName, untold: UntoldRevocation): Promise<void> {
    const { log, revoke } = this.#steps;
    const { serial, issuer } = untold;
    const reason = readReason(untold.reason) ?? "unspecified";
    try {
      await revoke(name, untold, reason);
    } catch (error) {
      log.error("certificate.revoke-failed", { host: name, serial, ...failureFacts(error) });
      if (isLastWord(error)) await this.#told(name, untold);
      throw error;
    }
    log.warn("certificate.revoked", { host: name, serial, issuer, reason });
    await this.#told(name, untold);
  }

  /** See {@link RevocationSteps.isTriedAgain}. */
  isTriedAgain({ serial }: UntoldRevocation): boolean {
    return this.#untold().some(({ untold }) => untold.serial === serial);
  }

  /** See {@link RevocationSteps.sharing}. */
  async sharing(chain: string): Promise<readonly string[]> {
    const key = publicKeyIn(chain);
    const hosts: string[] = [];
    for (const { host, files } of this.#steps.given()) {
      const text = await readFile(files.chain, "utf8").catch(() => "");
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

  /** Tells the CAs what they have not heard yet, again and again, until the signal ends it. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      for (const { host, untold } of this.#untold()) {
        if (host === undefined || this.#underWay.has(host) || signal.aborted) continue;
        await this.tell(host, untold).catch(() => undefined); // told in the log
      }
      await this.#steps.clock.sleep(limits.revocationEveryMs, signal).catch(() => undefined);
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

  /** Nothing is left to say about it. */
  async #told(name: CertificateName, { serial }: UntoldRevocation): Promise<void> {
    const { revokedKeys } = this.#steps.storage;
    for (const { untold, ...known } of this.#untold()) {
      if (untold.serial !== serial) continue;
      await this.#tolerate(name, () => revokedKeys.save({ ...known, untold: undefined }));
    }
  }

  #untold(): (RevokedKey & { readonly untold: UntoldRevocation })[] {
    return this.#steps.storage.revokedKeys
      .all()
      .flatMap(({ untold, ...known }) => (untold === undefined ? [] : [{ ...known, untold }]));
  }

  async #tolerate(host: CertificateName, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.#steps.log.error("storage.failed", { host, ...failureFacts(error) });
    }
  }
}

/** Answers that a CA, or who stands before it, gives for now: RFC 9110 §15.5.9, RFC 8470, RFC 6585. */
const FOR_NOW: readonly unknown[] = [408, 425, 429];

/**
 * Will the CA say the same the next time? One in trouble, or out of reach, will not; and what is no problem document
 * is perhaps not its own word, but a gateway's page.
 */
function isLastWord(error: unknown): boolean {
  const code = codeOf(error);
  if (code === "HOST_REFUSED") return true;
  if (!(error instanceof LatchkeyError) || code !== "ACME_PROBLEM") return false;
  const { status } = error.facts;
  return typeof status === "number" && status < 500 && !FOR_NOW.includes(status);
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

import type { CertificateName } from "../base/certificate-name.ts";
import { readCredential } from "../base/credential.ts";
import { failureFacts, type Log } from "../base/log.ts";
import type { Host } from "../config/config.ts";
import { ownNameOf } from "../config/route.ts";
import type { UnsavedCertificate } from "../process/certificate-news.ts";
import type { UnsavedNews } from "../process/messages.ts";
import type { Holdings } from "./holdings.ts";
import type { Recall } from "./recall.ts";

/** What {@link Legacy} needs from its surroundings. */
export interface LegacySteps {
  readonly holdings: Holdings;
  /** Certificates that the managers of before could not save. */
  readonly inherited: readonly UnsavedCertificate[];
  /** Tells what the next manager is to inherit. */
  bequeath(news: UnsavedNews): void;
  findHost(name: CertificateName): Host | undefined;
  readonly log: Log;
}

/**
 * The certificates that live in memory only, from one manager to the next: neither a reload nor a crash may
 * take down what is served while storage takes nothing.
 */
export class Legacy {
  readonly #steps: LegacySteps;
  /** PEM of what is kept for the next manager, by its name. */
  readonly #kept: Map<CertificateName, string>;

  constructor(steps: LegacySteps) {
    this.#steps = steps;
    this.#kept = new Map(steps.inherited.map(({ host, chain }) => [host, chain]));
  }

  /** Takes over what the configuration still wants, unless storage has it, or a newer one. Never rejects. */
  async accept(recall: Recall): Promise<void> {
    const { inherited, findHost, log } = this.#steps;
    for (const { host, issuer, chain, key } of inherited) {
      const entry = findHost(host);
      if (entry?.certificate.kind !== "acme") continue;
      try {
        const credential = readCredential(chain, key);
        await recall.inherit(host, ownNameOf(entry) !== undefined, { credential, issuer });
      } catch (error) {
        log.warn("certificate.unusable", { host, ...failureFacts(error) });
      }
    }
    this.tell();
  }

  /** Tells what has changed since it was last told. */
  tell(): void {
    const gone = new Set(this.#kept.keys());
    for (const { host, certificate } of this.#steps.holdings.all()) {
      if (certificate?.unsaved === undefined) continue;
      gone.delete(host);
      const { issuer, unsaved } = certificate;
      if (this.#kept.get(host) === unsaved.chain) continue;
      this.#kept.set(host, unsaved.chain);
      this.#say(host, { host, issuer, chain: unsaved.chain, key: unsaved.key });
    }
    for (const host of gone) {
      this.#kept.delete(host);
      this.#say(host, undefined);
    }
  }

  #say(host: CertificateName, certificate: UnsavedCertificate | undefined): void {
    this.#steps.bequeath({ type: "unsaved.news", host, certificate });
  }
}

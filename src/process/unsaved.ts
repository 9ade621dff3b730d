import type { CertificateName } from "../base/certificate-name.ts";
import { limits } from "../config/limits.ts";
import type { UnsavedCertificate } from "./certificate-news.ts";
import type { UnsavedNews } from "./messages.ts";

/**
 * The certificates that live in memory only, for the next manager: with a storage that takes nothing, the supervisor
 * is the only process that outlives a reload.
 */
export class UnsavedCertificates {
  readonly #kept = new Map<CertificateName, UnsavedCertificate>();

  /** Keeps what is said of a name, or lets go of it. Beyond `limits.unsavedKeptMax` names a further one is not kept. */
  hear({ host, certificate }: UnsavedNews): void {
    this.#kept.delete(host);
    if (certificate === undefined || this.#kept.size >= limits.unsavedKeptMax) return;
    this.#kept.set(host, certificate);
  }

  get all(): readonly UnsavedCertificate[] {
    return [...this.#kept.values()];
  }
}

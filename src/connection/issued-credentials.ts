import type { CertificateName } from "../base/certificate-name.ts";
import { type Credential, readCredential } from "../base/credential.ts";
import { RecentMap } from "../base/recent-map.ts";
import { limits } from "../config/limits.ts";
import type { CredentialFiles } from "../process/certificate-news.ts";

/** A worker's memory of the certificates that the manager sees to: `limits.contextsMax` names. */
export class IssuedCredentials {
  /** As they are in storage. */
  readonly #stored = new RecentMap<CertificateName, Credential>(limits.contextsMax);
  /** Newer than storage: they could not be saved, and came by message. */
  readonly #held = new RecentMap<CertificateName, Credential>(limits.contextsMax);
  /** The highest number of an issuance that was heard of each name. */
  readonly #latest = new RecentMap<CertificateName, number>(limits.contextsMax);

  /** What clients of this name get, the newest that is known. */
  get(host: CertificateName): Credential | undefined {
    return this.#held.get(host) ?? this.#stored.get(host);
  }

  /** As {@link IssuedCredentials.get}, by which the name does not stay longer in memory. */
  peek(host: CertificateName): Credential | undefined {
    return this.#held.peek(host) ?? this.#stored.peek(host);
  }

  has(host: CertificateName): boolean {
    return this.#stored.has(host) || this.#held.has(host);
  }

  /** The one that could not be saved; `undefined`: storage has the newest. */
  heldOf(host: CertificateName): Credential | undefined {
    return this.#held.get(host);
  }

  /** This was read from storage. */
  read(host: CertificateName, credential: Credential): void {
    this.#stored.set(host, credential);
  }

  /** Storage has what could not be saved before, or a newer one. */
  saved(host: CertificateName): void {
    this.#held.delete(host);
  }

  /**
   * This is not in storage, and served unless a newer one is known.
   *
   * @throws {LatchkeyError} `CERTIFICATE_INVALID` when it cannot be used.
   */
  hold(host: CertificateName, issuance: number, { chain, key }: CredentialFiles): void {
    const credential = readCredential(chain, key);
    if (this.hear(host, issuance)) this.#held.set(host, credential);
  }

  /** `false`: a newer one is known already. Messages overtake each other where one waits for what another one does not. */
  hear(host: CertificateName, issuance: number): boolean {
    if (issuance < (this.#latest.peek(host) ?? 0)) return false;
    this.#latest.set(host, issuance);
    return true;
  }
}

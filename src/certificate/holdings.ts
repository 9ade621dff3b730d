import type { CertificateName } from "../base/certificate-name.ts";
import { limits } from "../config/limits.ts";
import { type Holding, newHolding } from "./records.ts";

/**
 * Every name that has, wants or had a certificate. Listed names always have a place; on-demand
 * names, which strangers choose, are bounded: beyond that only one that holds no certificate, and is
 * not about to get one, makes room.
 */
export class Holdings {
  readonly #holdings = new Map<CertificateName, Holding>();
  #onDemand = 0;

  /** The place of a name, made if there is none; `undefined` when there is no room for it. */
  hold(host: CertificateName, listed: boolean): Holding | undefined {
    const known = this.#holdings.get(host);
    if (known !== undefined) return known;
    if (!listed && this.#onDemand >= limits.onDemandNamesMax && !this.#makeRoom()) return undefined;
    const holding = newHolding(host, listed);
    this.#holdings.set(host, holding);
    if (!listed) this.#onDemand += 1;
    return holding;
  }

  get(host: CertificateName): Holding | undefined {
    return this.#holdings.get(host);
  }

  /** Was the name allowed when it was last asked about? */
  isAllowed(host: CertificateName): boolean {
    return this.#holdings.get(host)?.isRefused === false;
  }

  /** Lets go of a name that was made on demand; another may have its place. */
  release({ host, listed }: Holding): void {
    if (!listed && this.#holdings.delete(host)) this.#onDemand -= 1;
  }

  all(): Iterable<Holding> {
    return this.#holdings.values();
  }

  #makeRoom(): boolean {
    for (const holding of this.#holdings.values()) {
      const { listed, certificate, isBusy } = holding;
      if (listed || certificate !== undefined || isBusy) continue;
      this.release(holding);
      return true;
    }
    return false;
  }
}

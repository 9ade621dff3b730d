import type { CertificateName } from "../base/certificate-name.ts";
import { limits } from "../config/limits.ts";
import { type Holding, newHolding } from "./records.ts";

/**
 * Every name that has, wants or had a certificate. Listed names always have a place; on-demand
 * names, which strangers choose, are bounded: beyond that only one that holds no certificate makes room.
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

  all(): Iterable<Holding> {
    return this.#holdings.values();
  }

  #makeRoom(): boolean {
    for (const { host, listed, certificate, isOrdering } of this.#holdings.values()) {
      if (listed || certificate !== undefined || isOrdering) continue;
      this.#holdings.delete(host);
      this.#onDemand -= 1;
      return true;
    }
    return false;
  }
}

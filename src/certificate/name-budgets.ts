import { clientKeyOf } from "../base/client-key.ts";
import type { Hostname } from "../base/hostname.ts";
import type { Log } from "../base/log.ts";
import { RecentMap } from "../base/recent-map.ts";
import { Seldom } from "../base/seldom.ts";
import { type Rate, TokenBucket } from "../base/token-bucket.ts";
import { limits } from "../config/limits.ts";
import { registeredDomainOf } from "./registered-domain.ts";

/** What strangers may spend with names that are new to us: for each client, and for each registered domain. */
export class NameBudgets {
  readonly #clients = new Budget(limits.onDemandPerClient);
  readonly #domains = new Budget(limits.onDemandPerDomain);
  readonly #log: Log;
  readonly #quiet = {
    client: new Seldom(limits.onDemandQuietMs),
    domain: new Seldom(limits.onDemandQuietMs),
  };

  constructor(log: Log) {
    this.#log = log;
  }

  /**
   * May this client have us look at one more name? A name that somebody has paid for is free for a minute,
   * for everybody; without a client (a trusted proxy, ourselves) nothing is counted.
   */
  spendClient(client: string | undefined, host: Hostname, now: number): boolean {
    if (client === undefined) return true;
    const key = clientKeyOf(client);
    if (this.#clients.take(key, host, now)) return true;
    this.#tell("client", { client: key, host }, now);
    return false;
  }

  /** May one more name of this registered domain be ordered? */
  spendDomain(host: Hostname, now: number): boolean {
    const domain = registeredDomainOf(host);
    if (this.#domains.take(domain, host, now)) return true;
    this.#tell("domain", { domain, host }, now);
    return false;
  }

  #tell(budget: "client" | "domain", facts: Readonly<Record<string, string>>, now: number): void {
    if (this.#quiet[budget].passes(now))
      this.#log.warn("on-demand.budget-spent", { budget, ...facts });
  }
}

/** A bucket for each key, and the names that were paid for. */
class Budget {
  readonly #rate: Rate;
  readonly #buckets = new RecentMap<string, TokenBucket>(limits.onDemandBudgetsMax);
  readonly #paidUntil = new RecentMap<Hostname, number>(limits.onDemandBudgetsMax);

  constructor(rate: Rate) {
    this.#rate = rate;
  }

  take(key: string, host: Hostname, now: number): boolean {
    const paidUntil = this.#paidUntil.get(host);
    if (paidUntil !== undefined && now < paidUntil && paidUntil <= now + limits.askCacheMs)
      return true;
    const bucket = this.#buckets.get(key) ?? new TokenBucket(this.#rate, now);
    this.#buckets.set(key, bucket);
    if (!bucket.take(now)) return false;
    this.#paidUntil.set(host, now + limits.askCacheMs);
    return true;
  }
}

import { clientKeyOf } from "../base/client-key.ts";
import type { Hostname } from "../base/hostname.ts";
import type { Log } from "../base/log.ts";
import { RecentMap } from "../base/recent-map.ts";
import { Seldom } from "../base/seldom.ts";
import { SingleFlight } from "../base/single-flight.ts";
import { TokenBucket } from "../base/token-bucket.ts";
import type { Issuer } from "../config/config.ts";
import { limits } from "../config/limits.ts";
import { registeredDomainOf } from "./registered-domain.ts";

/** What the budgets of names need from their surroundings. */
export interface NameBudgetSteps {
  /** Takes one of a registered domain's new names, which outlives the program; `false` when there is none left. Never rejects. */
  spendOnDemand(domain: string, issuers: readonly Issuer[]): Promise<boolean>;
  readonly log: Log;
}

/** What strangers may spend with names that are new to us: for each client, and for each registered domain. */
export class NameBudgets {
  readonly #steps: NameBudgetSteps;
  readonly #clients = new RecentMap<string, TokenBucket>(limits.onDemandBudgetsMax);
  readonly #ofClients = new PaidNames();
  readonly #ofDomains = new PaidNames();
  /** Everybody who comes for a name meanwhile shares what it costs. */
  readonly #spending = new SingleFlight<Hostname, boolean>();
  readonly #quiet = {
    client: new Seldom(limits.onDemandQuietMs),
    domain: new Seldom(limits.onDemandQuietMs),
  };

  constructor(steps: NameBudgetSteps) {
    this.#steps = steps;
  }

  /**
   * May this client have us look at one more name? A name that somebody has paid for is free for a minute,
   * for everybody; without a client (a trusted proxy, ourselves) nothing is counted.
   */
  spendClient(client: string | undefined, host: Hostname, now: number): boolean {
    if (client === undefined) return true;
    if (this.#ofClients.has(host, now)) return true;
    const key = clientKeyOf(client);
    const bucket = this.#clients.get(key) ?? new TokenBucket(limits.onDemandPerClient, now);
    this.#clients.set(key, bucket);
    const isPaid = bucket.take(now);
    if (isPaid) this.#ofClients.add(host, now);
    else this.#tell("client", { client: key, host }, now);
    return isPaid;
  }

  /** May one more name of this registered domain be ordered? Never rejects. */
  async spendDomain(host: Hostname, issuers: readonly Issuer[], now: number): Promise<boolean> {
    if (this.#ofDomains.has(host, now)) return true;
    return await this.#spending.run(host, async () => {
      const domain = registeredDomainOf(host);
      const isPaid = await this.#steps.spendOnDemand(domain, issuers);
      if (isPaid) this.#ofDomains.add(host, now);
      else this.#tell("domain", { domain, host }, now);
      return isPaid;
    });
  }

  #tell(budget: "client" | "domain", facts: Readonly<Record<string, string>>, now: number): void {
    if (this.#quiet[budget].passes(now))
      this.#steps.log.warn("on-demand.budget-spent", { budget, ...facts });
  }
}

/** Names that somebody has paid for: they are free for a minute. */
class PaidNames {
  readonly #until = new RecentMap<Hostname, number>(limits.onDemandBudgetsMax);

  has(host: Hostname, now: number): boolean {
    const until = this.#until.get(host);
    // A clock that was set back must not make it free for long.
    return until !== undefined && now < until && until <= now + limits.askCacheMs;
  }

  add(host: Hostname, now: number): void {
    this.#until.set(host, now + limits.askCacheMs);
  }
}

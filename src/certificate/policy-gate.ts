import { addressesIn } from "../base/address-range.ts";
import type { CertificateName } from "../base/certificate-name.ts";
import type { LastError } from "../base/certificate-record.ts";
import type { Clock } from "../base/clock.ts";
import type { Hostname } from "../base/hostname.ts";
import { isIpAddress } from "../base/ip-address.ts";
import type { Log } from "../base/log.ts";
import { ownAddresses } from "../base/own-addresses.ts";
import type { UriHost } from "../base/uri-host.ts";
import type { Config, Host, HostPattern, Issuer } from "../config/config.ts";
import { isInternalName } from "../config/issuers.ts";
import { limits } from "../config/limits.ts";
import { Resolver } from "../dns/resolver.ts";
import { createAsk } from "./ask.ts";
import { AskProbe } from "./ask-probe.ts";
import { AskWatch } from "./ask-watch.ts";
import { NameBudgets } from "./name-budgets.ts";
import { type Decision, decide, type PolicySteps } from "./policy.ts";
import { Straying } from "./straying.ts";

/** What the gate needs from its surroundings. */
export interface GateSteps {
  readonly config: Config;
  findHost(name: CertificateName): Host | undefined;
  /** Is the name one that policy allowed before? */
  isKnown(host: CertificateName): boolean;
  /** See {@link CaAccess.spendOnDemand}. */
  spendOnDemand(domain: string, issuers: readonly Issuer[]): Promise<boolean>;
  readonly clock: Clock;
  readonly log: Log;
  readonly signal: AbortSignal;
}

/** Every question that comes before an order, plugged together: policy, its service, budgets, DNS. */
export class PolicyGate {
  /** Which of the services that decide give no answer. */
  readonly asks: AskWatch;
  readonly #policy: PolicySteps;
  readonly #probe: AskProbe;
  readonly #steps: GateSteps;

  constructor(steps: GateSteps) {
    const { config, clock, log, signal } = steps;
    this.#steps = steps;
    this.asks = new AskWatch(clock);
    const ask = createAsk(clock, log, signal, this.asks);
    const budgets = new NameBudgets(steps);
    const straying = newStraying(steps);
    this.#probe = new AskProbe({ hosts: config.hosts, ask: ask.afresh, clock, log });
    this.#policy = {
      findHost: steps.findHost,
      isNew: (host) => !steps.isKnown(host),
      spendClient: (client, host) => budgets.spendClient(client, host, clock.now()),
      spendDomain: (host, issuers) => budgets.spendDomain(host, issuers, clock.now()),
      isDiscerning: (url, pattern) => this.#probe.isDiscerning(url, pattern),
      ask: ask.about,
      straying: (host, issuers) => straying.why(host, issuers),
    };
  }

  /** May a certificate be ordered for this name now? */
  decide(host: CertificateName, client?: string | undefined): Promise<Decision> {
    return decide(this.#policy, host, { client, orders: true });
  }

  /** Has this name a certificate, or would it get one? */
  async isAllowed(host: UriHost, client: string | undefined): Promise<boolean> {
    if (this.#steps.isKnown(host) && this.#steps.findHost(host) !== undefined) return true;
    const { kind } = await decide(this.#policy, host, { client, orders: false });
    return kind === "allowed" || kind === "not-ours";
  }

  /** Why the hosts of a pattern get no new certificates; `undefined` when nothing is wrong. */
  troubleOf(pattern: HostPattern): LastError | undefined {
    return this.#probe.troubleOf(pattern);
  }

  /** Watches what policy relies on, until the signal ends it. */
  keepWatching(signal: AbortSignal): Promise<void> {
    return this.#probe.keepLooking(signal);
  }
}

function newStraying({ config, clock, log, signal }: GateSteps): Straying {
  const servers = config.acme.resolvers;
  const listed = config.hosts.flatMap(({ pattern }) =>
    pattern.kind === "exact" ? [pattern.host] : [],
  );
  const resolver = new Resolver({
    servers,
    timeoutMs: limits.strayingTryMs,
    tries: limits.dnsTries,
  });
  return new Straying({
    lookUp: (name, within) => resolver.addresses(name, within),
    listed: listed.filter((host): host is Hostname => !isIpAddress(host) && !isInternalName(host)),
    addresses: () => [...listed.filter(isIpAddress), ...ownAddresses()],
    isTrustedProxy: addressesIn(config.trustedProxies),
    hasResolvers: servers.length > 0,
    clock,
    log,
    signal,
  });
}

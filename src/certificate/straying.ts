import { isIPv6 } from "node:net";
import { isReservedAddress } from "../base/address-range.ts";
import type { Clock } from "../base/clock.ts";
import { Deadline } from "../base/clock.ts";
import { type Hostname, isUnder } from "../base/hostname.ts";
import { parseSocketAddress } from "../base/ip-address.ts";
import type { Log } from "../base/log.ts";
import { RecentMap } from "../base/recent-map.ts";
import { Semaphore } from "../base/semaphore.ts";
import { SingleFlight } from "../base/single-flight.ts";
import type { Issuer } from "../config/config.ts";
import { internalSuffixes } from "../config/issuers.ts";
import { limits } from "../config/limits.ts";
import type { Lookup } from "../dns/resolver.ts";

/** What is known of where this machine is. */
export interface OwnAddresses {
  readonly addresses: readonly string[];
  /** Could every name that may tell be asked about? */
  readonly isWhole: boolean;
}

/** What the look needs from its surroundings. */
export interface StrayingSteps {
  /** The addresses of a name; rejects with the signal's reason only. */
  lookUp(name: Hostname, signal: AbortSignal): Promise<Lookup<string>>;
  /** Hosts of the configuration, whose names lead here as far as anybody knows. */
  readonly listed: readonly Hostname[];
  /** Addresses that are this machine's without asking DNS: its interfaces', and hosts that are addresses. */
  addresses(): readonly string[];
  /** Is it the address of a proxy in front of us? */
  isTrustedProxy(address: string): boolean;
  /** Were name servers written down (`acme.resolvers`)? Then every CA is taken to see what they say. */
  readonly hasResolvers: boolean;
  readonly clock: Clock;
  readonly log: Log;
  readonly signal: AbortSignal;
}

/**
 * Looks where DNS leads a name before a CA is asked: one that does not lead here would fail there, and
 * failures are what CAs punish. Behind NAT nobody is told the public address; but the names of listed
 * hosts lead to it, and so it is known. What nothing is known to compare with is let through, and so is
 * what no name server answers: policy has allowed the name, and the CA will look for itself.
 */
export class Straying {
  readonly #steps: StrayingSteps;
  readonly #found = new RecentMap<
    Hostname,
    { readonly why: string | undefined; readonly until: number }
  >(limits.strayingCacheMax);
  readonly #flights = new SingleFlight<Hostname, string | undefined>();
  readonly #ownFlight = new SingleFlight<"own", OwnAddresses>();
  readonly #slots = new Semaphore(limits.strayingInFlightMax);
  #own: (OwnAddresses & { readonly until: number }) | undefined;

  constructor(steps: StrayingSteps) {
    this.#steps = steps;
  }

  /** Why no CA among these would find this machine under the name; `undefined` when it may. Never rejects. */
  async why(host: Hostname, issuers: readonly Issuer[]): Promise<string | undefined> {
    if (!issuers.some((issuer) => this.#seesPublicDns(issuer))) return undefined;
    const now = this.#steps.clock.now();
    const known = this.#found.get(host);
    if (known !== undefined && now < known.until && known.until <= now + limits.strayingCacheMs)
      return known.why;
    return await this.#flights.run(host, async () => {
      const why = await this.#look(host);
      this.#found.set(host, { why, until: this.#steps.clock.now() + limits.strayingCacheMs });
      if (why !== undefined) this.#steps.log.info("on-demand.points-elsewhere", { host, why });
      return why;
    });
  }

  /** A CA in our own network has a DNS of its own: what the world sees says nothing about it. */
  #seesPublicDns(issuer: Issuer): boolean {
    if (issuer.kind === "internal") return false;
    if (this.#steps.hasResolvers) return true;
    const { hostname } = new URL(issuer.directory);
    const isInside = internalSuffixes.some((suffix) => isUnder(hostname, suffix));
    return !isInside && !isReservedAddress(hostname.replace(/^\[(.*)\]$/, "$1"));
  }

  async #look(host: Hostname): Promise<string | undefined> {
    using deadline = new Deadline(this.#steps.signal, limits.strayingTimeoutMs);
    const { signal } = deadline;
    try {
      const [found, own] = await this.#slots.run(
        () => Promise.all([this.#steps.lookUp(host, signal), this.#ownAddresses(signal)]),
        signal,
      );
      if (found.kind === "failed") return undefined;
      if (found.kind === "absent") return `it has no address in DNS (${found.why})`;
      return strayingOf(found.records, own, (address) => this.#steps.isTrustedProxy(address));
    } catch {
      return undefined; // late, or stopping: as when name servers fail
    }
  }

  async #ownAddresses(signal: AbortSignal): Promise<OwnAddresses> {
    if (this.#own !== undefined && this.#steps.clock.now() < this.#own.until) return this.#own;
    return await this.#ownFlight.run("own", async () => {
      const { listed, lookUp, clock } = this.#steps;
      const names = listed.slice(0, limits.ownAddressesHostsMax);
      const lookups = await Promise.all(names.map((name) => lookUp(name, signal)));
      const resolved = lookups.flatMap((found) => (found.kind === "found" ? found.records : []));
      const addresses = [...new Set([...this.#steps.addresses(), ...resolved])];
      const isWhole = lookups.every(({ kind }) => kind !== "failed");
      const lifeMs = isWhole ? limits.ownAddressesMs : limits.strayingCacheMs;
      this.#own = { addresses, isWhole, until: clock.now() + lifeMs };
      return this.#own;
    });
  }
}

/**
 * Why `addresses` lead to no address of this machine; `undefined` when one does, or when it cannot be
 * said: an address is foreign only if we know one of our own of its kind (IPv4 or IPv6, public or not).
 */
export function strayingOf(
  addresses: readonly string[],
  own: OwnAddresses,
  isTrustedProxy: (address: string) => boolean,
): string | undefined {
  const known = new Set(own.addresses.map(canonical));
  const kinds = new Set(own.addresses.map(kindOf));
  const isForeign = (address: string) =>
    !known.has(canonical(address)) && !isTrustedProxy(address) && kinds.has(kindOf(address));
  if (!own.isWhole || addresses.length === 0 || !addresses.every(isForeign)) return undefined;
  return `it leads to ${addresses.slice(0, SHOWN_MAX).join(", ")} in DNS, which is not this machine`;
}

/** Addresses in one message. */
const SHOWN_MAX = 4;

function kindOf(address: string): string {
  return `${isIPv6(address) ? 6 : 4} ${isReservedAddress(address) ? "private" : "public"}`;
}

/** One spelling for each address. */
function canonical(address: string): string {
  return parseSocketAddress(address) ?? address;
}

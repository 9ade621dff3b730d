import { type CertificateName, isWildcardName, provenHost } from "../base/certificate-name.ts";
import { unreachable } from "../base/errors.ts";
import { type Hostname, parentOf } from "../base/hostname.ts";
import { type IpAddress, isIpAddress } from "../base/ip-address.ts";
import type { UriHost } from "../base/uri-host.ts";
import type { Host } from "../config/config.ts";

/** The routing table of one configuration. */
export interface Routes {
  /**
   * The entry that answers to `host`: the exact one before the wildcard one label up (RFC 9525
   * §6.3), before the catch-all; an address is answered to by its own entry alone. Constant time; always
   * the very object of the configuration.
   */
  find(host: UriHost): Host | undefined;
  /**
   * The address that a hello without a name is for: the listed one that it was sent to, else the only
   * one that is listed (behind a port mapping nobody sees the other).
   */
  findAddress(local: IpAddress | undefined): IpAddress | undefined;
  /** The entry whose certificate is made out to `name`; `undefined` when none is. */
  findCertified(name: CertificateName): Host | undefined;
}

/**
 * The name of the one certificate that `route` has, and that is ordered unasked; `undefined` when it
 * has one for each of its names, files given by hand, or none.
 */
export function ownNameOf({ pattern, certificate }: Host): CertificateName | undefined {
  if (certificate.kind !== "acme" || certificate.onDemand !== undefined) return undefined;
  switch (pattern.kind) {
    case "exact":
      return pattern.host;
    case "wildcard":
      return `*.${pattern.parent}`;
    case "catch-all":
      return undefined;
    default:
      return unreachable(pattern);
  }
}

/** What the certificate of `host`, which `route` answers to, is made out to: the host, or its wildcard. */
export function certificateNameOf(route: Host, host: UriHost): CertificateName {
  return ownNameOf(route) ?? host;
}

/** Builds the table once; of two entries for the same name, which the configuration refuses, the first counts. */
export function buildRoutes(hosts: readonly Host[]): Routes {
  const exact = new Map<UriHost, Host>();
  const wildcards = new Map<Hostname, Host>();
  const rest: Host[] = [];
  for (const entry of hosts) {
    const { pattern } = entry;
    switch (pattern.kind) {
      case "exact":
        if (!exact.has(pattern.host)) exact.set(pattern.host, entry);
        break;
      case "wildcard":
        if (!wildcards.has(pattern.parent)) wildcards.set(pattern.parent, entry);
        break;
      case "catch-all":
        rest.push(entry);
        break;
      default:
        unreachable(pattern);
    }
  }
  const addresses = [...exact.keys()].filter(isIpAddress);
  const find = (host: UriHost) => {
    const own = exact.get(host);
    if (own !== undefined || isIpAddress(host)) return own;
    const parent = parentOf(host);
    return (parent && wildcards.get(parent)) ?? rest[0];
  };
  return {
    find,
    findAddress: (local) => {
      if (local !== undefined && exact.has(local)) return local;
      return addresses.length === 1 ? addresses[0] : undefined;
    },
    findCertified: (name) => {
      const base = provenHost(name);
      const entry = isWildcardName(name) ? wildcards.get(provenHost(name)) : find(base);
      return entry && certificateNameOf(entry, base) === name ? entry : undefined;
    },
  };
}

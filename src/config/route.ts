import { type CertificateName, isWildcardName, provenHost } from "../base/certificate-name.ts";
import { unreachable } from "../base/errors.ts";
import { type Hostname, parentOf } from "../base/hostname.ts";
import type { Host } from "../config/config.ts";

/** The routing table of one configuration. */
export interface Routes {
  /**
   * The entry that answers to `host`: the exact one before the wildcard one label up (RFC 9525
   * §6.3), before the catch-all. Constant time; always the very object of the configuration.
   */
  find(host: Hostname): Host | undefined;
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
export function certificateNameOf(route: Host, host: Hostname): CertificateName {
  return ownNameOf(route) ?? host;
}

/** Builds the table once; of two entries for the same name, which the configuration refuses, the first counts. */
export function buildRoutes(hosts: readonly Host[]): Routes {
  const exact = new Map<Hostname, Host>();
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
  const find = (host: Hostname) => {
    const parent = parentOf(host);
    return exact.get(host) ?? (parent && wildcards.get(parent)) ?? rest[0];
  };
  return {
    find,
    findCertified: (name) => {
      const base = provenHost(name);
      const entry = isWildcardName(name) ? wildcards.get(base) : find(base);
      return entry && certificateNameOf(entry, base) === name ? entry : undefined;
    },
  };
}

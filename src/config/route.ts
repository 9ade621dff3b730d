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
  return {
    find: (host) => {
      const parent = parentOf(host);
      return exact.get(host) ?? (parent && wildcards.get(parent)) ?? rest[0];
    },
  };
}

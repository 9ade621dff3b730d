import { firstTexts } from "../base/first-addresses.ts";
import type { Resolver } from "./resolver.ts";
import { findZone } from "./zone.ts";

/** A name server: any of its addresses may answer for it. */
export interface NameServer {
  readonly name: string;
  /** `address:port`. */
  readonly addresses: readonly string[];
}

/** Servers of one zone that are asked; the registries' own zones have 13. */
const SERVERS_MAX = 16;
/** Addresses of each family that one of them is asked at. */
const ADDRESSES_MAX = 2;

/**
 * The authoritative servers of the zone that the name is in; none where it cannot be told. Rejects only with the
 * signal's reason.
 *
 * @param port Where they listen.
 */
export async function zoneServers(
  resolver: Resolver,
  name: string,
  port: number,
  signal: AbortSignal,
): Promise<readonly NameServer[]> {
  let zone: string;
  try {
    zone = await findZone(resolver, name, signal);
  } catch {
    signal.throwIfAborted();
    return []; // a name server that knows no SOA records, or a network without one
  }
  return await serversOf(resolver, zone, port, signal);
}

/** The same of a zone that is known. Rejects only with the signal's reason. */
export async function serversOf(
  resolver: Resolver,
  zone: string,
  port: number,
  signal: AbortSignal,
): Promise<readonly NameServer[]> {
  const names = await resolver.nameServers(zone, signal);
  const servers = names.kind === "found" ? names.records.slice(0, SERVERS_MAX) : [];
  const found = await Promise.all(
    servers.map(async (server) => {
      const addresses = await resolver.addresses(server, signal);
      return {
        name: server,
        addresses:
          addresses.kind === "found"
            ? firstTexts(addresses.records, ADDRESSES_MAX).map((one) => withPort(one, port))
            : [],
      };
    }),
  );
  return found.filter(({ addresses }) => addresses.length > 0);
}

function withPort(address: string, port: number): string {
  return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}

import { type CertificateName, provenHost } from "../base/certificate-name.ts";
import type { DnsEntry } from "../config/dns-entry.ts";
import { limits } from "../config/limits.ts";
import { Resolver, type ResolverOptions } from "../dns/resolver.ts";
import { findZone, followAliases } from "../dns/zone.ts";
import { type NameServer, serversOf } from "../dns/zone-servers.ts";
import { entryFor } from "./dns-providers.ts";

/** Where proofs of a name go in DNS (RFC 8555 §8.4), who puts them there, and which servers have to show them. */
export interface ProofPlace {
  /** What a CA asks for: `_acme-challenge.shop.example`. */
  readonly asked: string;
  /** Where that leads when it is an alias; else the same. */
  readonly name: string;
  readonly entry: DnsEntry;
  /** `undefined` where the entry names the servers, and where it cannot be told: then an order asks the resolvers. */
  readonly zone: string | undefined;
  /** None where they cannot be told. */
  readonly servers: readonly AskedServer[];
  /** Who says what is there: some of the servers; else the resolvers, as where a network lets nobody out to port 53; else nobody. */
  readonly answering: "servers" | "resolvers" | "nobody";
}

/** One of the servers, and what it said when it was asked for records there. */
export interface AskedServer extends NameServer {
  /** Why it says nothing; `undefined`: it answers. */
  readonly fault: string | undefined;
}

/** What is asked about the place. */
export interface ProofQuestion {
  readonly certificate: CertificateName;
  /** Those that the certificate is proven with. */
  readonly entries: readonly DnsEntry[];
  readonly resolvers: ResolverOptions;
}

/**
 * Looks where proofs of a name go, as an order does before it puts one there; changes nothing.
 *
 * @throws {LatchkeyError} `DNS_FAILED`: an alias that leads nowhere, or that nobody answers about, or no entry for
 *   where it leads ({@link hasNoProvider}); the signal's reason when aborted.
 */
export async function findProofPlace(
  { certificate, entries, resolvers }: ProofQuestion,
  signal: AbortSignal,
): Promise<ProofPlace> {
  const resolver = new Resolver(resolvers);
  const asked = `_acme-challenge.${provenHost(certificate)}`;
  const name = await followAliases(resolver, asked, signal);
  const entry = entryFor(entries, { certificate, name });
  const { authoritative } = entry;
  const zone = authoritative.length > 0 ? undefined : await zoneOf(resolver, name, signal);
  const servers =
    zone === undefined
      ? authoritative.map((address) => ({ name: address, addresses: [address] }))
      : await serversOf(resolver, zone, limits.dnsPort, signal);
  const answers = await Promise.all(
    servers.map(async (server): Promise<AskedServer> => {
      const options = { ...resolvers, servers: server.addresses, tries: 1 };
      const found = await new Resolver(options).txt(name, signal);
      return { ...server, fault: found.kind === "failed" ? found.code : undefined };
    }),
  );
  const isAnswered = answers.some(({ fault }) => fault === undefined);
  const answering = isAnswered ? "servers" : await askResolvers(resolver, name, signal);
  return { asked, name, entry, zone, servers: answers, answering };
}

async function zoneOf(
  resolver: Resolver,
  name: string,
  signal: AbortSignal,
): Promise<string | undefined> {
  try {
    return await findZone(resolver, name, signal);
  } catch {
    signal.throwIfAborted();
    return undefined;
  }
}

async function askResolvers(
  resolver: Resolver,
  name: string,
  signal: AbortSignal,
): Promise<"resolvers" | "nobody"> {
  const { kind } = await resolver.txt(name, signal);
  return kind === "failed" ? "nobody" : "resolvers";
}

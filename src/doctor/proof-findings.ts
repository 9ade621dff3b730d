import { unreachable } from "../base/errors.ts";
import { isUnder } from "../base/hostname.ts";
import type { ProofPlace } from "../certificate/proof-place.ts";
import type { DnsProvider } from "../config/dns-entry.ts";
import { isPublic } from "./addresses.ts";
import { advice, type Finding, fine, listed, problemUnless, quoted } from "./finding.ts";

/** Where a proof of a name would go in DNS, as far as it can be seen. */
export type ProofSight =
  | { readonly kind: "found"; readonly place: ProofPlace; readonly provider: ProviderSight }
  /** No entry of `dns` is for where it would go. */
  | { readonly kind: "no-entry"; readonly why: string }
  /** An alias that leads nowhere. */
  | { readonly kind: "misled"; readonly alias: string; readonly why: string }
  /** Name servers fail, or nobody answers. */
  | { readonly kind: "unanswered"; readonly why: string };

/** Whether whoever puts records there sees a place for them. */
export interface ProviderSight {
  readonly kind: DnsProvider["kind"];
  readonly says: "yes" | "no" | "nothing";
  readonly why?: string;
}

/** What the findings depend on besides. */
export interface ProofFacts {
  /** Does a CA on the internet have to find it? */
  readonly isForPublicCa: boolean;
  /** Does another challenge prove the name, too? */
  readonly isSpared: boolean;
}

const WHY_MAX_CHARACTERS = 300;
const ALIAS_REMEDY = "Correct its CNAME record, or remove it where nothing is delegated";
const SERVERS_REMEDY =
  "Look at the name servers of that zone, and whether this machine reaches them (port 53, UDP and TCP)";

const PROVIDER_REMEDIES: Readonly<Record<DnsProvider["kind"], string>> = {
  cloudflare:
    "Give the token of `dns` the permission to edit the DNS of that zone, or let the alias lead into one that it may edit",
  rfc2136: "Let `server` of `dns` be the primary of that zone, or correct `zones`",
  "acme-dns":
    "Let _acme-challenge be an alias (CNAME) of the name that acme-dns gave out for the account, and give `accounts` one for this host",
  exec: "Correct the program of `dns`",
};

/** Can dns-01 prove the name: is there a place, somebody who puts records there, and servers that show them? */
export function findingsOfProof(sight: ProofSight, facts: ProofFacts): readonly Finding[] {
  const bad = (code: string, saw: string, remedy: string) => [
    problemUnless(facts.isSpared, code, saw, remedy),
  ];
  if (sight.kind === "found") return ofPlace(sight.place, sight.provider, facts);
  const why = quoted(sight.why, { maxCharacters: WHY_MAX_CHARACTERS });
  switch (sight.kind) {
    case "no-entry": {
      const remedy =
        "Write an entry of `dns` for it (`zones`), or make _acme-challenge an alias (CNAME) of a name in the zones of one";
      return bad("dns.no-entry", why, remedy);
    }
    case "misled":
      return bad("dns.alias-broken", why, ALIAS_REMEDY);
    case "unanswered":
      return bad("dns.no-answer", `where proofs in DNS go is not known: ${why}`, SERVERS_REMEDY);
    default:
      return unreachable(sight);
  }
}

function ofPlace(
  place: ProofPlace,
  provider: ProviderSight,
  facts: ProofFacts,
): readonly Finding[] {
  return [
    ...ofServers(place, facts),
    ...ofView(place, facts),
    ...ofZones(place),
    ...ofProvider(place, provider, facts),
  ];
}

function ofServers(place: ProofPlace, { isSpared }: ProofFacts): readonly Finding[] {
  const { zone, servers, answering } = place;
  const where = zone === undefined ? "" : `, in the zone ${zone}`;
  const silent = servers.filter(({ fault }) => fault !== undefined);
  const names = listed(silent.map(({ name, fault }) => `${quoted(name)} (${fault})`));
  if (answering === "nobody") {
    const saw = `nobody answers about ${wayOf(place)}${where}: ${names || "its servers cannot be told"}`;
    return [problemUnless(isSpared, "dns.servers-silent", saw, SERVERS_REMEDY)];
  }
  if (servers.length === 0) {
    const saw = `proofs in DNS go to ${wayOf(place)}, and the name servers of its zone cannot be told: resolvers are asked in their place`;
    const remedy =
      "See that the zone is there, or write its servers under `authoritative` of `dns`";
    return [advice("dns.no-zone", saw, remedy)];
  }
  const found = fine("dns.found", `proofs in DNS go to ${wayOf(place)}${where}`);
  if (silent.length === 0) return [found];
  const saw = `no answer about ${place.name} from ${names}`;
  return [found, advice("dns.server-silent", saw, SERVERS_REMEDY)];
}

function wayOf({ asked, name }: ProofPlace): string {
  return asked === name ? name : `${name}, where ${asked} leads`;
}

/** The CA asks the servers that the internet knows. */
function ofView({ zone, servers }: ProofPlace, { isForPublicCa }: ProofFacts): readonly Finding[] {
  const addresses = servers.flatMap((server) => server.addresses.map(hostOf));
  if (!isForPublicCa || zone === undefined || addresses.length === 0) return [];
  if (addresses.some(isPublic)) return [];
  const saw = `the name servers of ${zone} are at ${listed(addresses)}, which the CA cannot reach: this machine may see a view of its own`;
  const remedy =
    "Write public name servers under acme.resolvers, or the ones to look at under `authoritative`";
  return [advice("dns.private-view", saw, remedy)];
}

/** Of `address:port`. */
function hostOf(address: string): string {
  return address.replace(/:\d+$/, "").replace(/^\[|\]$/g, "");
}

function ofZones({ asked, name, entry }: ProofPlace): readonly Finding[] {
  const { zones } = entry;
  if (asked === name || zones.length === 0 || zones.some((zone) => isUnder(name, zone))) return [];
  const saw = `${asked} is an alias of ${name}, which is in none of the zones of its entry of \`dns\` (${listed(zones)})`;
  const remedy =
    "Let the alias lead into one of them, or name its zone there, if the credentials are for it";
  return [advice("dns.outside-zones", saw, remedy)];
}

function ofProvider(
  { name }: ProofPlace,
  { kind, says, why = "" }: ProviderSight,
  { isSpared }: ProofFacts,
): readonly Finding[] {
  switch (says) {
    case "nothing":
      return [];
    case "yes":
      return [fine("dns.provider", `${kind} has a place for ${name}`)];
    case "no": {
      const saw = `${kind}: ${quoted(why, { maxCharacters: WHY_MAX_CHARACTERS })}`;
      return [problemUnless(isSpared, "dns.provider", saw, PROVIDER_REMEDIES[kind])];
    }
    default:
      return unreachable(says);
  }
}

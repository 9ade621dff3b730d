import { isAnswer, type Lookup } from "../dns/resolver.ts";
import { isPublic } from "./addresses.ts";
import { advice, type Finding, fine, listed, problem, problemUnless, quoted } from "./finding.ts";

/** What DNS says of a name. */
export interface NameSight {
  readonly host: string;
  readonly ipv4: Lookup<string>;
  readonly ipv6: Lookup<string>;
  /** Where it leads when it is an alias. */
  readonly alias: string | undefined;
  /** For the slower of the two questions. */
  readonly tookMs: number;
  /** What each authoritative server says; empty where they cannot be told. */
  readonly servers: readonly ServerSight[];
  /** Does a name beside it that nobody made lead to the same place? */
  readonly isByWildcard: boolean;
}

/** What one authoritative server says. */
export interface ServerSight {
  readonly name: string;
  readonly says:
    | { readonly kind: "addresses"; readonly addresses: readonly string[] }
    | { readonly kind: "nothing" }
    | { readonly kind: "silent"; readonly code: string };
}

/** What the findings about a name depend on besides. */
export interface NameQuestion {
  /** Does a CA on the internet have to find it? */
  readonly isForPublicCa: boolean;
  /** Does dns-01 prove it, wherever it leads? */
  readonly hasDns: boolean;
  /** More is slow, in milliseconds: CAs have deadlines of their own. */
  readonly slowMs: number;
}

const RECORD = "Give the name an A or AAAA record that leads to this machine";
const SERVERS =
  "Look at the name servers of the domain, and at its DNSSEC if it has any (a DS record at the registry that no longer fits)";

/** Does the name exist, does it lead anywhere, and do all name servers say the same? */
export function findingsOfName(sight: NameSight, question: NameQuestion): readonly Finding[] {
  const addresses = addressesOf(sight);
  if (addresses.length === 0) return [nowhere(sight, question), ...findingsOfServers(sight)];
  return [
    somewhere(sight, addresses),
    ...failedHalf(sight),
    ...findingsOfPrivate(addresses, question),
    ...findingsOfServers(sight),
    ...slowness(sight, question),
  ];
}

/** Every address that the name has, IPv4 first. */
export function addressesOf({ ipv4, ipv6 }: NameSight): readonly string[] {
  return [ipv4, ipv6].flatMap((each) => (each.kind === "found" ? each.records : []));
}

function nowhere({ host, ipv4, ipv6, alias }: NameSight, { hasDns }: NameQuestion): Finding {
  const failed = [ipv4, ipv6].find((each) => each.kind === "failed");
  if (failed?.kind === "failed") return failure(host, failed.code);
  if (alias !== undefined) {
    const saw = `${host} is an alias of ${quoted(alias)}, which has no address`;
    return problemUnless(
      hasDns,
      "name.alias-broken",
      saw,
      "Correct the CNAME record, or what it leads to",
    );
  }
  const isMissing = [ipv4, ipv6].some((each) => each.kind === "absent" && each.why === "NXDOMAIN");
  return isMissing
    ? problemUnless(hasDns, "name.nxdomain", `${host} does not exist (NXDOMAIN)`, RECORD)
    : problemUnless(
        hasDns,
        "name.no-address",
        `${host} exists, and has neither A nor AAAA records`,
        RECORD,
      );
}

function failure(host: string, code: string): Finding {
  if (isAnswer(code)) {
    const saw = `the name servers fail to say where ${host} leads (${code.slice(1)})`;
    return problem("name.servfail", saw, SERVERS);
  }
  const saw = `no name server answers where ${host} leads (${code})`;
  const remedy =
    "Look whether this machine reaches its name servers (/etc/resolv.conf, or acme.resolvers), and whether those of the domain answer";
  return problem("name.no-answer", saw, remedy);
}

function somewhere({ host, alias, isByWildcard }: NameSight, addresses: readonly string[]) {
  const through = alias === undefined ? "" : `, as an alias of ${quoted(alias)}`;
  const by = isByWildcard ? ", by a wildcard record of its domain" : "";
  return fine("name.found", `${host} leads to ${listed(addresses)}${through}${by}`);
}

/** One family answers, the other fails: some validators take that for a failure. */
function failedHalf({ host, ipv4, ipv6 }: NameSight): readonly Finding[] {
  const halves = [
    ["A", ipv4],
    ["AAAA", ipv6],
  ] as const;
  return halves.flatMap(([type, found]) =>
    found.kind === "failed"
      ? [
          advice(
            "name.half-fails",
            `the ${type} records of ${host} cannot be had (${found.code})`,
            SERVERS,
          ),
        ]
      : [],
  );
}

function findingsOfPrivate(
  addresses: readonly string[],
  { isForPublicCa, hasDns }: NameQuestion,
): readonly Finding[] {
  const unreachable = addresses.filter((address) => !isPublic(address));
  if (!isForPublicCa || hasDns || unreachable.length === 0) return [];
  const saw = `${listed(unreachable)} cannot be reached from the internet, where the CA is`;
  const remedy =
    "Let the name lead to the public address of this machine, prove it by dns-01 (acme.dns), or set `issuer: internal`";
  return [problem("name.private", saw, remedy)];
}

function findingsOfServers({ host, servers }: NameSight): readonly Finding[] {
  const answering = servers.filter(({ says }) => says.kind !== "silent");
  const opinions = Map.groupBy(answering, ({ says }) => opinionOf(says));
  const silent = servers.filter(({ says }) => says.kind === "silent");
  const findings: Finding[] = [];
  if (opinions.size > 1) {
    const words = [...opinions].map(
      ([opinion, who]) => `${listed(who.map(({ name }) => quoted(name)))} say ${opinion}`,
    );
    findings.push(
      problem(
        "name.servers-disagree",
        `the name servers of ${host} disagree: ${words.join("; ")}`,
        "Bring all name servers of the domain to the same zone: a CA may ask any of them",
      ),
    );
  }
  if (silent.length > 0) {
    const names = listed(silent.map(({ name }) => quoted(name)));
    const remedy = "Look at that name server, or take it out of the domain's NS records";
    findings.push(advice("name.server-silent", `no answer about ${host} from ${names}`, remedy));
  }
  return findings;
}

function opinionOf(says: ServerSight["says"]): string {
  return says.kind === "addresses" ? listed(says.addresses.toSorted()) : "it has no address";
}

function slowness({ host, tookMs }: NameSight, { slowMs }: NameQuestion): readonly Finding[] {
  if (tookMs <= slowMs) return [];
  const saw = `${host} took ${Math.round(tookMs)} ms to look up`;
  return [
    advice("name.slow", saw, "Look at the name servers of the domain: CAs wait only so long"),
  ];
}

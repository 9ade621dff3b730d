import { type CertificateName, isWildcardName, provenHost } from "../base/certificate-name.ts";
import type { CertificateRecord, CertificateState } from "../base/certificate-record.ts";
import type { Clock } from "../base/clock.ts";
import { isIpAddress } from "../base/ip-address.ts";
import type { Probe } from "../base/probe.ts";
import type { UriHost } from "../base/uri-host.ts";
import { caLimitsOf } from "../certificate/ca-limits.ts";
import { challengeTypesFor } from "../certificate/challenge-types.ts";
import { entriesFor } from "../certificate/dns-providers.ts";
import { purposeOf, subjectsOf } from "../certificate/planned-order.ts";
import type { PolicyGate } from "../certificate/policy-gate.ts";
import type { ChallengeType, Config, Host, Issuer } from "../config/config.ts";
import { nameOf, refusalOf } from "../config/issuers.ts";
import { limits } from "../config/limits.ts";
import type { Storage } from "../storage/storage.ts";
import { findingsOfBudgets } from "./budget-findings.ts";
import { findingsOfCaa } from "./caa-findings.ts";
import type { AcmeIssuer, CaFacts } from "./cas.ts";
import { type DoorQuestion, findingsOfDoors, type Ports } from "./door-findings.ts";
import { type Finding, fine, problem } from "./finding.ts";
import { lookAtDoors } from "./look-doors.ts";
import { lookAtCaa, lookAtName, type NameLook } from "./look-name.ts";
import { lookAtProof } from "./look-proof.ts";
import { addressesOf, findingsOfName } from "./name-findings.ts";
import type { Patient } from "./patient.ts";
import { findingsOfProof } from "./proof-findings.ts";
import { findingsOfRecord } from "./record-findings.ts";
import { findingsOfStored } from "./stored-findings.ts";

/** What a look at one host needs from its surroundings. */
export interface HostSteps {
  readonly config: Config;
  readonly storage: Storage;
  readonly cas: CaFacts;
  readonly gate: Pick<PolicyGate, "decide">;
  readonly ports: Ports;
  readonly ownAddresses: readonly string[];
  /** Is there anybody here who answers challenges of this type now? */
  canAnswer(type: ChallengeType): boolean;
  /** Has this program answer something that nobody else can; `undefined`: it cannot now. */
  probe(host: UriHost): Promise<Probe | undefined>;
  recordOf(name: CertificateName): CertificateRecord | undefined;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** One host whose certificate a CA out there makes. */
interface Case {
  readonly name: CertificateName;
  /** What control is proven of. */
  readonly host: UriHost;
  readonly entry: Host;
  readonly issuers: readonly AcmeIssuer[];
  readonly methods: readonly ChallengeType[];
  readonly record: CertificateRecord | undefined;
}

const NOBODY_KNOWS: ReadonlySet<string> = new Set([
  ...["name.servfail", "name.no-answer", "dns.no-answer"],
]);
const IN_USE: readonly CertificateState[] = ["valid", "renewing", "failing"];

/** Everything about one host: policy, DNS, CAA, its addresses and ports, its CA's limits, its last attempt. */
export async function examineHost(
  { name, entry }: Extract<Patient, { kind: "known" }>,
  steps: HostSteps,
): Promise<readonly Finding[]> {
  const decision = await steps.gate.decide(name);
  if (decision.kind === "not-ours") return [fine("host.not-ours", "nothing is issued for it")];
  if (decision.kind !== "allowed") {
    const why = "why" in decision ? decision.why : "there are too many new names";
    const remedy =
      "Name it under onDemand.allow, or have onDemand.ask answer 200 for it, and let the name lead here";
    return [problem("host.refused", `policy refuses ${name}: ${why}`, remedy)];
  }
  const record = steps.recordOf(name);
  const last = [
    ...(record === undefined ? [] : findingsOfRecord(record, steps.clock.now())),
    ...(await findingsOfStored(name, steps.storage)),
  ];
  const issuers = decision.issuers.filter((issuer) => issuer.kind === "acme");
  const [first] = issuers;
  if (first === undefined) return [INTERNAL, ...last];
  const methods = methodsFor(
    name,
    challengeTypesFor(entry, first, steps.config.acme, steps.config.listen),
  );
  const patient: Case = { name, host: provenHost(name), entry, issuers, methods, record };
  return [
    ...ofNames(patient, steps),
    ...(methods.length === 0 ? [impossible(name)] : await ofWays(patient, steps)),
    ...ofBudgets(patient, steps),
    ...last,
  ];
}

const INTERNAL = fine(
  "host.internal",
  "the internal authority certifies it: neither DNS nor the internet is asked",
);

/** A wildcard is proven by DNS alone (RFC 8555 §7.1.3), an address never (RFC 8738 §7). */
function methodsFor(name: CertificateName, types: readonly ChallengeType[]) {
  if (isWildcardName(name)) return types.filter((type) => type === "dns-01");
  return isIpAddress(name) ? types.filter((type) => type !== "dns-01") : types;
}

function impossible(name: CertificateName): Finding {
  const saw = `no challenge of acme.challenges can be answered for ${name}`;
  const remedy = isWildcardName(name)
    ? "A wildcard is proven by dns-01 alone: write acme.dns"
    : "http-01 needs listen.http, tls-alpn-01 listen.https, and dns-01 acme.dns: write one of them";
  return problem("challenge.impossible", saw, remedy);
}

function ofNames({ name, issuers }: Case, { config }: HostSteps): readonly Finding[] {
  return issuers.flatMap((issuer) => {
    const why = refusalOf(issuer, name, config.authority.permit);
    if (why === undefined) return [];
    const remedy = "Set `issuer: internal` on this host, or correct its name";
    return [problem("host.uncertifiable", why, remedy)];
  });
}

/** Can a CA get from the name to this machine? */
async function ofWays(patient: Case, steps: HostSteps): Promise<readonly Finding[]> {
  const { host } = patient;
  const question = doorQuestion(patient, steps);
  if (isIpAddress(host)) {
    const doors = await lookAtDoors([host], patient, steps);
    return findingsOfDoors(doors, question);
  }
  const isWildcard = isWildcardName(patient.name);
  const [ways, proofs, set] = await Promise.all([
    isWildcard ? [] : ofAddresses(host, patient, steps),
    ofProofs(patient, steps),
    lookAtCaa(host, nameLook(steps), steps.signal),
  ]);
  // Name servers that fail fail for every question: once is enough.
  const seen = [...ways, ...proofs];
  if (set.kind === "failed" && seen.some(({ code }) => NOBODY_KNOWS.has(code))) return seen;
  const candidates = patient.issuers.map((issuer) => ({
    issuer: nameOf(issuer),
    identities: steps.cas.identitiesOf(issuer.directory),
    account: steps.cas.accountOf(issuer.directory),
    methods: patient.methods,
    isWildcard,
  }));
  return [...seen, ...findingsOfCaa(host, set, candidates)];
}

/** Is there a place for proofs in DNS, where they are one way, or the only one? */
async function ofProofs(patient: Case, steps: HostSteps): Promise<readonly Finding[]> {
  const { name, methods, issuers, entry } = patient;
  if (!methods.includes("dns-01")) return [];
  const { resolvers, timeoutMs } = nameLook(steps);
  const entries = entriesFor(entry, steps.config.acme);
  const question = { certificate: name, entries, resolvers };
  const sight = await lookAtProof(question, { timeoutMs, clock: steps.clock }, steps.signal);
  return findingsOfProof(sight, {
    isForPublicCa: issuers.some(isPublic),
    isSpared: methods.some((type) => type !== "dns-01"),
  });
}

async function ofAddresses(
  host: string,
  patient: Case,
  steps: HostSteps,
): Promise<readonly Finding[]> {
  const sight = await lookAtName(host, nameLook(steps), steps.signal);
  const findings = findingsOfName(sight, {
    isForPublicCa: patient.issuers.some(isPublic),
    hasDns: patient.methods.includes("dns-01"),
    slowMs: limits.dnsSlowMs,
  });
  const doors = await lookAtDoors(addressesOf(sight), patient, steps);
  return [...findings, ...findingsOfDoors(doors, doorQuestion(patient, steps))];
}

/** A CA that has a name of its own in the file is out there; one with a directory alone may be next door. */
function isPublic(issuer: Issuer): boolean {
  return issuer.kind === "acme" && nameOf(issuer) !== issuer.directory;
}

function nameLook({ config }: HostSteps): NameLook {
  const { dnsTimeoutMs, dnsTries, dnsPort, doctorLookTimeoutMs } = limits;
  return {
    resolvers: { servers: config.acme.resolvers, timeoutMs: dnsTimeoutMs, tries: dnsTries },
    authoritativePort: dnsPort,
    timeoutMs: doctorLookTimeoutMs,
  };
}

function doorQuestion({ methods }: Case, { config, ports, ownAddresses }: HostSteps): DoorQuestion {
  const portIn = (addresses: Config["listen"]["http"]) => {
    const [first] = addresses.flatMap((each) => (each.kind === "tcp" ? [each.port] : []));
    return first === 0 ? undefined : first;
  };
  const http = portIn(config.listen.http);
  const https = portIn(config.listen.https);
  return {
    ...{ ports, ownAddresses },
    hasDns: methods.includes("dns-01"),
    listening: { ...(http && { http }), ...(https && { https }) },
  };
}

function ofBudgets({ name, issuers, record }: Case, { cas, clock }: HostSteps): readonly Finding[] {
  const inUse = record?.issuer;
  const certificate = inUse === null || inUse === undefined ? undefined : { issuer: inUse };
  return issuers.flatMap((issuer) => {
    const { directory } = issuer;
    const purpose = purposeOf(directory, certificate, false);
    return findingsOfBudgets(cas.budgets, {
      issuer: nameOf(issuer),
      rates: caLimitsOf(directory, "").rates,
      subjects: subjectsOf({ directory, name, purpose }),
      isSpared: record !== undefined && IN_USE.includes(record.state),
      now: clock.now(),
    });
  });
}

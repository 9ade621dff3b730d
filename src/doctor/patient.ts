import {
  type CertificateName,
  isWildcardName,
  parseCertificateName,
} from "../base/certificate-name.ts";
import type { CertificateRecord, CertificateState } from "../base/certificate-record.ts";
import { parseHostname } from "../base/hostname.ts";
import { parseIpAddress } from "../base/ip-address.ts";
import type { UriHost } from "../base/uri-host.ts";
import type { Given } from "../certificate/manual.ts";
import type { Host } from "../config/config.ts";
import { formatPattern } from "../config/host-pattern.ts";
import { certificateNameOf, type Routes } from "../config/route.ts";
import { type Finding, fine, problem } from "./finding.ts";

/** A host that is to be looked at. */
export type Patient =
  | { readonly kind: "known"; readonly name: CertificateName; readonly entry: Host }
  /** Its certificate is given by hand: there are files to look at. `row`: the host as the configuration has it. */
  | { readonly kind: "given"; readonly name: string; readonly row: string; readonly given: Given }
  /** There is nothing to look at, and why. */
  | { readonly kind: "settled"; readonly name: string; readonly finding: Finding };

/** Hosts with files given by hand, by their pattern. */
type Handed = ReadonlyMap<string, Given>;

/** Those in which a person has to look come first. */
const RANKS: Readonly<Partial<Record<CertificateState, number>>> = {
  failed: 0,
  failing: 1,
  refused: 2,
  waiting: 3,
};
const LAST_RANK = 4;

/** What somebody asked for by name: a host, or a wildcard that has one certificate. */
export function patientOf(text: string, routes: Routes, handed: Handed): Patient {
  const given = handed.get(text.toLowerCase());
  if (given !== undefined) return { kind: "given", name: given.host, row: given.host, given };
  const certified = parseCertificateName(text.toLowerCase());
  if (certified !== undefined && isWildcardName(certified)) {
    const entry = routes.findCertified(certified);
    return entry === undefined ? nameByName(text) : { kind: "known", name: certified, entry };
  }
  const host = parseIpAddress(text) ?? parseHostname(text);
  const entry = host && routes.find(host);
  if (host === undefined || entry === undefined) {
    const saw = `no host of the configuration matches ${text}`;
    const finding = problem("host.unknown", saw, "Correct the name, or add it under hosts");
    return { kind: "settled", name: text, finding };
  }
  const source = entry.certificate.kind;
  if (source === "acme") return { kind: "known", name: certificateNameOf(entry, host), entry };
  const shared = handed.get(formatPattern(entry.pattern));
  if (shared !== undefined)
    return { kind: "given", name: host, row: shared.host, given: forOne(shared, host) };
  return {
    kind: "settled",
    name: host,
    finding: fine("host.not-ours", "its TLS is passed through: nothing is issued"),
  };
}

/** What visitors of one host find, whose files are those of a pattern. */
function forOne(given: Given, host: UriHost): Given {
  return { ...given, host, pattern: { kind: "exact", host } };
}

/** All that the configuration has, the worst off first; hosts that have no certificate of ours are left out. */
export function allPatients(
  records: readonly CertificateRecord[],
  routes: Routes,
  handed: Handed,
): readonly Patient[] {
  return records
    .toSorted((one, other) => rankOf(one) - rankOf(other))
    .map(({ host }) => patientOf(host, routes, handed))
    .filter(({ kind }) => kind !== "settled");
}

function rankOf({ state }: CertificateRecord): number {
  return RANKS[state] ?? LAST_RANK;
}

function nameByName(text: string): Patient {
  const saw = `${text} has no certificate of its own: its names are certified one by one`;
  const finding = problem("host.unknown", saw, "Ask about a name below it");
  return { kind: "settled", name: text, finding };
}

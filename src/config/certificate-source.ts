import type { CertificateSource, HostPattern, Issuer, OnDemand } from "./config.ts";
import type { Action } from "./destination.ts";
import { readDns } from "./dns.ts";
import type { DnsEntry } from "./dns-entry.ts";
import type { Path } from "./faults.ts";
import { formatPattern, overlap } from "./host-pattern.ts";
import type { HostPlace } from "./host-place.ts";
import type { WrittenHost } from "./host-schema.ts";
import type { WrittenOnDemand } from "./issuer-schema.ts";
import { isInternalName, namedIssuer, refusalOf } from "./issuers.ts";
import { readIssuer } from "./settings.ts";

/** A policy for names on demand, and where in the file it stands. */
interface Policy {
  readonly written: WrittenOnDemand;
  readonly path: Path;
}

/**
 * Where the certificates of an entry's hosts come from: a function, because the hosts of one entry
 * (`a, b:`) may differ in their issuer. Faults of the entry as a whole are reported here, those of
 * one host when the function is called.
 */
export function readCertificateSource(
  written: WrittenHost,
  action: Action,
  place: HostPlace,
): (pattern: HostPattern) => CertificateSource {
  const { path, settings, desk } = place;
  if (action.kind === "pass-through") return () => ({ kind: "none" });
  if (written.certificate !== undefined) return readManual(written, written.certificate, place);

  const own =
    written.issuer === undefined
      ? undefined
      : [readIssuer(written.issuer, [...path, "issuer"], desk)];
  const policy =
    written.onDemand === undefined
      ? settings.onDemand && { written: settings.onDemand, path: ["onDemand"] }
      : { written: written.onDemand, path: [...path, "onDemand"] };
  const dns = written.dns && readDns(written.dns, [...path, "dns"], desk);
  reportUnusedPolicy(written, place);
  return (pattern) => {
    const issuers = own ?? defaultIssuers(pattern, place);
    reportRefusals(issuers, pattern, place);
    reportUnprovable(dns, issuers, place);
    const isOne = pattern.kind === "wildcard" && written.onDemand === undefined;
    if (pattern.kind === "exact" || (isOne && isProvenByDns(dns, issuers, place)))
      return { kind: "acme", issuers, onDemand: undefined, dns };
    if (action.kind === "certificate-only") reportVisitorless(pattern, place);
    else reportPolicy(policy, issuers, pattern, place);
    return { kind: "acme", issuers, onDemand: policy && formatPolicy(policy.written), dns };
  };
}

/** On demand means that a visitor comes, and here nobody is let in. */
function reportVisitorless(pattern: HostPattern, { path, desk }: HostPlace): void {
  const name = formatPattern(pattern);
  const wanted = "wanted names one by one, or `dns` for one certificate of a wildcard";
  desk.report([...path, "certificateOnly"], `has no names to certify under "${name}", ${wanted}`);
}

/** Can a wildcard be certified as one name? Our own authority looks at listeners, not at DNS. */
function isProvenByDns(
  own: readonly DnsEntry[] | undefined,
  issuers: readonly Issuer[],
  { settings }: HostPlace,
): boolean {
  const hasDns = (own ?? settings.acme.dns).length > 0;
  return hasDns && issuers.every(({ kind }) => kind === "acme");
}

/** `challenges: [dns-01]` leaves nothing to hosts without `dns`. */
function reportUnprovable(
  own: readonly DnsEntry[] | undefined,
  issuers: readonly Issuer[],
  { path, settings, desk }: HostPlace,
): void {
  const { challenges, dns } = settings.acme;
  if (settings.faulty.has("acme") || (own ?? dns).length > 0) return;
  const isProvable = challenges.some((type) => type !== "dns-01");
  if (isProvable || issuers.every(({ kind }) => kind === "internal")) return;
  const message = `can be proven by nothing but dns-01, wanted \`dns\` in the host or under \`acme\``;
  desk.report(path, message, "key");
}

function readManual(
  written: WrittenHost,
  { chain, key }: NonNullable<WrittenHost["certificate"]>,
  { path, desk }: HostPlace,
): () => CertificateSource {
  for (const other of ["issuer", "onDemand", "dns"] as const) {
    if (written[other] === undefined) continue;
    desk.report([...path, other], "does not go with `certificate`, wanted one of the two", "key");
  }
  const files = { chain: desk.resolve(chain), key: desk.resolve(key) };
  for (const name of ["chain", "key"] as const) {
    const probed = desk.files.probe(files[name]);
    if (!probed.ok) desk.reportFile([...path, "certificate", name], probed.why);
  }
  return () => ({ kind: "manual", ...files });
}

/** Reserved names have no public CA: they use ours unless the file says otherwise. */
function defaultIssuers(pattern: HostPattern, { settings }: HostPlace): readonly Issuer[] {
  const { issuers, issuersWritten } = settings.acme;
  const isInternal = pattern.kind !== "catch-all" && isInternalName(sampleOf(pattern));
  return isInternal && !issuersWritten ? [namedIssuer("internal")] : issuers;
}

function reportRefusals(issuers: readonly Issuer[], pattern: HostPattern, place: HostPlace): void {
  const { path, settings, desk } = place;
  if (pattern.kind === "catch-all") return;
  for (const issuer of issuers) {
    // A setting with a fault has its default here, which nobody asked for.
    if (settings.faulty.has(issuer.kind === "internal" ? "authority" : "acme")) continue;
    const refusal = refusalOf(issuer, sampleOf(pattern), settings.authority.permit);
    if (refusal !== undefined) desk.report(path, refusal, "key");
  }
}

/** A name that the pattern matches, to judge it by. */
function sampleOf(pattern: Exclude<HostPattern, { kind: "catch-all" }>): string {
  return pattern.kind === "exact" ? pattern.host : `name.${pattern.parent}`;
}

function reportUnusedPolicy(written: WrittenHost, { path, patterns, desk }: HostPlace): void {
  const isUsed = patterns.length === 0 || patterns.some(({ kind }) => kind !== "exact");
  if (written.onDemand === undefined || isUsed) return;
  desk.report([...path, "onDemand"], "is for wildcard hosts, remove it", "key");
}

/** A policy must exist, must decide about what nobody listed, and must not let strangers spend a CA's budget. */
function reportPolicy(
  policy: Policy | undefined,
  issuers: readonly Issuer[],
  pattern: HostPattern,
  place: HostPlace,
): void {
  const { settings, desk } = place;
  if (policy === undefined) {
    reportNoPolicy(issuers, pattern, place);
    return;
  }
  const { ask, allow = [] } = policy.written;
  if (pattern.kind === "catch-all" && ask === undefined) {
    desk.report(
      policy.path,
      `decides about "*" too, wanted \`ask: http://127.0.0.1:3000/allowed\` or the like`,
      "key",
    );
  }
  if (settings.faulty.has("acme") || issuers.every(({ kind }) => kind === "internal")) return;
  for (const [index, allowed] of allow.entries()) {
    if (allowed.kind === "exact" || !overlap(allowed, pattern)) continue;
    const message = `lets strangers spend the weekly budget of the CA of "${formatPattern(pattern)}", wanted exact names, \`ask\`, or \`issuer: internal\``;
    desk.report([...policy.path, "allow", index], message);
  }
}

function reportNoPolicy(
  issuers: readonly Issuer[],
  pattern: HostPattern,
  { path, settings, desk }: HostPlace,
): void {
  // What has a fault may have been the policy, or the `dns` that makes none necessary.
  if (settings.faulty.has("onDemand") || settings.faulty.has("acme")) return;
  const isCatchAll = pattern.kind === "catch-all";
  const ask = isCatchAll ? "ask: http://127.0.0.1:3000/allowed" : "allow: [a.shop.example]";
  const orOne =
    isCatchAll || issuers.some(({ kind }) => kind === "internal")
      ? ""
      : "`dns` for one certificate of all its names, ";
  const message = `"${formatPattern(pattern)}" gets its certificates on demand, wanted a policy: add \`onDemand: { ${ask} }\` to the file or the host, ${orOne}or \`certificate\``;
  desk.report(path, message, "key");
}

function formatPolicy({ ask, allow = [] }: WrittenOnDemand): OnDemand {
  return { ask, allow: allow.map(formatPattern) };
}

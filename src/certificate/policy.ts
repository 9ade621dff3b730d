import { type CertificateName, isWildcardName } from "../base/certificate-name.ts";
import { type Hostname, isUnder } from "../base/hostname.ts";
import { isIpAddress } from "../base/ip-address.ts";
import type { CertificateSource, Host, Issuer, OnDemand } from "../config/config.ts";
import { limits } from "../config/limits.ts";

/** May a certificate be made for a name now, and by whom? */
export type Decision =
  | { readonly kind: "allowed"; readonly issuers: readonly Issuer[]; readonly listed: boolean }
  /** Not ours to certify: files given by hand, or never decrypted. */
  | { readonly kind: "not-ours"; readonly source: "manual" | "none" }
  /** `isFinal`: policy said no; otherwise it could not be asked, which may be over in a moment. */
  | { readonly kind: "refused"; readonly why: string; readonly isFinal: boolean };

/** What the policy needs from its surroundings. */
export interface PolicySteps {
  /** The entry whose certificate is made out to this name. */
  findHost(name: CertificateName): Host | undefined;
  /** Asks the operator's own service about a name, `undefined` when it says nothing; see {@link createAsk}. */
  ask(url: string, host: Hostname): Promise<boolean | undefined>;
}

/**
 * Decides from the configuration alone, but for `ask`. A listed host is always allowed, and so is a
 * wildcard that has one certificate for all its names; a name that
 * a wildcard or the catch-all matches needs `onDemand.allow` or `onDemand.ask`, either of which suffices.
 */
export async function decide(steps: PolicySteps, host: CertificateName): Promise<Decision> {
  const entry = steps.findHost(host);
  if (entry === undefined) return refused("no host of the configuration matches it");
  const { certificate, pattern } = entry;
  if (certificate.kind !== "acme") return { kind: "not-ours", source: certificate.kind };
  if (pattern.kind === "exact" || isWildcardName(host) || isIpAddress(host))
    return { kind: "allowed", issuers: certificate.issuers, listed: true };
  return decideOnDemand(steps, host, certificate);
}

async function decideOnDemand(
  steps: PolicySteps,
  host: Hostname,
  source: Extract<CertificateSource, { kind: "acme" }>,
): Promise<Decision> {
  const { onDemand, issuers } = source;
  if (onDemand === undefined) return refused("its wildcard has no onDemand policy");
  if (host.split(".").length > limits.onDemandMaxLabels) return refused("it has too many labels");
  if (isUnder(host, "in-addr.arpa") || isUnder(host, "ip6.arpa"))
    return refused("no CA certifies reverse names");
  if (isAllowed(onDemand, host)) return { kind: "allowed", issuers, listed: false };
  if (onDemand.ask === undefined) return refused("onDemand.allow does not name it");
  const answer = await steps.ask(onDemand.ask, host);
  if (answer === undefined)
    return { kind: "refused", why: "onDemand.ask does not answer", isFinal: false };
  return answer ? { kind: "allowed", issuers, listed: false } : refused("onDemand.ask says no");
}

/** Exact names, or `*.parent` for one label below. */
function isAllowed({ allow }: OnDemand, host: Hostname): boolean {
  const dot = host.indexOf(".");
  return allow.includes(host) || (dot !== -1 && allow.includes(`*${host.slice(dot)}`));
}

function refused(why: string): Decision {
  return { kind: "refused", why, isFinal: true };
}

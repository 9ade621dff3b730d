import { type CertificateName, isWildcardName } from "../base/certificate-name.ts";
import { type Hostname, isUnder } from "../base/hostname.ts";
import { isIpAddress } from "../base/ip-address.ts";
import type { CertificateSource, Host, HostPattern, Issuer, OnDemand } from "../config/config.ts";
import { limits } from "../config/limits.ts";
import type { Said } from "./answer-memory.ts";

/** May a certificate be made for a name now, and by whom? */
export type Decision =
  | { readonly kind: "allowed"; readonly issuers: readonly Issuer[]; readonly listed: boolean }
  /** Not ours to certify: files given by hand, or never decrypted. */
  | { readonly kind: "not-ours"; readonly source: "manual" | "none" }
  /** `isFinal`: policy said no; otherwise it could not be asked, which may be over in a moment. */
  | { readonly kind: "refused"; readonly why: string; readonly isFinal: boolean }
  /** Nobody looked: the client has brought too many new names. */
  | { readonly kind: "spent" }
  /** Allowed, but its domain has had its share of new certificates for now. */
  | { readonly kind: "later"; readonly why: string };

/** Who brings a name, and for what. */
export interface Visit {
  /** IP address; `undefined` when it is nobody's that is counted: the renewal loop, an operator, a trusted proxy. */
  readonly client: string | undefined;
  /** Is a certificate to be ordered? Otherwise it is only to be known whether one would be. */
  readonly orders: boolean;
}

/** What the policy needs from its surroundings. */
export interface PolicySteps {
  /** The entry whose certificate is made out to this name. */
  findHost(name: CertificateName): Host | undefined;
  /** Is this a name that no order was made for yet, so that a stranger may have made it up? */
  isNew(host: Hostname): boolean;
  /** May this client have us look at one more new name? */
  spendClient(client: string | undefined, host: Hostname): boolean;
  /** May one more new name of its domain be ordered, from these issuers? */
  spendDomain(host: Hostname, issuers: readonly Issuer[]): Promise<boolean>;
  /** Does the service refuse names that nobody can know? `undefined` when it says nothing. */
  isDiscerning(url: string, pattern: HostPattern): Promise<boolean | undefined>;
  /** Asks the operator's own service about a name; see `ask.ts`. */
  ask(url: string, host: Hostname, isNew: boolean): Promise<Said>;
  /** Why no CA would find this machine under the name; `undefined` when it may. */
  straying(host: Hostname, issuers: readonly Issuer[]): Promise<string | undefined>;
}

/**
 * Decides from the configuration alone, but for `ask`. A listed host is always allowed, and so is a
 * wildcard that has one certificate for all its names; a name that
 * a wildcard or the catch-all matches needs `onDemand.allow` or `onDemand.ask`, either of which suffices.
 */
export async function decide(
  steps: PolicySteps,
  host: CertificateName,
  visit: Visit,
): Promise<Decision> {
  const entry = steps.findHost(host);
  if (entry === undefined) return refused("no host of the configuration matches it");
  const { certificate, pattern } = entry;
  if (certificate.kind !== "acme") return { kind: "not-ours", source: certificate.kind };
  if (pattern.kind === "exact" || isWildcardName(host) || isIpAddress(host))
    return { kind: "allowed", issuers: certificate.issuers, listed: true };
  return decideOnDemand(steps, { host, pattern, source: certificate, visit });
}

/** A name that nobody wrote down, and what it is judged by. */
interface Claim {
  readonly host: Hostname;
  readonly pattern: HostPattern;
  readonly source: Extract<CertificateSource, { kind: "acme" }>;
  readonly visit: Visit;
}

/** What costs nothing first, then what strangers may have us do only so often. */
async function decideOnDemand(steps: PolicySteps, claim: Claim): Promise<Decision> {
  const { host, visit } = claim;
  const { onDemand, issuers } = claim.source;
  if (onDemand === undefined) return refused("its wildcard has no onDemand policy");
  const flaw = flawOf(host);
  if (flaw !== undefined) return refused(flaw);
  if (onDemand.allow.includes(host)) return { kind: "allowed", issuers, listed: false };
  const isNew = steps.isNew(host);
  const objection = await objectionTo(steps, claim, onDemand, isNew);
  if (objection !== undefined) return objection;
  if (isNew && visit.orders && !(await steps.spendDomain(host, issuers)))
    return { kind: "later", why: "its domain has had its share of new certificates for now" };
  return { kind: "allowed", issuers, listed: false };
}

async function objectionTo(
  steps: PolicySteps,
  claim: Claim,
  onDemand: OnDemand,
  isNew: boolean,
): Promise<Decision | undefined> {
  const { host, visit } = claim;
  const { ask } = onDemand;
  const byPattern = isInPattern(onDemand, host);
  if (!byPattern && ask === undefined) return refused("onDemand.allow does not name it");
  if (isNew && !steps.spendClient(visit.client, host)) return { kind: "spent" };
  return byPattern || ask === undefined ? undefined : askAbout(steps, claim, ask, isNew);
}

function flawOf(host: Hostname): string | undefined {
  if (host.split(".").length > limits.onDemandMaxLabels) return "it has too many labels";
  // BR 4.2.2: no CA may.
  const isReverse = isUnder(host, "in-addr.arpa") || isUnder(host, "ip6.arpa");
  return isReverse ? "no CA certifies reverse names" : undefined;
}

/** `*.parent`, for one label below. */
function isInPattern({ allow }: OnDemand, host: Hostname): boolean {
  const dot = host.indexOf(".");
  return dot !== -1 && allow.includes(`*${host.slice(dot)}`);
}

/** The refusal of the operator's service, or of DNS after its yes; `undefined` when neither has one. */
async function askAbout(
  steps: PolicySteps,
  { host, pattern, source, visit }: Claim,
  url: string,
  isNew: boolean,
): Promise<Decision | undefined> {
  // Names that have a certificate were allowed when it could be believed: they are renewed.
  const isDiscerning = !isNew || (await steps.isDiscerning(url, pattern));
  if (isDiscerning === undefined) return notNow("onDemand.ask does not answer");
  if (!isDiscerning) return notNow("onDemand.ask allows any name");
  const said = await steps.ask(url, host, isNew);
  if (said === undefined) return notNow("onDemand.ask does not answer");
  if (!said) return refused("onDemand.ask says no");
  const straying = visit.orders ? await steps.straying(host, source.issuers) : undefined;
  return straying === undefined ? undefined : refused(straying);
}

function refused(why: string): Decision {
  return { kind: "refused", why, isFinal: true };
}

function notNow(why: string): Decision {
  return { kind: "refused", why, isFinal: false };
}

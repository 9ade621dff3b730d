import { randomBytes } from "node:crypto";
import { createAlpnCertificate } from "../acme/alpn-certificate.ts";
import { type CertificateName, isWildcardName, provenHost } from "../base/certificate-name.ts";
import { codeOf } from "../base/errors.ts";
import type { DnsEntry } from "../config/dns-entry.ts";
import { isAllowedByCaa } from "../dns/caa.ts";
import { isAnswer, type Resolver, type ResolverOptions } from "../dns/resolver.ts";
import { isUnanswered } from "../dns/zone.ts";
import type { Challenge } from "./challenge.ts";
import { PERSISTED } from "./persisted.ts";
import { findProofPlace } from "./proof-place.ts";
import type { ProviderPlace, ProviderSight } from "./provider-looks.ts";
import type { Holding } from "./records.ts";
import type { Finding } from "./self-check.ts";

/** What a look at the cause of a failure needs from its surroundings. */
export interface SightSteps {
  readonly resolver: Pick<Resolver, "addresses" | "caa">;
  /** How it asks, for those that ask servers one by one. */
  readonly resolvers: ResolverOptions;
  /** See {@link entriesFor}. */
  dnsEntriesFor(holding: Holding): readonly DnsEntry[];
  /** Answers a challenge from now on; the returned function ends that. */
  arm(challenge: Challenge): Promise<() => void>;
  /** See {@link lookAtChallenge}. */
  look(challenge: Challenge, signal: AbortSignal): Promise<Finding>;
  /** The names that a CAA record must hold for the CA in turn; `undefined` when it has not said yet. */
  caaIdentitiesFor(holding: Holding): readonly string[] | undefined;
  /** Rejects while storage cannot be written. */
  probe(): Promise<void>;
  /** See {@link ProviderLooks}. */
  lookAtProvider(place: ProviderPlace, certificate: CertificateName): Promise<ProviderSight>;
}

/** Is the cause of a failure still there, as far as it can be seen from here? */
export type Sight = "there" | "gone" | "unclear";

const ACME = "urn:ietf:params:acme:error:";

/** Looks at what made a name fail, by the type of its error, without any traffic to a CA. */
export async function sightOfCause(
  steps: SightSteps,
  holding: Holding,
  type: string,
  signal: AbortSignal,
): Promise<Sight> {
  switch (type) {
    case "DNS_FAILED":
      return await sightOfProof(steps, holding, "ours", signal);
    case "NAME_NOT_FOUND":
      return await sightOfName(steps, holding, signal);
    case `${ACME}dns`:
      return isByDns(holding)
        ? await sightOfProof(steps, holding, "of the CA", signal)
        : await sightOfName(steps, holding, signal);
    case `${ACME}caa`:
      return await sightOfCaa(steps, holding, signal);
    case "CHALLENGE_UNANSWERED":
    case `${ACME}connection`:
    case `${ACME}unauthorized`:
    case `${ACME}incorrectResponse`:
    case `${ACME}tls`:
      // Our doors say nothing of what the CA found wrong with a record.
      return isByDns(holding)
        ? await sightOfProof(steps, holding, "of the CA", signal)
        : await sightOfChallenge(steps, holding, signal);
    case "STORAGE_FAILED":
      return await sightOfStorage(steps);
    default:
      return "unclear";
  }
}

async function sightOfName(
  { resolver }: SightSteps,
  { host }: Holding,
  signal: AbortSignal,
): Promise<Sight> {
  const found = await resolver.addresses(provenHost(host), signal);
  if (found.kind === "failed") return isAnswer(found.code) ? "there" : "unclear";
  return found.kind === "found" ? "gone" : "there";
}

async function sightOfCaa(
  { resolver, caaIdentitiesFor }: SightSteps,
  holding: Holding,
  signal: AbortSignal,
): Promise<Sight> {
  const identities = caaIdentitiesFor(holding);
  if (identities === undefined || identities.length === 0) return "unclear";
  const { host } = holding;
  const name = { host: provenHost(host), isWildcard: isWildcardName(host) };
  const isAllowed = await isAllowedByCaa(resolver, name, identities, signal);
  if (isAllowed === undefined) return "unclear";
  return isAllowed ? "gone" : "there";
}

/** With a challenge of our own making that no CA knows of. */
async function sightOfChallenge(
  steps: SightSteps,
  holding: Holding,
  signal: AbortSignal,
): Promise<Sight> {
  if (holding.failedChallenge === PERSISTED) return "unclear";
  const challenge = await challengeFor(holding);
  // An order began meanwhile: workers answer the latest challenge of a host, and must not answer ours to its CA.
  if (holding.isOrdering) return "unclear";
  const disarm = await steps.arm(challenge);
  try {
    const { kind } = await steps.look(challenge, signal);
    if (kind === "unknown") return "unclear";
    return kind === "answered" ? "gone" : "there";
  } finally {
    disarm();
  }
}

/** A wildcard is proven by DNS alone (RFC 8555 §7.1.3). */
function isByDns({ host, failedChallenge }: Holding): boolean {
  if (failedChallenge === PERSISTED) return false;
  return failedChallenge === "dns-01" || isWildcardName(host);
}

/**
 * Where the record goes, as an order would find it: through the alias, at the servers of its zone. What an order of
 * ours failed by is there, too, while nobody answers, or who puts records there sees no place for them; a
 * CA may well have had an answer.
 */
async function sightOfProof(
  { resolvers, dnsEntriesFor, lookAtProvider }: SightSteps,
  holding: Holding,
  failure: "ours" | "of the CA",
  signal: AbortSignal,
): Promise<Sight> {
  const { host: certificate } = holding;
  try {
    const entries = dnsEntriesFor(holding);
    const place = await findProofPlace({ certificate, entries, resolvers }, signal);
    if (place.answering === "nobody") return "there";
    const record = failure === "ours" ? await lookAtProvider(place, certificate) : "possible";
    if (record !== "possible") return record === "impossible" ? "there" : "unclear";
    // Resolvers may remember what servers said that do not answer any more.
    const isCertain = place.answering === "servers" || place.servers.length === 0;
    return isCertain ? "gone" : "unclear";
  } catch (error) {
    signal.throwIfAborted();
    if (codeOf(error) !== "DNS_FAILED") throw error;
    return failure === "ours" || !isUnanswered(error) ? "there" : "unclear";
  }
}

async function sightOfStorage({ probe }: SightSteps): Promise<Sight> {
  try {
    await probe();
    return "gone";
  } catch {
    return "there";
  }
}

/** Of the type that failed. */
async function challengeFor({ host: name, failedChallenge }: Holding): Promise<Challenge> {
  const host = provenHost(name);
  const token = randomBytes(24).toString("base64url");
  const keyAuthorization = `${token}.${randomBytes(32).toString("base64url")}`;
  if (failedChallenge !== "tls-alpn-01") return { type: "http-01", host, token, keyAuthorization };
  const certificate = await createAlpnCertificate(host, keyAuthorization);
  return { type: "tls-alpn-01", host, ...certificate };
}

import { randomBytes } from "node:crypto";
import { createAlpnCertificate } from "../acme/alpn-certificate.ts";
import { isWildcardName, provenHost } from "../base/certificate-name.ts";
import { isAllowedByCaa } from "../dns/caa.ts";
import type { Resolver } from "../dns/resolver.ts";
import type { Challenge } from "./challenge.ts";
import type { Holding } from "./records.ts";
import type { Finding } from "./self-check.ts";

/** What a look at the cause of a failure needs from its surroundings. */
export interface SightSteps {
  readonly resolver: Pick<Resolver, "addresses" | "caa">;
  /** Answers a challenge from now on; the returned function ends that. */
  arm(challenge: Challenge): Promise<() => void>;
  /** See {@link lookAtChallenge}. */
  look(challenge: Challenge, signal: AbortSignal): Promise<Finding>;
  /** The names that a CAA record must hold for the CA in turn; `undefined` when it has not said yet. */
  caaIdentitiesFor(holding: Holding): readonly string[] | undefined;
  /** Rejects while storage cannot be written. */
  probe(): Promise<void>;
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
    case "NAME_NOT_FOUND":
    case `${ACME}dns`:
      return await sightOfName(steps, holding, signal);
    case `${ACME}caa`:
      return await sightOfCaa(steps, holding, signal);
    case "CHALLENGE_UNANSWERED":
    case `${ACME}connection`:
    case `${ACME}unauthorized`:
    case `${ACME}incorrectResponse`:
    case `${ACME}tls`:
      return await sightOfChallenge(steps, holding, signal);
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
  const { kind } = await resolver.addresses(provenHost(host), signal);
  if (kind === "failed") return "unclear";
  return kind === "found" ? "gone" : "there";
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
  // Our doors say nothing of what the CA found wrong with a record.
  if (holding.failedChallenge === "dns-01") return "unclear";
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

import { createHash } from "node:crypto";
import { createAlpnCertificate } from "../acme/alpn-certificate.ts";
import type {
  AcmeAuthorization,
  AcmeCertificate,
  AcmeChallenge,
  AcmeClient,
  AcmeOrder,
} from "../acme/client.ts";
import { createCsr } from "../acme/csr.ts";
import { AcmeProblem } from "../acme/problem.ts";
import { type CertificateName, provenHost } from "../base/certificate-name.ts";
import type { Clock } from "../base/clock.ts";
import { codeOf, LatchkeyError, unreachable } from "../base/errors.ts";
import { failureFacts, type Log } from "../base/log.ts";
import type { ChallengeType } from "../config/config.ts";
import { limits } from "../config/limits.ts";
import type { Challenge, DnsChallenge } from "./challenge.ts";
import { hasNoProvider } from "./dns-providers.ts";
import { Patience } from "./patience.ts";

/** What one order needs from its surroundings. */
export interface OrderSteps {
  readonly client: AcmeClient;
  readonly clock: Clock;
  readonly log: Log;
  /** The challenge types that this program can answer, most wanted first. */
  readonly challengeTypes: readonly ChallengeType[];
  /** Answers a challenge from now on, when it resolves; the returned function ends that. */
  arm(
    challenge: Challenge | DnsChallenge,
    signal: AbortSignal,
  ): Promise<() => void | Promise<void>>;
  /** Was this key (PEM) revoked, perhaps since the order began? */
  isRevoked(key: string): boolean;
  /** The offered challenge that a record of the operator's has answered already. */
  findPersisted(
    asked: { readonly name: CertificateName; readonly accountUrl: string | undefined },
    offered: readonly AcmeChallenge[],
    signal: AbortSignal,
  ): Promise<AcmeChallenge | undefined>;
}

const NOT_READY = "urn:ietf:params:acme:error:orderNotReady";

/** An order under way. */
interface UnderWay extends OrderSteps {
  readonly patience: Patience;
}

/**
 * Brings an order of one name to its certificate: the state diagram of RFC 8555 §7.1.6 as code.
 *
 * @param order Fresh, or found again after a restart: in whatever state.
 * @param key PEM of the private key that the certificate is for; the caller has stored it.
 * @returns Not verified yet.
 * @throws {LatchkeyError} `KEY_REVOKED`, `ACME_CHALLENGE_FAILED`, `ACME_CHALLENGE_UNKNOWN`, `ACME_PROBLEM`, `ACME_UNREACHABLE`, `ACME_PROTOCOL`;
 *   `ACME_UNFINISHED` when the CA takes its time: then the order may be gone on with.
 */
export async function completeOrder(
  given: OrderSteps,
  host: CertificateName,
  key: string,
  order: AcmeOrder,
  signal: AbortSignal,
): Promise<AcmeCertificate> {
  const steps = { ...given, patience: new Patience(host, given.clock) };
  let current = order;
  let isProven = false;
  let waits = 0;
  for (;;) {
    signal.throwIfAborted();
    switch (current.status) {
      case "pending":
        // Its authorizations are valid, and the CA has not seen it yet.
        if (isProven) await steps.patience.wait(current.retryAfterMs, waits++, signal);
        for (const url of current.authorizations) await authorize(steps, host, url, signal);
        isProven = true;
        break;
      case "ready":
        requireGoodKey(steps, host, key);
        current = await finalize(steps, host, key, current, signal);
        if (current.status !== "ready") continue;
        await steps.patience.wait(current.retryAfterMs, waits++, signal, current.error);
        break;
      case "processing":
        await steps.patience.wait(current.retryAfterMs, waits++, signal);
        break;
      case "valid":
        return await steps.client.certificate(current, signal);
      case "invalid":
        throw current.error ?? failed(host, "the CA made the order invalid");
      default:
        return unreachable(current.status);
    }
    current = await steps.client.order(current.url, signal);
  }
}

/** The order as it is then: still `ready` where the CA says that it was not, for whoever looks at it again (RFC 8555 §7.4). */
async function finalize(
  { client, log }: UnderWay,
  host: CertificateName,
  key: string,
  order: AcmeOrder,
  signal: AbortSignal,
): Promise<AcmeOrder> {
  log.info("order.finalizing", { host });
  try {
    return await client.finalize(order, createCsr([host], key), signal);
  } catch (error) {
    if (error instanceof AcmeProblem && error.type === NOT_READY) return { ...order, error };
    throw error;
  }
}

/**
 * Nobody gets a certificate for a key that was revoked since it was made.
 *
 * @throws {LatchkeyError} `KEY_REVOKED`.
 */
export function requireGoodKey(
  { isRevoked }: Pick<OrderSteps, "isRevoked">,
  host: CertificateName,
  key: string,
): void {
  if (!isRevoked(key)) return;
  const why = "the key it was ordered for was revoked meanwhile";
  throw new LatchkeyError("KEY_REVOKED", `Cannot get a certificate for ${host}: ${why}`, { host });
}

/** Proves control of one name; an authorization that is valid already costs nothing. */
async function authorize(
  steps: UnderWay,
  host: CertificateName,
  url: string,
  signal: AbortSignal,
): Promise<void> {
  const authorization = await steps.client.authorization(url, signal);
  if (authorization.status === "valid") return;
  const asked = { name: host, accountUrl: steps.client.accountUrl };
  const persisted = await steps.findPersisted(asked, authorization.challenges, signal);
  if (persisted !== undefined) return await validate(steps, host, url, persisted, signal);
  const { challenge, disarm } = await armOne(steps, host, authorization, signal);
  try {
    await validate(steps, host, url, challenge, signal);
  } finally {
    await disarm();
  }
}

/** A challenge with what answers it. */
type Answerable = AcmeChallenge & { readonly token: string };

/**
 * The most wanted of the challenges that nothing speaks against as far as it can be seen from here: the CA has heard of
 * none yet, so that going on to the next one costs nothing.
 */
async function armOne(
  steps: UnderWay,
  host: CertificateName,
  authorization: AcmeAuthorization,
  signal: AbortSignal,
): Promise<{ readonly challenge: Answerable; readonly disarm: () => void | Promise<void> }> {
  let first: unknown;
  for (const challenge of answerable(authorization, steps.challengeTypes)) {
    if (first !== undefined && !mayDoBetter(challenge, first)) continue;
    try {
      const disarm = await steps.arm(await answerTo(steps, host, challenge), signal);
      return { challenge, disarm };
    } catch (error) {
      if (!isSeenWrong(error)) throw hasNoProvider(error) ? (first ?? error) : error;
      first ??= error;
      const { type } = challenge;
      steps.log.info("challenge.hopeless", { ...failureFacts(error), host, challenge: type });
    }
  }
  throw first ?? unanswerable(host, authorization, steps.challengeTypes);
}

/** Says our own look at a door that the CA would find nothing there? */
function isSeenWrong(error: unknown): boolean {
  const code = codeOf(error);
  return code === "NAME_NOT_FOUND" || code === "CHALLENGE_UNANSWERED";
}

/** A name without an address has no door at all, and may well have records. */
function mayDoBetter({ type }: AcmeChallenge, failure: unknown): boolean {
  return type === "dns-01" || codeOf(failure) !== "NAME_NOT_FOUND";
}

/** Lets the CA look at what answers the challenge. */
async function validate(
  steps: UnderWay,
  host: CertificateName,
  url: string,
  challenge: AcmeChallenge,
  signal: AbortSignal,
): Promise<void> {
  steps.log.info("challenge.armed", { host, challenge: challenge.type });
  if (challenge.status === "pending") await steps.client.answerChallenge(challenge.url, signal);
  await untilValid(steps, host, url, challenge.url, signal);
  steps.log.info("challenge.valid", { host, challenge: challenge.type });
}

/**
 * A challenge may show what went wrong while it is neither valid nor invalid (RFC 8555 §8.2). In `processing` the CA
 * tries again by itself; in `pending` it has stopped, and only the next attempt makes it look once more.
 */
async function untilValid(
  steps: UnderWay,
  host: CertificateName,
  url: string,
  challengeUrl: string,
  signal: AbortSignal,
): Promise<void> {
  let failedLooks = 0;
  for (let look = 0; ; look += 1) {
    const authorization = await steps.client.authorization(url, signal);
    if (authorization.status === "valid") return;
    if (authorization.status !== "pending") throw failureOf(host, authorization);
    const answered = authorization.challenges.find((each) => each.url === challengeUrl);
    const error = answered?.error;
    failedLooks = error !== undefined && answered?.status === "pending" ? failedLooks + 1 : 0;
    if (error !== undefined && failedLooks === limits.acmeFailedLooksMax) throw error;
    await steps.patience.wait(authorization.retryAfterMs, look, signal, error);
  }
}

/** Those of the CA's challenges that this program can answer, the most wanted first. */
function answerable(
  { challenges }: AcmeAuthorization,
  types: readonly ChallengeType[],
): readonly Answerable[] {
  return types.flatMap((type) =>
    challenges.flatMap((challenge) => {
      const { token } = challenge;
      return challenge.type === type && token !== undefined ? [{ ...challenge, token }] : [];
    }),
  );
}

async function answerTo(
  steps: UnderWay,
  name: CertificateName,
  { type, token }: { readonly type: string; readonly token: string },
): Promise<Challenge | DnsChallenge> {
  const host = provenHost(name);
  const keyAuthorization = steps.client.keyAuthorization(token);
  if (type === "dns-01") {
    const value = createHash("sha256").update(keyAuthorization).digest("base64url");
    return { type, certificate: name, value };
  }
  if (type === "http-01") return { type, host, token, keyAuthorization };
  return { type: "tls-alpn-01", host, ...(await createAlpnCertificate(host, keyAuthorization)) };
}

/** What the CA said of the challenge it looked at, as the error of the whole order. */
function failureOf(host: CertificateName, { status, challenges }: AcmeAuthorization): Error {
  const problem = challenges.find(({ error }) => error !== undefined)?.error;
  if (problem !== undefined) return problem;
  return failed(host, `the authorization is ${status}`);
}

function unanswerable(
  host: CertificateName,
  { challenges }: AcmeAuthorization,
  own: readonly ChallengeType[],
): LatchkeyError {
  const offered = challenges.map(({ type }) => type).join(", ") || "no challenge";
  const why = `the CA offers ${offered}, this program can answer ${own.join(", ") || "none"}`;
  return new LatchkeyError(
    "ACME_CHALLENGE_UNKNOWN",
    `Cannot get a certificate for ${host}: ${why}`,
    { host },
  );
}

function failed(host: CertificateName, why: string): LatchkeyError {
  return new LatchkeyError(
    "ACME_CHALLENGE_FAILED",
    `Cannot get a certificate for ${host}: ${why}`,
    { host },
  );
}

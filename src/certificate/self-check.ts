import { X509Certificate } from "node:crypto";
import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import { isIP, isIPv6 } from "node:net";
import { connect } from "node:tls";
import { isLoopbackAddress, isReservedAddress } from "../base/address-range.ts";
import { Deadline } from "../base/clock.ts";
import { codeOf, LatchkeyError } from "../base/errors.ts";
import { get } from "../base/node-http.ts";
import { hasRoutedLike } from "../base/own-addresses.ts";
import { ownHttpDoor, ownTlsDoor } from "../base/own-door.ts";
import type { UriHost } from "../base/uri-host.ts";
import { limits } from "../config/limits.ts";
import type { Resolver } from "../dns/resolver.ts";
import type { Reach } from "../process/messages.ts";
import type { Challenge } from "./challenge.ts";

/** What a look at our own challenge needs from its surroundings. */
export interface SelfCheckSteps {
  readonly resolver: Pick<Resolver, "addresses">;
  /** Our own listeners, as this machine reaches them. */
  readonly reach: { readonly https: readonly Reach[]; readonly http: readonly Reach[] };
  /** The addresses of this machine's interfaces now. */
  ownAddresses(): readonly string[];
}

/** What a look from this machine tells of what a CA would see. */
export type Finding =
  /** `astray`: IPv6 addresses of the name at which it is not, each with the reason: a CA tries them first. */
  | { readonly kind: "answered"; readonly astray: readonly string[] }
  /** Nothing that is certain from here: behind NAT the way out and in again often leads elsewhere. */
  | { readonly kind: "unknown" }
  /** A CA cannot find it either. */
  | {
      readonly kind: "wrong";
      readonly code: "NAME_NOT_FOUND" | "CHALLENGE_UNANSWERED";
      readonly why: string;
    };

/** Addresses of a name that are looked at; more say nothing new. */
const ADDRESSES_MAX = 4;
/** A key authorization has 130 characters at most (RFC 8555 §8.1: token, dot, thumbprint). */
const BODY_MAX_BYTES = 1_024;
const HTTP_PORT = 80;
const HTTPS_PORT = 443;

const UNKNOWN: Finding = { kind: "unknown" };
const ANSWERED: Finding = { kind: "answered", astray: [] };

/**
 * Looks whether an armed challenge is answered where the name leads, as a CA will, in 5 s at most: `wrong` only
 * for what is certain from this machine, so that an order is not given up that the CA would have granted.
 * Rejects only with the signal's reason.
 */
export async function lookAtChallenge(
  steps: SelfCheckSteps,
  challenge: Challenge,
  signal: AbortSignal,
): Promise<Finding> {
  const { host } = challenge;
  if (isIP(host) !== 0) return UNKNOWN; // it is where it leads, and may not be an address of this machine behind NAT
  using deadline = new Deadline(signal, limits.selfCheckTimeoutMs);
  try {
    const found = await steps.resolver.addresses(host, deadline.signal);
    if (found.kind === "failed") return UNKNOWN;
    if (found.kind === "absent") {
      const why = found.why === "NXDOMAIN" ? "the name does not exist" : "it has no address";
      return { kind: "wrong", code: "NAME_NOT_FOUND", why };
    }
    const looks = found.records.slice(0, ADDRESSES_MAX).map(async (address) => ({
      address,
      finding: await lookAt(steps, challenge, address, deadline.signal),
    }));
    return together(await Promise.all(looks), steps.ownAddresses());
  } catch (error) {
    signal.throwIfAborted();
    if (deadline.signal.aborted) return UNKNOWN;
    throw error;
  }
}

/**
 * As {@link lookAtChallenge}; rejects with what is wrong, before the CA is told and counts a failure.
 *
 * @returns What is no reason to give up, and may be why the CA fails: see {@link Finding}.
 */
export async function confirmAnswered(
  steps: SelfCheckSteps,
  challenge: Challenge,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const finding = await lookAtChallenge(steps, challenge, signal);
  if (finding.kind !== "wrong") return finding.kind === "answered" ? finding.astray : [];
  const { host, type } = challenge;
  const message = `Cannot prove control of ${host} by ${type}: ${finding.why}`;
  throw new LatchkeyError(finding.code, message, {
    host,
    // Without an address no other challenge does better.
    challenge: finding.code === "CHALLENGE_UNANSWERED" ? type : undefined,
  });
}

interface Look {
  readonly address: string;
  readonly finding: Finding;
}

/** A CA may take any of them: it is wrong when all are. */
function together(looks: readonly Look[], own: readonly string[]): Finding {
  const findings = looks.map(({ finding }) => finding);
  if (findings.some(({ kind }) => kind === "answered"))
    return { kind: "answered", astray: looks.flatMap((look) => whyAstray(look, own)) };
  const wrong = findings.filter(({ kind }) => kind === "wrong");
  return wrong.length === findings.length ? (wrong[0] ?? UNKNOWN) : UNKNOWN;
}

/** RFC 6724: IPv6 comes first. Let's Encrypt tries IPv4 then only when nobody answers at all. */
function whyAstray({ address, finding }: Look, own: readonly string[]): string[] {
  if (!isIPv6(address) || finding.kind === "answered") return [];
  if (finding.kind === "wrong") return [finding.why];
  const hasIpv6 = hasRoutedLike(address, own);
  return hasIpv6 ? [] : [`at ${address} is no door of ours: this machine has no IPv6 address`];
}

async function lookAt(
  steps: SelfCheckSteps,
  challenge: Challenge,
  address: string,
  signal: AbortSignal,
): Promise<Finding> {
  const own = steps.ownAddresses();
  const isOwn = own.includes(address) || isLoopbackAddress(address);
  const [listeners, port] =
    challenge.type === "http-01" ? [steps.reach.http, HTTP_PORT] : [steps.reach.https, HTTPS_PORT];
  const ours = isOwn ? listeners[0] : undefined;
  if (isOwn && ours === undefined) return UNKNOWN;
  const at = ours ?? { host: address, port };
  // Behind NAT the public address is often answered by the router itself when it is asked from inside.
  const isCertain =
    isOwn || own.some((each) => !isReservedAddress(each) && isIPv6(each) === isIPv6(address));
  const wrong = (why: string): Finding =>
    isCertain
      ? { kind: "wrong", code: "CHALLENGE_UNANSWERED", why: `at ${address} ${why}` }
      : UNKNOWN;
  try {
    const fault =
      challenge.type === "http-01"
        ? await httpFault(at, challenge, signal)
        : await tlsFault(at, challenge, signal);
    if (fault === "unclear") return UNKNOWN;
    return fault === undefined ? ANSWERED : wrong(fault);
  } catch (error) {
    const isRefused = codeOf(error) === "ECONNREFUSED";
    return isOwn && isRefused ? wrong("nobody listens on this machine") : UNKNOWN;
  }
}

type Fault = string | "unclear" | undefined;

async function httpFault(
  at: Reach,
  challenge: Extract<Challenge, { type: "http-01" }>,
  signal: AbortSignal,
): Promise<Fault> {
  const response = await request(at, challenge, signal);
  const status = response.statusCode ?? 0;
  const isRedirect = status >= 300 && status < 400;
  if (isRedirect || status >= 500 || status === 429) {
    response.destroy();
    return "unclear"; // a CA follows it, or comes again
  }
  const body = await readBody(response);
  if (status === 200 && body === challenge.keyAuthorization) return undefined;
  return `another server answers on port ${HTTP_PORT}, with status ${status}`;
}

function request(
  at: Reach,
  challenge: { readonly host: UriHost; readonly token: string },
  signal: AbortSignal,
): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const path = `/.well-known/acme-challenge/${challenge.token}`;
    const headers = { host: challenge.host, "user-agent": "Latchkey" };
    get({ ...ownHttpDoor(at), path, headers, signal }, resolve).on("error", reject);
  });
}

/** The body up to and including the first chunk beyond the limit, which makes it wrong anyway. */
async function readBody(response: IncomingMessage): Promise<string> {
  let body = "";
  for await (const chunk of response) {
    body += Buffer.from(chunk).toString("latin1");
    if (body.length > BODY_MAX_BYTES) break; // leaving the loop destroys the connection
  }
  return body.trimEnd(); // RFC 8555 §8.3 lets white space follow
}

async function tlsFault(
  at: Reach,
  challenge: Extract<Challenge, { type: "tls-alpn-01" }>,
  signal: AbortSignal,
): Promise<Fault> {
  const socket = connect({
    ...ownTlsDoor(at),
    servername: challenge.host,
    ALPNProtocols: ["acme-tls/1"],
    // The certificate says whose it is by being the very one that was armed.
    rejectUnauthorized: false,
  });
  socket.on("error", () => {
    // Also what comes after the handshake was judged.
  });
  try {
    await once(socket, "secureConnect", { signal });
    const shown = socket.getPeerX509Certificate();
    const isOurs = shown?.raw.equals(new X509Certificate(challenge.chain).raw) === true;
    if (isOurs && socket.alpnProtocol === "acme-tls/1") return undefined;
    return `another server answers on port ${HTTPS_PORT}, which knows nothing of acme-tls/1`;
  } catch (error) {
    if (!/^(?:ERR_SSL_|EPROTO)/.test(codeOf(error) ?? "")) throw error;
    return `a server on port ${HTTPS_PORT} refuses the handshake for acme-tls/1`;
  } finally {
    socket.destroy();
  }
}

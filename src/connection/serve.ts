import type { Socket } from "node:net";
import type { BackendNames } from "../backend/names.ts";
import type { Credential } from "../base/credential.ts";
import { unreachable } from "../base/errors.ts";
import { parsePlain } from "../base/hostname.ts";
import { addressOfReverse, type IpAddress } from "../base/ip-address.ts";
import type { UriHost } from "../base/uri-host.ts";
import type { Host } from "../config/config.ts";
import { limits } from "../config/limits.ts";
import { ownNameOf, type Routes } from "../config/route.ts";
import type { ClientConnection } from "../http/client-connection.ts";
import { answerChallenge, isChallenge } from "./answer-challenge.ts";
import type { Challenges } from "./challenges.ts";
import { clientIdentity } from "./client-identity.ts";
import { watchLeaving } from "./close-signal.ts";
import type { Credentials, Obtained } from "./credentials.ts";
import { passThrough } from "./pass-through.ts";
import type { Passages } from "./passages.ts";
import { type Peeked, peek } from "./peek.ts";
import type { Arrival } from "./receive.ts";
import { Refusal } from "./refusal.ts";
import type { Terminator } from "./terminate.ts";

/** What the path of a connection is made of; a worker fills it. */
export interface Steps {
  readonly routes: Routes;
  readonly challenges: Challenges;
  readonly credentials: Credentials;
  readonly terminator: Terminator;
  /** May there be a site under this name, which a pattern of the configuration matches? Never rejects. */
  isServed(host: UriHost, clientAddress: string): Promise<boolean>;
  /** Where the names of backends lead. */
  readonly names: BackendNames;
  /** Those that are passed through and open. */
  readonly passages: Passages;
  /** Takes the connection's socket over, which may be half open. */
  readonly relay: { serve(connection: ClientConnection): void };
}

/**
 * The life of one TLS connection; every other file of this folder is one of its steps. Each step
 * takes the socket over and hands it on. Resolves when it was handed to the relay or is closed.
 *
 * @throws {Refusal} when the client is not to be served: the socket is then the caller's, untouched.
 * @throws {LatchkeyError} `HANDSHAKE_FAILED`, `CERTIFICATE_INVALID`, `BACKEND_UNREACHABLE`: the
 * socket is then closed, or to be closed by the caller.
 */
export async function serve(socket: Socket, arrival: Arrival, steps: Steps): Promise<void> {
  const { source, destination } = arrival.ends;
  const { random, serverName, alpn } = helloOf(await peek(socket, arrival.timeoutMs));
  const host = addresseeOf(destination.address, serverName, alpn, steps.routes);
  if (!host) throw new Refusal("unrecognized_name", "NAME_UNUSABLE", { host: serverName });

  const isNamed = serverName !== undefined; // also a validator names the address (RFC 8738 §6)
  const challenge = isNamed && isChallenge(alpn) ? steps.challenges.tlsAlpn(host) : undefined;
  if (challenge) return answerChallenge(socket, host, challenge);

  const route = steps.routes.find(host);
  if (!route) throw new Refusal("unrecognized_name", "HOST_UNKNOWN", { host });
  const { action } = route;
  // Also a validator's connection: that backend has certificates of its own to prove.
  if (action.kind === "pass-through")
    return steps.passages.during(random, host, () =>
      passThrough(socket, action, arrival.ends, steps.names),
    );
  if (isChallenge(alpn)) throw await withoutChallenge(socket, host, route, source.address, steps);

  if (action.kind === "certificate-only")
    throw new Refusal("unrecognized_name", "HOST_CERTIFICATE_ONLY", { host });
  if (isTooDeep(host, route)) throw new Refusal("unrecognized_name", "HOST_REFUSED", { host });
  const credential =
    steps.credentials.atHand(host, route) ??
    (await credentialFor(socket, host, route, {
      credentials: steps.credentials,
      clientAddress: source.address,
    }));
  const secured = await steps.terminator.terminate(socket, host, route, credential);
  const clientAuth = route.tls?.clientAuth;
  const identity = clientAuth && clientIdentity(secured, host, clientAuth);

  if (action.kind === "tcp") return passThrough(secured, action, arrival.ends, steps.names);
  const certifiedNames = credential.names;
  const sockets = { socket: secured, carrier: socket };
  const clientAddress = source.address;
  const protocol = secured.alpnProtocol === "h2" ? "h2" : "http/1.1";
  steps.relay.serve({
    ...sockets,
    protocol,
    host,
    route,
    certifiedNames,
    clientAddress,
    ends: arrival.ends,
    identity,
  });
}

function helloOf(peeked: Peeked): Extract<Peeked, { readonly kind: "complete" }> {
  switch (peeked.kind) {
    case "complete":
      return peeked;
    case "malformed":
      throw new Refusal("decode_error", "HELLO_MALFORMED", { reason: peeked.why });
    case "plain-http":
      throw new Refusal("plain-http", "PLAIN_HTTP");
    case "timed-out":
      throw new Refusal("silence", "HELLO_TIMED_OUT");
    case "closed":
      throw new Refusal("silence", "CLIENT_LEFT");
    default:
      return unreachable(peeked);
  }
}

/**
 * Whom a hello is for: the name in it, or without one the address that it was sent to. A validator names
 * an address by its reverse name (RFC 8738 §6), which stands for nothing else.
 */
function addresseeOf(
  destination: IpAddress,
  serverName: string | undefined,
  alpn: readonly string[],
  routes: Routes,
): UriHost | undefined {
  if (serverName === undefined) return routes.findAddress(destination);
  const name = parsePlain(serverName);
  const address = name && isChallenge(alpn) ? addressOfReverse(name) : undefined;
  return address !== undefined && routes.find(address) ? address : name;
}

/** A name that policy refuses is as unknown as one that nothing matches. */
async function withoutChallenge(
  socket: Socket,
  host: UriHost,
  route: Host,
  clientAddress: string,
  { isServed }: Steps,
): Promise<Refusal> {
  const isOnDemand = route.certificate.kind === "acme" && ownNameOf(route) === undefined;
  if (isOnDemand) {
    using leaving = watchLeaving(socket);
    const isKnown = !isTooDeep(host, route) && (await isServed(host, clientAddress));
    if (leaving.signal.aborted) return new Refusal("silence", "CLIENT_LEFT", { host });
    if (!isKnown) return new Refusal("unrecognized_name", "HOST_REFUSED", { host });
  }
  return new Refusal("no_application_protocol", "CHALLENGE_UNKNOWN", { host });
}

/** Scanners ask for `git.git.git.…`: no name that deep is made on demand, whatever policy says. */
function isTooDeep(host: UriHost, { certificate }: Host): boolean {
  const isOnDemand = certificate.kind === "acme" && certificate.onDemand !== undefined;
  return isOnDemand && host.split(".").length > limits.onDemandMaxLabels;
}

async function credentialFor(
  socket: Socket,
  host: UriHost,
  route: Host,
  from: { readonly credentials: Credentials; readonly clientAddress: string },
): Promise<Credential> {
  using leaving = watchLeaving(socket);
  const obtained = await from.credentials.obtain(host, route, leaving.signal, from.clientAddress);
  if (leaving.signal.aborted) throw new Refusal("silence", "CLIENT_LEFT", { host });
  return credentialOf(obtained, host);
}

function credentialOf(obtained: Obtained, host: UriHost) {
  switch (obtained.kind) {
    case "credential":
      return obtained.credential;
    case "refused":
      throw new Refusal("unrecognized_name", "HOST_REFUSED", { host });
    case "spent":
      throw new Refusal("unrecognized_name", "CLIENT_OVER_BUDGET", { host });
    case "unavailable": {
      const options = { cause: obtained.cause };
      throw new Refusal("internal_error", "CERTIFICATE_UNAVAILABLE", { host }, options);
    }
    default:
      return unreachable(obtained);
  }
}

import { connect } from "node:tls";
import { type CertificateName, isWildcardName, provenHost } from "../base/certificate-name.ts";
import { serialOf } from "../base/credential.ts";
import { parsePlain } from "../base/hostname.ts";
import { isIpAddress } from "../base/ip-address.ts";
import { ownAddresses } from "../base/own-addresses.ts";
import { ownTlsDoor } from "../base/own-door.ts";
import type { UriHost } from "../base/uri-host.ts";
import type { Host } from "../config/config.ts";
import type { Reach } from "../process/messages.ts";

/** Looking at ourselves takes milliseconds; longer means that we do not answer. */
const LOOK_TIMEOUT_MS = 3_000;
/** The first label of the name that a wildcard is looked at by: a host that nobody lists. */
const VISITOR_LABEL = "latchkey-look";

/**
 * Connects to this program as a client of `name`, or of a host below its wildcard, would and returns
 * the serial of the certificate it gets; `undefined` when there is none. Nothing is verified: the serial is the question.
 */
export function lookAtServed(
  reach: Reach | undefined,
  name: CertificateName,
): Promise<string | undefined> {
  const visited = visitedHost(name);
  if (reach === undefined || visited === undefined) return Promise.resolve(undefined);
  const { promise, resolve } = Promise.withResolvers<string | undefined>();
  const socket = connect({
    ...ownTlsDoor(reach),
    servername: isIpAddress(visited) ? "" : visited, // RFC 6066 §3: no literal in a hello
    rejectUnauthorized: false,
    timeout: LOOK_TIMEOUT_MS,
  });
  const finish = (serial: string | undefined) => {
    resolve(serial);
    socket.end(); // not destroyed: the other end's handshake may still wait for our last words
  };
  socket.on("secureConnect", () => {
    const certificate = socket.getPeerX509Certificate();
    finish(certificate === undefined ? undefined : serialOf(certificate));
  });
  socket.on("timeout", () => socket.destroy());
  socket.on("error", () => resolve(undefined));
  socket.on("close", () => resolve(undefined));
  return promise;
}

/**
 * Where the certificate of `name` can be looked at. A hello without a name is for the address that it was
 * sent to, so that one of several listed addresses is seen at itself alone, if it is this machine's.
 *
 * @param addresses How many are listed.
 */
export function reachFor(
  name: CertificateName,
  reach: Reach | undefined,
  addresses: number,
): Reach | undefined {
  if (reach === undefined || !isIpAddress(name) || addresses === 1) return reach;
  return ownAddresses().includes(name) ? { ...reach, host: name } : undefined;
}

/** How many hosts of the configuration are addresses. */
export function countAddresses(hosts: readonly Host[]): number {
  return hosts.filter(({ pattern }) => pattern.kind === "exact" && isIpAddress(pattern.host))
    .length;
}

/** A host that the certificate is shown to; `undefined` when the name has no room for another label. */
function visitedHost(name: CertificateName): UriHost | undefined {
  return isWildcardName(name) ? parsePlain(`${VISITOR_LABEL}.${provenHost(name)}`) : name;
}

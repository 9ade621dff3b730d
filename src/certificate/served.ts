import { connect } from "node:tls";
import { type CertificateName, isWildcardName, provenHost } from "../base/certificate-name.ts";
import { connectionFailure } from "../base/connection-failure.ts";
import { serialOf } from "../base/credential.ts";
import { parsePlain } from "../base/hostname.ts";
import { isIpAddress } from "../base/ip-address.ts";
import { ownAddresses } from "../base/own-addresses.ts";
import { ownTlsDoor } from "../base/own-door.ts";
import type { UriHost } from "../base/uri-host.ts";
import type { Host } from "../config/config.ts";
import { limits } from "../config/limits.ts";
import type { Reach } from "../process/messages.ts";

/** The first label of the name that a wildcard is looked at by: a host that nobody lists. */
const VISITOR_LABEL = "latchkey-look";

/** What a client gets for a name, as far as this program can see that. */
export type Look =
  | { readonly kind: "seen"; readonly serial: string }
  /** It gets no certificate, and `why`; `isSilent`: nobody answered within {@link limits.servedLookMs}. */
  | { readonly kind: "nothing"; readonly why: string; readonly isSilent: boolean }
  /** There is no place where we could look. */
  | { readonly kind: "unseen" };

/**
 * Connects to this program as a client of `name`, or of a host below its wildcard, would and returns
 * what certificate it gets. Nothing is verified: the serial is the question. Never rejects.
 */
export function lookAtServed(reach: Reach | undefined, name: CertificateName): Promise<Look> {
  const visited = visitedHost(name);
  if (reach === undefined || visited === undefined) return Promise.resolve({ kind: "unseen" });
  const { promise, resolve } = Promise.withResolvers<Look>();
  const nothing = (why: string, isSilent = false) => resolve({ kind: "nothing", why, isSilent });
  const socket = connect({
    ...ownTlsDoor(reach),
    servername: isIpAddress(visited) ? "" : visited, // RFC 6066 §3: no literal in a hello
    rejectUnauthorized: false,
  });
  // Not the socket's own: it has none where a PROXY header goes first.
  const timer = setTimeout(() => {
    nothing(`nobody answers within ${limits.servedLookMs / 1_000} s`, true);
    socket.destroy();
  }, limits.servedLookMs);
  socket.on("secureConnect", () => {
    const certificate = socket.getPeerX509Certificate();
    if (certificate !== undefined) resolve({ kind: "seen", serial: serialOf(certificate) });
    socket.end(); // not destroyed: the other end's handshake may still wait for our last words
  });
  socket.on("error", (error) => nothing(connectionFailure(error).words));
  socket.on("close", () => {
    clearTimeout(timer);
    nothing("the connection was closed");
  });
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

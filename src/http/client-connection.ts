import type { Socket } from "node:net";
import type { ConnectionEnds } from "../base/connection-ends.ts";
import type { Counts, RequestCounts } from "../base/counts.ts";
import { covers } from "../base/credential.ts";
import type { UriHost } from "../base/uri-host.ts";
import type { Host } from "../config/config.ts";
import { formatPattern } from "../config/host-pattern.ts";
import type { ClientIdentity, Sender } from "./forwarded.ts";

/** A terminated connection that speaks HTTP. */
export interface ClientConnection {
  /** Connected and decrypted; `net.Socket` or `tls.TLSSocket`. */
  readonly socket: Socket;
  /** The TCP socket below `socket` when that is TLS: a reset can only be sent there. */
  readonly carrier?: Socket;
  /** What was agreed on in the handshake (ALPN), or what holds where nothing was. */
  readonly protocol: "http/1.1" | "h2";
  /** The name that the client gave in its ClientHello. */
  readonly host: UriHost;
  readonly route: Host;
  /** The names of the certificate that the client was shown. */
  readonly certifiedNames: readonly string[];
  readonly clientAddress: string;
  /** The connection as the client made it. */
  readonly ends?: ConnectionEnds | undefined;
  /** What the client's certificate says; `undefined` where none is asked for. */
  readonly identity?: ClientIdentity | undefined;
}

/** Who sends what comes by this connection. */
export function senderOf(
  { clientAddress, ends, identity }: ClientConnection,
  { isTrustedProxy }: { readonly isTrustedProxy: (address: string) => boolean },
): Sender {
  const isTrusted = isTrustedProxy(clientAddress);
  return { address: clientAddress, ends, identity, isTrusted, isTrustedProxy };
}

/** What counts the requests of this connection. */
export function countsOf(
  { protocol, route }: ClientConnection,
  { counts }: { readonly counts: Counts },
): RequestCounts {
  return counts.of(protocol, formatPattern(route.pattern));
}

/** Is this other name served on the same connection too? Its certificate and its route must cover it. */
export function isCovered(
  { certifiedNames, route }: ClientConnection,
  host: UriHost,
  routes: { findRoute(host: UriHost): Host | undefined },
): boolean {
  return covers(certifiedNames, host) && routes.findRoute(host) === route;
}

import type { Socket } from "node:net";
import type { UriHost } from "../base/uri-host.ts";
import type { Host } from "../config/config.ts";

/** A terminated connection that speaks HTTP/1.1. */
export interface ClientConnection {
  /** Connected and decrypted; `net.Socket` or `tls.TLSSocket`. */
  readonly socket: Socket;
  /** The TCP socket below `socket` when that is TLS: a reset can only be sent there. */
  readonly carrier?: Socket;
  /** The name that the client gave in its ClientHello. */
  readonly host: UriHost;
  readonly route: Host;
  /** The names of the certificate that the client was shown. */
  readonly certifiedNames: readonly string[];
  readonly clientAddress: string;
  /** Field lines about the certificate that the client has shown; `undefined` where none is asked for. */
  readonly identityLines?: string | undefined;
}

import { constants } from "node:crypto";
import type { Socket } from "node:net";
import { codeOf } from "../base/errors.ts";
import type { UriHost } from "../base/uri-host.ts";
import { limits } from "../config/limits.ts";
import type { TlsAlpnChallenge } from "./challenges.ts";
import { handshake, handshakeServer, modernTls, TooSlow } from "./handshake.ts";

/** RFC 8737 §6.2. */
const ACME_TLS = "acme-tls/1";

/**
 * Is this hello a CA's validator? Only when it offers `acme-tls/1` and nothing else (RFC 8737 §3):
 * whoever offers more wants the site.
 */
export function isChallenge(alpn: readonly string[]): boolean {
  return alpn.length === 1 && alpn[0] === ACME_TLS;
}

/**
 * Shows the challenge's certificate in one handshake and closes: no session to come back with, no
 * byte of application data (RFC 8737 §3). Takes the socket over; it is closed within
 * `limits.challengeHandshakeTimeoutMs` whatever the client does, which is told when it was that.
 *
 * @throws {LatchkeyError} `HANDSHAKE_FAILED`; not for a validator that leaves in the middle: once it has seen the
 *   certificate nothing keeps it, and what it missed it tells its CA.
 */
export async function answerChallenge(
  socket: Socket,
  host: UriHost,
  challenge: TlsAlpnChallenge,
): Promise<void> {
  const server = handshakeServer({
    ...modernTls,
    cert: challenge.chain,
    key: challenge.key,
    ALPNProtocols: [ACME_TLS],
    secureOptions: modernTls.secureOptions | constants.SSL_OP_NO_TICKET,
    handshakeTimeout: limits.challengeHandshakeTimeoutMs,
  });
  try {
    const secured = await handshake(server, socket, { host });
    // Nothing is left to wait for: it has seen the whole flight, and what TLS says last goes to the kernel.
    secured.destroySoon();
  } catch (error) {
    if (!hasLeft(error)) throw error;
  }
}

/** Whatever TLS itself minds has a code of its own. */
function hasLeft(error: unknown): boolean {
  const cause = error instanceof Error ? error.cause : undefined;
  return cause instanceof Error && codeOf(cause) === undefined && !(cause instanceof TooSlow);
}

import { AsyncLocalStorage } from "node:async_hooks";
import { constants } from "node:crypto";
import type { Socket } from "node:net";
import tls, { type TLSSocket, type TlsOptions } from "node:tls";
import { plainReason } from "../base/connection-failure.ts";
import { codeOf, LatchkeyError } from "../base/errors.ts";
import type { UriHost } from "../base/uri-host.ts";
import { certificateRefused } from "./client-identity.ts";

/** The one who waits for a handshake. */
interface Waiting {
  done(secured: TLSSocket): void;
  failed(cause: Error): void;
  /** The client showed a certificate that does not verify: OpenSSL's code for why. */
  refused(reason: string): void;
}

/** Why a handshake failed that was neither finished nor left in its time. */
export class TooSlow extends Error {}

/** One handshake, and how it is told. */
export interface Shaking {
  readonly host: UriHost;
  readonly timeoutMs: number;
  /** What is said of a socket that is closed before the handshake is over; the client left, unless given. */
  readonly whyCut?: () => string;
}

/**
 * Whose handshake it is. A `tls.Server` does not say which raw socket a secured one came from; the
 * asynchronous context in which the raw one was handed over does.
 */
const waiting = new AsyncLocalStorage<Waiting>();

/**
 * What every TLS server of ours has in common (RFC 9325 §3 and §4, Mozilla "intermediate" 6.0):
 * TLS 1.2 and 1.3, ECDHE with AEAD, the client's order, no renegotiation, no compression. Node
 * offers no 0-RTT.
 */
export const modernTls = {
  minVersion: "TLSv1.2",
  maxVersion: "TLSv1.3",
  ciphers: [
    "TLS_AES_128_GCM_SHA256",
    "TLS_AES_256_GCM_SHA384",
    "TLS_CHACHA20_POLY1305_SHA256",
    "ECDHE-ECDSA-AES128-GCM-SHA256",
    "ECDHE-RSA-AES128-GCM-SHA256",
    "ECDHE-ECDSA-AES256-GCM-SHA384",
    "ECDHE-RSA-AES256-GCM-SHA384",
    "ECDHE-ECDSA-CHACHA20-POLY1305",
    "ECDHE-RSA-CHACHA20-POLY1305",
  ].join(":"),
  ecdhCurve: "X25519MLKEM768:X25519:P-256:P-384",
  honorCipherOrder: false,
  secureOptions: constants.SSL_OP_NO_RENEGOTIATION | constants.SSL_OP_NO_COMPRESSION,
} as const satisfies TlsOptions;

/** A `tls.Server` that never listens: connections are given to it by {@link handshake}. */
export function handshakeServer(options: TlsOptions): tls.Server {
  const server = tls.createServer(options);
  server.on("secureConnection", (secured) => {
    secured.allowHalfOpen = true;
    // Node reports errors after the handshake and leaves the socket open.
    secured.on("error", () => secured.destroy());
    const waiter = waiting.getStore();
    if (waiter === undefined) secured.destroy();
    else waiter.done(secured);
  });
  server.on("tlsClientError", (cause, secured) => {
    // Nor does a server that does not listen close a socket whose handshake failed.
    secured.destroy();
    // Node closes without a word when a certificate is required and the one shown does not verify. It says why
    // here alone, and by a code, whatever its types say; without a certificate there is none.
    const { authorizationError } = secured;
    const waiter = waiting.getStore();
    if (authorizationError) waiter?.refused(String(authorizationError));
    else waiter?.failed(cause);
  });
  return server;
}

/**
 * Performs the handshake on `socket`, whose ClientHello may have been read and given back. Takes the
 * socket over: it is closed when the handshake fails or takes longer than `timeoutMs`. The secured
 * socket belongs to the caller, may be half open, and destroys itself on an error.
 *
 * @throws {LatchkeyError} `HANDSHAKE_FAILED`.
 */
export async function handshake(
  server: tls.Server,
  socket: Socket,
  { host, timeoutMs, whyCut = clientLeft }: Shaking,
): Promise<TLSSocket> {
  if (socket.destroyed) throw failure(host, new Error(clientLeft()));
  const { promise, resolve, reject } = Promise.withResolvers<TLSSocket>();
  // The secured socket inherits it: whoever ends before the handshake is over has left.
  socket.allowHalfOpen = false;
  const failed = (cause: Error): void => reject(failure(host, cause));
  const refused = (reason: string): void => reject(certificateRefused(host, reason));
  const waiter = { done: resolve, failed, refused };
  const leave = (): void => {
    const left = (): void => failed(new Error(whyCut()));
    // If Node has closed it for its certificate, the secured socket says so in the turn that starts here, from no
    // context of ours. Of every other end it knows less than we do.
    waiting.enterWith({ ...waiter, failed: () => {} });
    setImmediate(left);
  };
  const deadline = setTimeout(() => {
    failed(new TooSlow(`not finished in ${timeoutMs} ms`));
    socket.destroy();
  }, timeoutMs);
  socket.once("close", leave);
  try {
    waiting.run(waiter, () => server.emit("connection", socket));
    return await promise;
  } finally {
    clearTimeout(deadline);
    socket.off("close", leave);
  }
}

function clientLeft(): string {
  return "the client left";
}

function failure(host: UriHost, cause: Error): LatchkeyError {
  const facts = { host, reason: codeOf(cause) };
  return new LatchkeyError(
    "HANDSHAKE_FAILED",
    `Cannot finish the TLS handshake: ${plainReason(cause)}`,
    facts,
    { cause },
  );
}

import { constants } from "node:crypto";
import type { Socket } from "node:net";
import tls, { type TLSSocket, type TlsOptions } from "node:tls";
import { plainReason } from "../base/connection-failure.ts";
import { codeOf, LatchkeyError } from "../base/errors.ts";
import type { UriHost } from "../base/uri-host.ts";
import { certificateRefused } from "./client-identity.ts";

/** Why a handshake failed that was neither finished nor left in its time. */
export class TooSlow extends Error {}

/** One handshake, and how it is told. */
export interface Shaking {
  readonly host: UriHost;
  /** What is said of a socket that is closed before the handshake is over; the client left, unless given. */
  readonly whyCut?: () => string;
}

/** What a server of ours is made with. */
export interface ServerOptions extends TlsOptions {
  /** How long a handshake may take, in milliseconds. */
  readonly handshakeTimeout: number;
}

/** The one who waits for a handshake. */
interface Waiter {
  readonly shaking: Shaking;
  readonly done: (secured: TLSSocket) => void;
  readonly failed: (error: LatchkeyError) => void;
}

/**
 * Whose handshake it is. A `tls.Server` does not say which raw socket a secured one came from, so each handshake has a
 * server of its own to tell it: an object that inherits all from that of its host, and keeps who waits. An
 * `AsyncLocalStorage` would do, but with one that is used each `nextTick` of Node's streams takes a slow path.
 */
interface Attended extends tls.Server {
  /** Until it is over. */
  waiter: Waiter | undefined;
}

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
export function handshakeServer(options: ServerOptions): tls.Server {
  const server = tls.createServer(options);
  server.on("secureConnection", function (this: Attended, secured) {
    secured.allowHalfOpen = true;
    // Node reports errors after the handshake and leaves the socket open.
    secured.on("error", () => secured.destroy());
    const waiter = leaveWaiter(this);
    if (waiter === undefined) secured.destroy();
    else waiter.done(secured);
  });
  server.on("tlsClientError", function (this: Attended, cause, secured) {
    // Nor does a server that does not listen close a socket whose handshake failed.
    secured.destroy();
    const waiter = leaveWaiter(this);
    waiter?.failed(failureOf(cause, secured, waiter.shaking, options.handshakeTimeout));
  });
  return server;
}

/**
 * Performs the handshake on `socket`, whose ClientHello may have been read and given back. Takes the
 * socket over: it is closed when the handshake fails or takes longer than `server` allows. The secured
 * socket belongs to the caller, may be half open, and destroys itself on an error.
 *
 * @throws {LatchkeyError} `HANDSHAKE_FAILED`.
 */
export async function handshake(
  server: tls.Server,
  socket: Socket,
  shaking: Shaking,
): Promise<TLSSocket> {
  if (socket.destroyed) throw failure(shaking.host, new Error(clientLeft()));
  const { promise, resolve: done, reject: failed } = Promise.withResolvers<TLSSocket>();
  // The secured socket inherits it: whoever ends before the handshake is over has left.
  socket.allowHalfOpen = false;
  const attended: Attended = Object.create(server);
  attended.waiter = { shaking, done, failed };
  attended.emit("connection", socket);
  return await promise;
}

/** Its waiter, who does not wait any more: the secured socket keeps the server that it came by. */
function leaveWaiter(attended: Attended): Waiter | undefined {
  const { waiter } = attended;
  attended.waiter = undefined;
  return waiter;
}

function failureOf(
  cause: Error,
  { authorizationError }: TLSSocket,
  { host, whyCut = clientLeft }: Shaking,
  timeoutMs: number,
): LatchkeyError {
  // Node closes without a word when a certificate is required and the one shown does not verify. It says why
  // here alone, and by a code, whatever its types say; without a certificate there is none.
  if (authorizationError) return certificateRefused(host, String(authorizationError));
  if (codeOf(cause) === "ERR_TLS_HANDSHAKE_TIMEOUT")
    return failure(host, new TooSlow(`not finished in ${timeoutMs} ms`));
  return failure(host, isClosed(cause) ? new Error(whyCut()) : cause);
}

/** Was the socket closed, by whomever? Node says so by the code of a reset. */
function isClosed(cause: Error): boolean {
  const code = codeOf(cause);
  return code === "ECONNRESET" || code === "EPIPE";
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

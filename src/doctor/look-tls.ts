import { X509Certificate } from "node:crypto";
import { once } from "node:events";
import { connect, type TLSSocket } from "node:tls";
import { serialOf } from "../base/credential.ts";
import { codeOf } from "../base/errors.ts";
import { isIpAddress, reverseNameOf } from "../base/ip-address.ts";
import type { UriHost } from "../base/uri-host.ts";
import type { TlsSight } from "./sights.ts";

/** What is looked for, and where. */
export interface TlsLook {
  readonly host: UriHost;
  readonly address: string;
  readonly port: number;
  /** PEM of what this program shows for `acme-tls/1` now; `undefined`: nothing of its own. */
  readonly chain: string | undefined;
  /** Of the certificate that clients get. */
  readonly serial: string | undefined;
}

const ACME_TLS = "acme-tls/1";

/**
 * Looks at one address whether a handshake for `acme-tls/1` ends at this program (RFC 8737 §3), else whether one of a
 * client does. `undefined` when that cannot be told: there is nothing to know this program by.
 * Rejects with the signal's reason.
 */
export async function lookOverTls(
  look: TlsLook,
  signal: AbortSignal,
): Promise<TlsSight | undefined> {
  const { host, chain } = look;
  if (chain !== undefined) {
    const name = isIpAddress(host) ? reverseNameOf(host) : host; // RFC 8738 §6
    const shown = await handshake(look, name, ACME_TLS, signal);
    const isOurs = shown.certificate?.raw.equals(new X509Certificate(chain).raw) === true;
    if (isOurs && shown.protocol === ACME_TLS) return { kind: "ours" };
    if (shown.closed !== undefined) return { kind: "closed", code: shown.closed };
  }
  // RFC 6066 §3: no literal in a hello.
  return sightOf(await handshake(look, isIpAddress(host) ? "" : host, "http/1.1", signal), look);
}

/** What a client was shown. */
function sightOf(shown: Shown, { chain, serial }: TlsLook): TlsSight | undefined {
  const { closed, certificate, refused = "unknown" } = shown;
  if (closed !== undefined) return { kind: "closed", code: closed };
  if (certificate === undefined) {
    // A name of ours without a certificate is refused as well: only the first look could have told.
    return chain === undefined ? undefined : { kind: "refused", code: refused };
  }
  if (serial !== undefined && serialOf(certificate) === serial)
    return { kind: chain === undefined ? "ours" : "clients-only" };
  const { subject, issuer } = certificate;
  return { kind: "other", subject: namesIn(certificate) ?? subject, issuer };
}

interface Shown {
  readonly certificate?: X509Certificate | undefined;
  readonly protocol?: string | undefined;
  /** Why there was no connection. */
  readonly closed?: string;
  /** Why there was no handshake. */
  readonly refused?: string;
}

async function handshake(
  { address, port }: TlsLook,
  servername: string,
  protocol: string,
  signal: AbortSignal,
): Promise<Shown> {
  const socket = connect({
    host: address,
    port,
    servername,
    ALPNProtocols: [protocol],
    minVersion: "TLSv1.2",
    rejectUnauthorized: false, // whose certificate it is is the question
  });
  let isConnected = false;
  socket.once("connect", () => {
    isConnected = true;
  });
  socket.on("error", () => {
    // Also what comes after the handshake was judged.
  });
  try {
    await once(socket, "secureConnect", { signal });
    return shownBy(socket);
  } catch (error) {
    signal.throwIfAborted();
    const code = codeOf(error) ?? "unknown";
    return isConnected ? { refused: code } : { closed: code };
  } finally {
    socket.destroy();
  }
}

function shownBy(socket: TLSSocket): Shown {
  const protocol = socket.alpnProtocol === false ? undefined : (socket.alpnProtocol ?? undefined);
  return { certificate: socket.getPeerX509Certificate(), protocol };
}

function namesIn({ subjectAltName }: X509Certificate): string | undefined {
  return subjectAltName?.replaceAll("DNS:", "");
}

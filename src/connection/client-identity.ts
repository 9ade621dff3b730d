import type { X509Certificate } from "node:crypto";
import type { TLSSocket } from "node:tls";
import { LatchkeyError } from "../base/errors.ts";
import type { UriHost } from "../base/uri-host.ts";
import type { ClientAuth } from "../config/config.ts";
import type { ClientIdentity } from "../http/forwarded.ts";

/** A distinguished name beyond this is no identity, but a burden for backends. */
const SUBJECT_MAX_CHARACTERS = 2_048;
/** OpenSSL knows an issuer that is missing by three names. */
const WITHOUT_ISSUER =
  "none of the CAs in clientAuth.ca has issued it, or the one in between is missing";
/** What the commonest of OpenSSL's codes mean here. */
const WORDS: ReadonlyMap<string, string> = new Map([
  ["UNABLE_TO_GET_ISSUER_CERT", WITHOUT_ISSUER],
  ["UNABLE_TO_GET_ISSUER_CERT_LOCALLY", WITHOUT_ISSUER],
  ["UNABLE_TO_VERIFY_LEAF_SIGNATURE", WITHOUT_ISSUER],
  ["SELF_SIGNED_CERT_IN_CHAIN", "its root is not in clientAuth.ca"],
  ["DEPTH_ZERO_SELF_SIGNED_CERT", "it is signed by itself, and not in clientAuth.ca"],
  ["CERT_SIGNATURE_FAILURE", "its signature is not of the CA that it names"],
  ["CERT_HAS_EXPIRED", "it has expired"],
  ["CERT_NOT_YET_VALID", "it is not valid yet"],
  ["INVALID_PURPOSE", "it is not for clients of TLS (extended key usage)"],
]);
const NOBODY: ClientIdentity = {
  lines: "X-Client-Cert-Verify: NONE\r\n",
  certificate: undefined,
};

/**
 * Who the client has proven to be: for the log, and as the field lines that tell a backend, with what RFC 9440 §2.2
 * knows and what users of nginx look for. Strangers' own fields of these names are dropped on every host.
 *
 * @throws {LatchkeyError} `HANDSHAKE_FAILED` when the client showed a certificate that does not verify:
 * the socket is then the caller's, to be closed.
 */
export function clientIdentity(
  secured: TLSSocket,
  host: UriHost,
  { mode }: ClientAuth,
): ClientIdentity {
  const certificate = secured.getPeerX509Certificate();
  if (certificate === undefined && mode === "request") return NOBODY;
  if (certificate === undefined || !secured.authorized)
    throw certificateRefused(host, String(secured.authorizationError ?? "NO_CERTIFICATE"));
  return identityOf(certificate);
}

/** The client showed a certificate that does not verify; `reason` is OpenSSL's code for why. */
export function certificateRefused(host: UriHost, reason: string): LatchkeyError {
  const why = WORDS.get(reason) ?? reason.toLowerCase().replaceAll("_", " ");
  const message = `Cannot finish the TLS handshake: the client's certificate is not accepted: ${why}`;
  return new LatchkeyError("HANDSHAKE_FAILED", message, { host, reason });
}

function identityOf(certificate: X509Certificate): ClientIdentity {
  const fingerprint = certificate.fingerprint256.replaceAll(":", "").toLowerCase();
  const subject = subjectOf(certificate);
  const lines =
    `Client-Cert: :${certificate.raw.toString("base64")}:\r\n` +
    `X-Client-Cert-Subject: ${subject}\r\n` +
    `X-Client-Cert-Fingerprint: ${fingerprint}\r\n` +
    "X-Client-Cert-Verify: SUCCESS\r\n";
  return { lines, certificate: subject || fingerprint };
}

/** RFC 4514 in ASCII: the last part first, other bytes as `\C3`. Node has escaped what is special in it. */
function subjectOf({ subject }: X509Certificate): string {
  const name = (subject ?? "").split("\n").reverse().join(",");
  const text = name.replace(/[^ -~]/gu, (character) =>
    [...Buffer.from(character)].map((byte) => `\\${hex(byte)}`).join(""),
  );
  return text.length > SUBJECT_MAX_CHARACTERS ? "" : text;
}

function hex(byte: number): string {
  return byte.toString(16).toUpperCase().padStart(2, "0");
}

import { createHash, type X509Certificate } from "node:crypto";
import { octetString, toDer } from "../acme/der.ts";
import { generalNames } from "../acme/extension.ts";
import { type CertificateParts, partsOf } from "./read-certificate.ts";
import type { Proof } from "./validate-http.ts";

const SUBJECT_ALT_NAME = "2.5.29.17";
/** id-pe-acmeIdentifier (RFC 8737 §6.1). */
const ACME_IDENTIFIER = "1.3.6.1.5.5.7.1.31";

/**
 * Judges the certificate of a TLS-ALPN-01 handshake (RFC 8737 §3), as strictly as Let's Encrypt
 * does: self-signed with one name as subject and issuer, no extension twice, the names encoded byte
 * for byte as exactly this one, and a critical acmeIdentifier with the digest of the key authorization.
 *
 * @returns What is wrong with it, or `undefined` when it proves the name. Never throws.
 */
export function challengeFault(certificate: X509Certificate, proof: Proof): string | undefined {
  const parts = readParts(certificate);
  if (parts === undefined) return "is not made as RFC 5280 says";
  if (!toDer(parts.issuer).equals(toDer(parts.subject))) return "has another issuer than subject";
  if (!isSelfSigned(certificate)) return "is not signed with its own key";
  const { extensions } = parts;
  if (new Set(extensions.map(({ oid }) => oid)).size < extensions.length) {
    return "has an extension twice";
  }
  const names = extensions.find(({ oid }) => oid === SUBJECT_ALT_NAME);
  if (!names?.value.equals(expectedNames(proof))) return "does not name exactly this one name";
  const identifier = extensions.find(({ oid }) => oid === ACME_IDENTIFIER);
  if (identifier === undefined) return "has no acmeIdentifier";
  if (!identifier.critical) return "has an acmeIdentifier that is not critical";
  if (!identifier.value.equals(expectedIdentifier(proof))) return "has the wrong acmeIdentifier";
  return undefined;
}

function readParts(certificate: X509Certificate): CertificateParts | undefined {
  try {
    return partsOf(certificate);
  } catch {
    return undefined;
  }
}

function isSelfSigned(certificate: X509Certificate): boolean {
  try {
    return certificate.verify(certificate.publicKey);
  } catch {
    // A key that OpenSSL cannot use.
    return false;
  }
}

function expectedNames({ host }: Proof): Buffer {
  return toDer(generalNames([host]));
}

function expectedIdentifier({ keyAuthorization }: Proof): Buffer {
  return toDer(octetString(createHash("sha256").update(keyAuthorization).digest()));
}

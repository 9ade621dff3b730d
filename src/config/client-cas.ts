import { X509Certificate } from "node:crypto";
import { certificatesIn } from "../base/credential.ts";

/** The names of extensions as they stand in a certificate (RFC 5280 §4.2.1.9, §4.2.1.3): tag, length, OID. */
const BASIC_CONSTRAINTS = Buffer.from("0603551d13", "hex");
const KEY_USAGE = Buffer.from("0603551d0f", "hex");
/** id-kp-clientAuth (RFC 5280 §4.2.1.12). */
const CLIENT_AUTH = "1.3.6.1.5.5.7.3.2";
/** The first byte of keyUsage's bits: keyCertSign is the sixth. */
const KEY_CERT_SIGN = 0x04;
/** The tag of a BOOLEAN, such as `critical`, which may stand before an extension's value. */
const BOOLEAN = 0x01;
/** The tag before a version; certificates of version 1 have none. */
const VERSION = 0xa0;

/**
 * Why certificates of clients could not be checked by these CAs (PEM, all of which can be decoded), one
 * sentence for each that is at fault. OpenSSL checks up to a root, and believes no signature of what is no CA;
 * a certificate of a client that signs itself is its own root, and lets in that client alone.
 */
export function whyNoClientCas(pem: string): readonly string[] {
  const all = certificatesIn(pem).map((text) => new X509Certificate(text));
  return all.flatMap((certificate) => {
    if (isPinned(certificate)) return [];
    const name = inOneLine(certificate.subject);
    if (!mayCertify(certificate)) {
      return `holds "${name}", which is not a CA (basicConstraints, keyUsage), wanted the CAs that issue the certificates of clients, or such a certificate that signs itself`;
    }
    if (isIssuedWithin(certificate, all)) return [];
    return `lacks the CA "${inOneLine(certificate.issuer)}", which issued "${name}", wanted all up to the root in the file`;
  });
}

/**
 * May it stand for one client: signed by itself, and not made for servers? (`checkIssued` asks for
 * keyCertSign as well, which OpenSSL does not.)
 */
function isPinned(certificate: X509Certificate): boolean {
  const { subject, issuer, publicKey, keyUsage: purposes } = certificate;
  const isForClients = purposes === undefined || purposes.includes(CLIENT_AUTH);
  return isForClients && subject === issuer && certificate.verify(publicKey);
}

/** `X509Certificate.ca`, and what OpenSSL allows besides: roots of version 1, and keyCertSign alone. */
function mayCertify(certificate: X509Certificate): boolean {
  const { raw, ca } = certificate;
  if (ca) return true;
  const isVersionOne = raw[contentAt(raw, contentAt(raw, 0))] !== VERSION;
  if (isVersionOne) return certificate.checkIssued(certificate);
  return !raw.includes(BASIC_CONSTRAINTS) && (usageOf(raw) & KEY_CERT_SIGN) !== 0;
}

/** The first byte of keyUsage, 0 when there is none: OID, perhaps `critical`, then an OCTET STRING with a BIT STRING. */
function usageOf(raw: Buffer): number {
  const found = raw.indexOf(KEY_USAGE);
  if (found < 0) return 0;
  const next = found + KEY_USAGE.length;
  const value = raw[next] === BOOLEAN ? next + 3 : next;
  return raw[value + 5] ?? 0;
}

/** Where the content of the DER value at `offset` begins. */
function contentAt(raw: Buffer, offset: number): number {
  const length = raw[offset + 1] ?? 0;
  return offset + 2 + (length < 0x80 ? 0 : length & 0x7f);
}

/** A root, or issued by one of the others; another certificate of the same CA counts as itself (cross-signing). */
function isIssuedWithin(certificate: X509Certificate, all: readonly X509Certificate[]): boolean {
  const isItself = (other: X509Certificate) => other.publicKey.equals(certificate.publicKey);
  return all.some((other) =>
    isItself(other) ? other.checkIssued(other) : certificate.checkIssued(other),
  );
}

/** A subject comes as a line for each of its parts. */
function inOneLine(name: string): string {
  return name.replaceAll("\n", ", ");
}

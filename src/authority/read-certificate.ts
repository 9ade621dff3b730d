import type { X509Certificate } from "node:crypto";
import { contentOf, type Der, isContext, itemsOf, oidOf, readDer, toDer } from "../acme/der.ts";

/** One X.509 extension as it stands in a certificate or a CSR. */
export interface Extension {
  readonly oid: string;
  readonly critical: boolean;
  /** The DER inside the OCTET STRING, as it was sent. */
  readonly value: Buffer;
}

/** The parts of a certificate that `X509Certificate` does not show as they were encoded. */
export interface CertificateParts {
  readonly issuer: Der;
  readonly subject: Der;
  /** In the order of the certificate, repeated ones included. */
  readonly extensions: readonly Extension[];
}

/**
 * Reads a certificate (RFC 5280 §4.1) that Node has parsed already.
 * @throws {Error} when it is not made as that section says.
 */
export function partsOf(certificate: X509Certificate): CertificateParts {
  const [content] = itemsOf(readDer(certificate.raw));
  // version [0], serialNumber, signature, issuer, validity, subject, subjectPublicKeyInfo, … [3] extensions
  const fields = content === undefined ? [] : itemsOf(content);
  const [, , , issuer, , subject] = fields;
  if (fields[0] === undefined || !isContext(fields[0], 0) || !issuer || !subject) {
    throw new Error("The certificate is not of version 3");
  }
  const wrapped = fields.find((field) => isContext(field, 3));
  const [list] = wrapped === undefined ? [] : itemsOf(wrapped);
  return { issuer, subject, extensions: list === undefined ? [] : readExtensions(list) };
}

/**
 * Reads `Extensions` (RFC 5280 §4.1): a sequence of identifier, critical flag and value.
 * @throws {Error} when it is none.
 */
export function readExtensions(list: Der): readonly Extension[] {
  return itemsOf(list).map((item) => {
    const [id, second, third] = itemsOf(item);
    const oid = id === undefined ? undefined : oidOf(id);
    const value = third ?? second;
    if (oid === undefined || value === undefined) throw new Error("An extension is incomplete");
    const isMarked = third !== undefined && second !== undefined;
    return { oid, critical: isMarked && isTrue(second), value: contentOf(value) };
  });
}

/** DER knows one TRUE: `01 01 FF`. */
function isTrue(value: Der): boolean {
  return toDer(value).equals(Buffer.of(0x01, 0x01, 0xff));
}

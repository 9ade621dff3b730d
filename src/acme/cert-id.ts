import { X509Certificate } from "node:crypto";
import { contentOf, type Der, isContext, itemsOf, oidOf, readDer } from "./der.ts";

const AUTHORITY_KEY_IDENTIFIER = "2.5.29.35";

/**
 * The name of a certificate towards renewalInfo and `replaces` (RFC 9773 §4.1): the key identifier
 * of its issuer and its serial number. `undefined` when it names no such key, or is no certificate.
 *
 * Read from the DER: `X509Certificate.serialNumber` drops the sign byte that belongs to the identifier.
 *
 * @param leafPem One certificate, or a chain: its first one.
 */
export function certIdOf(leafPem: string): string | undefined {
  try {
    return certIdIn(readDer(new X509Certificate(leafPem).raw));
  } catch {
    return undefined;
  }
}

function certIdIn(certificate: Der): string | undefined {
  const [content] = itemsOf(certificate);
  const fields = content ? itemsOf(content) : [];
  // [0] version, serialNumber, …, [3] extensions (RFC 5280 §4.1); a version 1 has neither [0] nor [3].
  const serial = fields.find((field) => !isContext(field, 0));
  const keyIdentifier = keyIdentifierIn(fields.find((field) => isContext(field, 3)));
  if (serial === undefined || keyIdentifier === undefined) return undefined;
  return `${keyIdentifier.toString("base64url")}.${contentOf(serial).toString("base64url")}`;
}

function keyIdentifierIn(wrapped: Der | undefined): Buffer | undefined {
  const extensions = wrapped ? itemsOf(wrapped).flatMap(itemsOf) : [];
  const found = extensions
    .map(itemsOf)
    .find(([id]) => id !== undefined && oidOf(id) === AUTHORITY_KEY_IDENTIFIER);
  const value = found?.at(-1);
  if (value === undefined) return undefined;
  const identifier = itemsOf(readDer(contentOf(value))).find((item) => isContext(item, 0));
  return identifier && contentOf(identifier);
}

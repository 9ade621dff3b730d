import { createPublicKey, type KeyObject, verify } from "node:crypto";
import { contentOf, type Der, isContext, itemsOf, oidOf, readDer, toDer } from "../acme/der.ts";
import { addressOf } from "../base/ip-address.ts";
import { readExtensions } from "./read-certificate.ts";
import { Refusal } from "./refusal.ts";

/** What a certification request asks for; its signature was checked. */
export interface CertificateRequest {
  readonly publicKey: KeyObject;
  /** All names and addresses of the subjectAltName and the common name, lower case, each once. */
  readonly names: ReadonlySet<string>;
}

/** RSA keys as public CAs take them; each more bit makes every handshake slower. */
const RSA_MIN_BITS = 2_048;
const RSA_MAX_BITS = 8_192;
/** The only exponent that public CAs take without looking further. */
const RSA_EXPONENT = 65_537n;
/** The curves that browsers accept in a certificate. */
const CURVES = ["prime256v1", "secp384r1"];
/** By signature algorithm: nothing weaker than SHA-256. */
const DIGESTS: Readonly<Record<string, string>> = {
  "1.2.840.10045.4.3.2": "sha256",
  "1.2.840.10045.4.3.3": "sha384",
  "1.2.840.10045.4.3.4": "sha512",
  "1.2.840.113549.1.1.11": "sha256",
  "1.2.840.113549.1.1.12": "sha384",
  "1.2.840.113549.1.1.13": "sha512",
};
const EXTENSION_REQUEST = "1.2.840.113549.1.9.14";
const SUBJECT_ALT_NAME = "2.5.29.17";
const COMMON_NAME = "2.5.4.3";

/**
 * Reads a certification request (RFC 2986) and checks that its key is strong enough and signed it.
 * @throws {Refusal} `badCSR`.
 */
export function readCsr(der: Uint8Array): CertificateRequest {
  const { content, algorithm, signature } = readSigned(der);
  const [, subject, keyInfo, attributes] = itemsOf(content);
  if (subject === undefined || keyInfo === undefined) throw badCsr("it is incomplete");
  const publicKey = readKey(keyInfo);
  if (!verify(digestOf(algorithm), toDer(content), publicKey, signature)) {
    throw badCsr("its signature does not verify");
  }
  const names = [...commonNamesOf(subject), ...alternativeNamesOf(attributes)];
  return { publicKey, names: new Set(names.map((name) => name.toLowerCase())) };
}

function readSigned(der: Uint8Array): { content: Der; algorithm: Der; signature: Buffer } {
  const [content, algorithm, bits, ...rest] = itemsOf(decode(der));
  if (content === undefined || algorithm === undefined || bits === undefined || rest.length > 0) {
    throw badCsr("it is not a CertificationRequest");
  }
  return { content, algorithm, signature: contentOf(bits).subarray(1) };
}

function decode(bytes: Uint8Array): Der {
  const value = readBer(bytes);
  // DER has one encoding for each value; then the parts re-encode to the bytes that were signed.
  if (!toDer(value).equals(bytes)) throw badCsr("it is not DER");
  return value;
}

function readBer(bytes: Uint8Array): Der {
  try {
    return readDer(bytes);
  } catch (cause) {
    throw badCsr("it is not DER", cause);
  }
}

function readKey(keyInfo: Der): KeyObject {
  const key = importKey(keyInfo);
  const { namedCurve, modulusLength = 0, publicExponent } = key.asymmetricKeyDetails ?? {};
  switch (key.asymmetricKeyType) {
    case "ec":
      if (CURVES.includes(namedCurve ?? "")) return key;
      throw badCsr("its EC key is neither on P-256 nor on P-384");
    case "rsa":
      if (modulusLength < RSA_MIN_BITS) throw badCsr(`its RSA key has under ${RSA_MIN_BITS} bits`);
      if (modulusLength > RSA_MAX_BITS) throw badCsr(`its RSA key has over ${RSA_MAX_BITS} bits`);
      if (publicExponent === RSA_EXPONENT) return key;
      throw badCsr("the exponent of its RSA key is not 65537");
    default:
      throw badCsr("its key is neither EC nor RSA");
  }
}

function importKey(keyInfo: Der): KeyObject {
  try {
    return createPublicKey({ key: toDer(keyInfo), format: "der", type: "spki" });
  } catch (cause) {
    throw badCsr("its public key cannot be read", cause);
  }
}

function digestOf(algorithm: Der): string {
  const [id] = itemsOf(algorithm);
  const digest = DIGESTS[(id && oidOf(id)) ?? ""];
  if (digest === undefined) throw badCsr("it is not signed with ECDSA or RSA and SHA-2");
  return digest;
}

function commonNamesOf(subject: Der): readonly string[] {
  // Name: SEQUENCE OF SET OF { type, value }
  const attributes = itemsOf(subject).flatMap(itemsOf).map(itemsOf);
  return attributes.flatMap(([type, value]) =>
    type !== undefined && value !== undefined && oidOf(type) === COMMON_NAME
      ? [contentOf(value).toString("utf8")]
      : [],
  );
}

function alternativeNamesOf(attributes: Der | undefined): readonly string[] {
  if (attributes === undefined || !isContext(attributes, 0)) return [];
  const requests = itemsOf(attributes)
    .map(itemsOf)
    .filter(([type]) => type !== undefined && oidOf(type) === EXTENSION_REQUEST);
  const lists = requests.flatMap(([, values]) => (values === undefined ? [] : itemsOf(values)));
  const extensions = lists.flatMap(readRequestedExtensions);
  const found = extensions.filter(({ oid }) => oid === SUBJECT_ALT_NAME);
  if (found.length > 1) throw badCsr("it has several subjectAltName extensions");
  return found.flatMap(({ value }) => itemsOf(decode(value)).map(subjectName));
}

function readRequestedExtensions(list: Der) {
  try {
    return readExtensions(list);
  } catch (cause) {
    throw badCsr("its extensions cannot be read", cause);
  }
}

function subjectName(entry: Der): string {
  const address = isContext(entry, 7) ? addressOf(contentOf(entry)) : undefined;
  if (address !== undefined) return address;
  if (isContext(entry, 2)) return contentOf(entry).toString("latin1");
  throw badCsr("its subjectAltName holds something else than DNS names and addresses");
}

function badCsr(why: string, cause?: unknown): Refusal {
  return new Refusal("badCSR", `The certification request cannot be used: ${why}`, { cause });
}

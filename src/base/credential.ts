import { createPrivateKey, X509Certificate } from "node:crypto";
import { LatchkeyError, messageOf } from "./errors.ts";
import { isIpAddress, parseIpAddress } from "./ip-address.ts";
import type { UriHost } from "./uri-host.ts";

/** A private key and the chain that certifies it, as they are handed to TLS: what a host serves. */
export interface Credential {
  /** PEM, leaf first, without the root. */
  readonly chain: string;
  /** PEM (PKCS #8), unencrypted. Never logged, never in an error. */
  readonly key: string;
  /** Lower-case hex of the DER serial number without a sign byte, even length. */
  readonly serial: string;
  /** Milliseconds since the epoch. */
  readonly notBefore: number;
  /** Milliseconds since the epoch. */
  readonly notAfter: number;
  /** The dNSName and iPAddress entries of the leaf, lower case, as certified (`*.shop.example` for a wildcard). */
  readonly names: readonly string[];
}

/** A chain that takes more than this was not made for a TLS handshake (the longest real ones are 6 KiB). */
const CHAIN_MAX_BYTES = 262_144;
/** Public CAs send four; what is longer costs every client a handshake of many packets, or its patience. */
const CHAIN_MAX_CERTIFICATES = 10;
const ENCRYPTED = /-----BEGIN ENCRYPTED PRIVATE KEY-----|^Proc-Type: 4,ENCRYPTED/m;
/** OpenSSL, which reads the text again, takes it for one only where it begins and ends in lines of its own. */
const PEM_BLOCK = /^-----BEGIN ([A-Z0-9 ]+)-----[A-Za-z0-9+/=\s]+^-----END \1-----\s*?$/gm;
const BYTE_ORDER_MARK = /^\ufeff/;
const PEM_MARKER = /-----(?:BEGIN|END)/g;

/**
 * Reads a chain and its key, and checks what must hold wherever they come from: every PEM block is
 * a certificate (RFC 8555 §11.4), there are not too many, each one is issued by the next, and the key
 * belongs to the leaf.
 * Dates and names are not judged here: see `certificate/verify.ts`.
 *
 * @throws {LatchkeyError} `CERTIFICATE_INVALID`, with what does not fit, and `part` among its facts: `chain` or `key`.
 */
export function readCredential(chain: string, key: string): Credential {
  const certificates = readChain(chain);
  const leaf = certificates[0] as X509Certificate;
  certificates.slice(1).forEach((issuer, index) => {
    const subject = certificates[index] as X509Certificate;
    if (!subject.checkIssued(issuer) || !subject.verify(issuer.publicKey)) {
      throw invalid("chain", `certificate ${index + 1} of the chain is not issued by the next one`);
    }
  });
  if (!leaf.checkPrivateKey(readKey(key)))
    throw invalid("key", "the key does not belong to the certificate");
  return {
    chain,
    key,
    serial: serialOf(leaf),
    notBefore: leaf.validFromDate.getTime(),
    notAfter: leaf.validToDate.getTime(),
    names: namesOf(leaf),
  };
}

/** Does a certificate for `names` cover `host` (RFC 9525 §6.3: exact, or a wildcard for one label)? */
export function covers(names: readonly string[], host: UriHost): boolean {
  if (isIpAddress(host)) return names.includes(host);
  const wildcard = `*${host.slice(host.indexOf("."))}`;
  return names.includes(host) || (host.includes(".") && names.includes(wildcard));
}

/** The serial number as CONTRACT §3 spells it: lower-case hex, no sign byte, even length. */
export function serialOf(certificate: X509Certificate): string {
  const hex = certificate.serialNumber.toLowerCase();
  return hex.length % 2 === 0 ? hex : `0${hex}`;
}

/** The certificates of a chain one by one, PEM, in its order. */
export function certificatesIn(chain: string): string[] {
  return blocksOf(chain).map(([block]) => block);
}

function readChain(chain: string): X509Certificate[] {
  if (Buffer.byteLength(chain) > CHAIN_MAX_BYTES)
    throw invalid("chain", "the chain is larger than 256 KiB");
  const blocks = blocksOf(chain);
  if ((chain.match(PEM_MARKER) ?? []).length !== 2 * blocks.length) {
    throw invalid(
      "chain",
      "the chain holds a PEM block that is cut, or does not begin in a line of its own",
    );
  }
  if (blocks.length === 0) throw invalid("chain", "the chain holds no PEM certificate");
  if (blocks.some(([, label]) => label !== "CERTIFICATE")) {
    throw invalid("chain", "the chain holds a PEM block that is not a certificate");
  }
  if (blocks.length > CHAIN_MAX_CERTIFICATES) {
    throw invalid("chain", `the chain is longer than ${CHAIN_MAX_CERTIFICATES} certificates`);
  }
  try {
    return blocks.map(([pem]) => new X509Certificate(pem));
  } catch (cause) {
    throw invalid("chain", "the chain holds a certificate that cannot be decoded", cause);
  }
}

function blocksOf(chain: string): RegExpExecArray[] {
  return [...chain.replace(BYTE_ORDER_MARK, "").matchAll(PEM_BLOCK)];
}

function readKey(key: string) {
  if (ENCRYPTED.test(key)) throw invalid("key", "the key has a passphrase");
  try {
    return createPrivateKey(key);
  } catch (cause) {
    throw invalid("key", `the key cannot be read (${messageOf(cause)})`);
  }
}

const DNS_NAME = "DNS:";
const IP_ADDRESS = "IP Address:";

function namesOf(leaf: X509Certificate): string[] {
  // An entry with odd characters is quoted by Node and then matches no host name, as it should.
  return (leaf.subjectAltName ?? "").split(", ").flatMap((entry) => {
    if (entry.startsWith(DNS_NAME)) return [entry.slice(DNS_NAME.length).toLowerCase()];
    if (!entry.startsWith(IP_ADDRESS)) return [];
    return parseIpAddress(entry.slice(IP_ADDRESS.length)) ?? [];
  });
}

function invalid(part: "chain" | "key", why: string, cause?: unknown): LatchkeyError {
  return new LatchkeyError(
    "CERTIFICATE_INVALID",
    `Cannot use the certificate: ${why}`,
    { part },
    { cause },
  );
}

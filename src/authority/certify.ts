import { createHash, type KeyObject, randomBytes, X509Certificate } from "node:crypto";
import {
  bitString,
  boolean,
  contentOf,
  contextConstructed,
  contextPrimitive,
  type Der,
  integer,
  itemsOf,
  octetString,
  oid,
  sequence,
  set,
  time,
  toDer,
  utf8String,
} from "../acme/der.ts";
import { extension, generalNames } from "../acme/extension.ts";
import { publicKeyInfo, signatureAlgorithm, signed } from "../acme/signed.ts";
import { isIpAddress } from "../base/ip-address.ts";
import type { UriHost } from "../base/uri-host.ts";
import { partsOf } from "./read-certificate.ts";
import { nameConstraints } from "./suffixes.ts";

/** What RFC 5280 §4.2.1.10 calls the extension that binds a CA to names. */
export const NAME_CONSTRAINTS = "2.5.29.30";

/** 128 random bits: twice what the CA/Browser Forum asks for, within the 20 bytes of RFC 5280 §4.1.2.2. */
const SERIAL_BYTES = 16;
/** A common name takes no more characters (RFC 5280 appendix A, ub-common-name). */
const COMMON_NAME_MAX = 64;

/** Milliseconds since the epoch; certificates know whole seconds, parts of a second are cut off. */
export interface Validity {
  readonly notBefore: number;
  readonly notAfter: number;
}

/** A CA that signs: its certificate and its private key. */
export interface Signer {
  readonly certificate: X509Certificate;
  readonly key: KeyObject;
}

/** A self-signed root that certifies names under `suffixes` only. */
export function certifyRoot(
  key: KeyObject,
  suffixes: readonly string[],
  validity: Validity,
): X509Certificate {
  const subject = caName("Root", key);
  const constraints = extension(NAME_CONSTRAINTS, true, nameConstraints(suffixes));
  const extensions = [caConstraints(), caKeyUsage(), constraints];
  return certify({ subject, publicKey: key, validity, extensions }, subject, key);
}

/**
 * The CA that signs the leaves and no other CA. It repeats the constraint of the root, for the
 * verifiers that do not look into a root they trust (RFC 5280 §6.1.1 leaves them free).
 */
export function certifyIntermediate(
  key: KeyObject,
  suffixes: readonly string[],
  validity: Validity,
  root: Signer,
): X509Certificate {
  const constraints = extension(NAME_CONSTRAINTS, true, nameConstraints(suffixes));
  const extensions = [caConstraints(0), caKeyUsage(), serverAuthentication(), constraints];
  const plan = { subject: caName("Intermediate", key), publicKey: key, validity, extensions };
  return certify(plan, partsOf(root.certificate).subject, root.key);
}

/** A certificate for a TLS server under these names and addresses. */
export function certifyLeaf(
  publicKey: KeyObject,
  names: readonly UriHost[],
  validity: Validity,
  issuer: Signer,
): X509Certificate {
  const commonName = names.find((name) => name.length <= COMMON_NAME_MAX && !isIpAddress(name));
  const extensions = [
    extension("2.5.29.19", true, sequence()),
    leafKeyUsage(publicKey),
    serverAuthentication(),
    // RFC 5280 §4.1.2.6: with an empty subject the subjectAltName is critical.
    extension("2.5.29.17", commonName === undefined, generalNames(names)),
  ];
  const subject = commonName === undefined ? sequence() : nameOf(commonName);
  const plan = { subject, publicKey, validity, extensions };
  return certify(plan, partsOf(issuer.certificate).subject, issuer.key);
}

interface Plan {
  readonly subject: Der;
  readonly publicKey: KeyObject;
  readonly validity: Validity;
  readonly extensions: readonly Der[];
}

function certify(plan: Plan, issuer: Der, issuerKey: KeyObject): X509Certificate {
  const content = sequence(
    contextConstructed(0, integer(Buffer.of(2))),
    integer(randomBytes(SERIAL_BYTES)),
    signatureAlgorithm(issuerKey),
    issuer,
    sequence(time(plan.validity.notBefore), time(plan.validity.notAfter)),
    plan.subject,
    publicKeyInfo(plan.publicKey),
    contextConstructed(
      3,
      sequence(
        ...plan.extensions,
        extension("2.5.29.14", false, octetString(keyIdentifier(plan.publicKey))),
        extension("2.5.29.35", false, sequence(contextPrimitive(0, keyIdentifier(issuerKey)))),
      ),
    ),
  );
  return new X509Certificate(toDer(signed(content, issuerKey)));
}

/** RFC 7093 §2 (1): the leftmost 160 bits of the SHA-256 of the public key's bits. */
function keyIdentifier(key: KeyObject): Buffer {
  const [, bits] = itemsOf(publicKeyInfo(key));
  const content = bits === undefined ? Buffer.alloc(0) : contentOf(bits).subarray(1);
  return createHash("sha256").update(content).digest().subarray(0, 20);
}

/** Each CA has a name of its own, so that an old and a new root in one trust store are never mixed up. */
function caName(role: string, key: KeyObject): Der {
  return nameOf(`Latchkey ${role} ${keyIdentifier(key).toString("hex").slice(0, 8)}`);
}

function nameOf(commonName: string): Der {
  return sequence(set(sequence(oid("2.5.4.3"), utf8String(commonName))));
}

function caConstraints(pathLength?: number): Der {
  const length = pathLength === undefined ? [] : [integer(Buffer.of(pathLength))];
  return extension("2.5.29.19", true, sequence(boolean(true), ...length));
}

function caKeyUsage(): Der {
  // keyCertSign (5) and cRLSign (6).
  return extension("2.5.29.15", true, bitString(Buffer.of(0b0000_0110), 1));
}

function leafKeyUsage(publicKey: KeyObject): Der {
  // digitalSignature (0); RSA also keyEncipherment (2).
  const isRsa = publicKey.asymmetricKeyType === "rsa";
  const bits = isRsa ? bitString(Buffer.of(0b1010_0000), 5) : bitString(Buffer.of(0b1000_0000), 7);
  return extension("2.5.29.15", true, bits);
}

function serverAuthentication(): Der {
  return extension("2.5.29.37", false, sequence(oid("1.3.6.1.5.5.7.3.1")));
}

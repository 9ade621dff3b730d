import { createPublicKey, type KeyObject, sign } from "node:crypto";
import { bitString, type Der, embedded, nothing, oid, sequence, toDer } from "./der.ts";

/**
 * `SIGNED{ content }` of X.509: the content, the algorithm and the signature over its DER. What a
 * CSR (RFC 2986 §4.2) and a certificate (RFC 5280 §4.1) have in common.
 */
export function signed(content: Der, key: KeyObject): Der {
  const signature = sign(digestOf(key), toDer(content), key);
  return sequence(content, signatureAlgorithm(key), bitString(signature));
}

/** The AlgorithmIdentifier with which `key` signs (RFC 5758 §3.2 for EC, RFC 4055 §5 for RSA). */
export function signatureAlgorithm(key: KeyObject): Der {
  if (key.asymmetricKeyType === "rsa") return sequence(oid("1.2.840.113549.1.1.11"), nothing());
  return sequence(oid(digestOf(key) === "sha384" ? "1.2.840.10045.4.3.3" : "1.2.840.10045.4.3.2"));
}

/** The SubjectPublicKeyInfo of a private or public key. */
export function publicKeyInfo(key: KeyObject): Der {
  const publicKey = key.type === "private" ? createPublicKey(key) : key;
  return embedded(publicKey.export({ type: "spki", format: "der" }));
}

/** The digest goes with the strength of the curve; other keys than EC and RSA sign nothing here. */
function digestOf(key: KeyObject): "sha256" | "sha384" {
  const curve = key.asymmetricKeyDetails?.namedCurve;
  if (key.asymmetricKeyType === "rsa" || curve === "prime256v1") return "sha256";
  if (curve === "secp384r1") return "sha384";
  throw new TypeError(`Cannot sign with a ${curve ?? key.asymmetricKeyType} key: EC or RSA only`);
}

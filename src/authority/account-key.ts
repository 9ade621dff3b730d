import { createPublicKey, type KeyObject, type webcrypto } from "node:crypto";
import { thumbprintOf } from "../acme/thumbprint.ts";
import type { Fields } from "./fields.ts";
import { Refusal } from "./refusal.ts";

/** An RSA account key below this is not accepted (RFC 7518 §3.3). */
const RSA_MIN_BITS = 2_048;
/** Beyond it, checking a signature gets slow for no gain. */
const RSA_MAX_BITS = 8_192;

/** The JWS algorithms this authority verifies (RFC 7518 §3.1). */
export const ALGORITHMS = ["ES256", "RS256"] as const;
export type Algorithm = (typeof ALGORITHMS)[number];

/**
 * An account. Here an account *is* its key: the account URL carries the public key, so that no table
 * of accounts has to be kept, bounded or restored, and every account survives every restart.
 */
export interface AccountKey {
  readonly algorithm: Algorithm;
  readonly publicKey: KeyObject;
  /** RFC 7638, base64url: the second half of every key authorization, and the account's identity. */
  readonly thumbprint: string;
  /** The key as one segment of a URL path: `ec.X.Y` or `rsa.E.N`. */
  readonly segment: string;
}

/**
 * Reads the `jwk` of a JWS header.
 * @throws {Refusal} `badPublicKey` for anything but a P-256 or RSA (2,048-8,192 bits) public key.
 */
export function readJwk(jwk: Fields): AccountKey {
  const { kty, crv, x, y, e, n, d } = jwk;
  if (d !== undefined) throw badKey("it holds a private key");
  if (kty === "EC" && crv === "P-256" && typeof x === "string" && typeof y === "string") {
    return accountKey({ crv, kty, x, y }, "ES256", `ec.${x}.${y}`);
  }
  if (kty === "RSA" && typeof e === "string" && typeof n === "string") {
    return accountKey({ e, kty, n }, "RS256", `rsa.${e}.${n}`);
  }
  throw badKey("only EC keys on P-256 and RSA keys are accepted");
}

/** The reverse of `segment`; `undefined` when no account can have that URL. */
export function readSegment(segment: string): AccountKey | undefined {
  const [kind, first, second, ...rest] = segment.split(".");
  if (rest.length > 0) return undefined;
  try {
    if (kind === "ec") return readJwk({ kty: "EC", crv: "P-256", x: first, y: second });
    if (kind === "rsa") return readJwk({ kty: "RSA", e: first, n: second });
    return undefined;
  } catch {
    return undefined;
  }
}

/** The thumbprint (RFC 7638) of an EC or RSA public key. */
export function keyThumbprint(publicKey: KeyObject): string {
  return thumbprintOf(publicKey.export({ type: "spki", format: "pem" }).toString());
}

function accountKey(
  members: webcrypto.JsonWebKey,
  algorithm: Algorithm,
  segment: string,
): AccountKey {
  const publicKey = importKey(members);
  const bits = publicKey.asymmetricKeyDetails?.modulusLength;
  if (bits !== undefined && (bits < RSA_MIN_BITS || bits > RSA_MAX_BITS)) {
    throw badKey(`an RSA key has ${RSA_MIN_BITS} to ${RSA_MAX_BITS} bits`);
  }
  // One key in two spellings (leading zeros, padding) would be two accounts.
  if (segmentOf(publicKey) !== segment) throw badKey("its numbers are not in the shortest form");
  return { algorithm, publicKey, thumbprint: keyThumbprint(publicKey), segment };
}

function segmentOf(publicKey: KeyObject): string {
  const { kty, x, y, e, n } = publicKey.export({ format: "jwk" });
  return kty === "EC" ? `ec.${x}.${y}` : `rsa.${e}.${n}`;
}

function importKey(key: webcrypto.JsonWebKey): KeyObject {
  try {
    return createPublicKey({ key, format: "jwk" });
  } catch {
    throw badKey("it is not a valid public key");
  }
}

function badKey(why: string): Refusal {
  return new Refusal("badPublicKey", `The account key cannot be used: ${why}`);
}

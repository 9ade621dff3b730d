import { createHash, createPublicKey } from "node:crypto";

/**
 * The thumbprint of the public half of a key (RFC 7638 with SHA-256), base64url: what follows the dot
 * of a key authorization (RFC 8555 §8.1).
 *
 * @param key PEM of an EC or RSA key, private or public.
 */
export function thumbprintOf(key: string): string {
  const { kty, crv, x, y, e, n } = createPublicKey(key).export({ format: "jwk" });
  // The required members alone, by name in order, without white space (RFC 7638 §3).
  const required = kty === "EC" ? { crv, kty, x, y } : { e, kty, n };
  return createHash("sha256").update(JSON.stringify(required)).digest("base64url");
}

import { generateKeyPair } from "node:crypto";
import { promisify } from "node:util";
import { unreachable } from "../base/errors.ts";

/** The kinds of key that public CAs certify. */
export type KeyType = "ecdsa-p256" | "ecdsa-p384" | "rsa-2048" | "rsa-4096";

const generate = promisify(generateKeyPair);
const encoding = {
  publicKeyEncoding: { type: "spki", format: "pem" },
  privateKeyEncoding: { type: "pkcs8", format: "pem" },
} as const;

/**
 * A new private key, PEM (PKCS #8), unencrypted. Made off the event loop: an RSA key takes from 50 ms
 * to seconds.
 */
export async function createKey(type: KeyType): Promise<string> {
  switch (type) {
    case "ecdsa-p256":
      return (await generate("ec", { namedCurve: "P-256", ...encoding })).privateKey;
    case "ecdsa-p384":
      return (await generate("ec", { namedCurve: "P-384", ...encoding })).privateKey;
    case "rsa-2048":
      return (await generate("rsa", { modulusLength: 2_048, ...encoding })).privateKey;
    case "rsa-4096":
      return (await generate("rsa", { modulusLength: 4_096, ...encoding })).privateKey;
    default:
      return unreachable(type);
  }
}

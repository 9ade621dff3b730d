import { createHash, createPrivateKey, createPublicKey, type KeyObject } from "node:crypto";
import { corrupt } from "./failure.ts";
import { PEM_MAX_BYTES, readBounded } from "./read-file.ts";

/**
 * The PEM of the private key in the file `path`; `undefined` when there is no such file.
 *
 * @throws {LatchkeyError} `STORAGE_CORRUPT` when it is no private key, `STORAGE_FAILED`.
 */
export async function readKeyFile(path: string): Promise<string | undefined> {
  const bytes = await readBounded(path, PEM_MAX_BYTES);
  if (bytes === undefined) return undefined;
  const pem = bytes.toString("utf8");
  try {
    createPrivateKey(pem);
  } catch (cause) {
    throw corrupt(path, "it is not a private key in PEM", cause);
  }
  return pem;
}

/** What tells one key pair from another: lower-case hex of the SHA-256 of the public key. */
export function fingerprintOf(pem: string): string {
  const publicKey: KeyObject = createPublicKey(createPrivateKey(pem));
  const der = publicKey.export({ type: "spki", format: "der" });
  return createHash("sha256").update(der).digest("hex");
}

import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import type { PemPair } from "./destination.ts";
import type { Path } from "./faults.ts";
import { type Reading, read, wrong } from "./reading.ts";
import type { Desk } from "./surroundings.ts";

/** A chain and its key out of files that the configuration names, as belong together; `undefined` after a fault was reported. */
export function readPairAt(
  written: { readonly chain: string; readonly key: string } | undefined,
  path: Path,
  desk: Desk,
): PemPair | undefined {
  if (written === undefined) return undefined;
  const chain = desk.files.read(desk.resolve(written.chain));
  const key = desk.files.read(desk.resolve(written.key));
  const certificate = chain.ok ? readCertificate(chain.value) : chain;
  const secret = key.ok ? readKey(key.value) : key;
  if (!certificate.ok) desk.reportFile([...path, "chain"], certificate.why);
  if (!secret.ok) desk.reportFile([...path, "key"], secret.why);
  if (!certificate.ok || !secret.ok || !chain.ok || !key.ok) return undefined;
  if (!certificate.value.checkPrivateKey(secret.value)) {
    desk.reportFile([...path, "key"], "is not the key of `chain`, wanted the one that is");
    return undefined;
  }
  return { chain: chain.value, key: key.value };
}

function readCertificate(pem: string): Reading<X509Certificate> {
  try {
    return read(new X509Certificate(pem));
  } catch {
    return wrong("holds no certificate that can be decoded, wanted a PEM file, the own one first");
  }
}

function readKey(pem: string): Reading<KeyObject> {
  try {
    return read(createPrivateKey(pem));
  } catch {
    return wrong("holds no key that can be decoded, wanted a PEM file without a passphrase");
  }
}

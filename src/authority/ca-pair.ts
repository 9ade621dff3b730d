import { createHash, createPrivateKey, X509Certificate } from "node:crypto";
import { messageOf } from "../base/errors.ts";
import type { Signer } from "./certify.ts";

/**
 * Where the authority keeps its files. Names are like `root.pem`. `write` replaces the file as a
 * whole or not at all, readable by its owner only, and both reject when storage fails.
 */
export interface AuthorityStore {
  /** `undefined` when there is no such file. */
  read(name: string): Promise<Buffer | undefined>;
  write(name: string, data: Uint8Array | string): Promise<void>;
}

/** The two CAs: their files are `<name>.pem` and `<name>.key`. */
export type CaName = "root" | "intermediate";

/** What the store holds for one CA. */
export type StoredCa =
  | { readonly kind: "absent" }
  | { readonly kind: "usable"; readonly signer: Signer }
  | { readonly kind: "corrupt"; readonly why: string };

/** Curves the CAs sign with. */
const CURVES = ["prime256v1", "secp384r1"];

/** Reads a CA's certificate and key, and whether they are a CA's and belong together. */
export async function readCa(store: AuthorityStore, name: CaName): Promise<StoredCa> {
  const [pem, key] = await Promise.all([store.read(`${name}.pem`), store.read(`${name}.key`)]);
  if (pem === undefined && key === undefined) return { kind: "absent" };
  if (pem === undefined) return { kind: "corrupt", why: `${name}.pem is missing` };
  if (key === undefined) return { kind: "corrupt", why: `${name}.key is missing` };
  try {
    return judge({ certificate: new X509Certificate(pem), key: createPrivateKey(key) }, name);
  } catch (thrown) {
    return { kind: "corrupt", why: `a file cannot be read (${messageOf(thrown)})` };
  }
}

/**
 * Writes a new CA. The key goes first: a certificate without its key could never be used, and a
 * program that dies in between finds a pair that does not match, and makes another.
 */
export async function writeCa(store: AuthorityStore, name: CaName, ca: Signer): Promise<void> {
  await store.write(`${name}.key`, ca.key.export({ type: "pkcs8", format: "pem" }));
  await store.write(`${name}.pem`, ca.certificate.toString());
}

/**
 * Copies whatever the store holds for a CA to `<name>-<digest>.pem` and `.key`, so that the originals
 * may be written over. The digest is of the content: the same files are kept once.
 *
 * @returns The common part of the new names.
 */
export async function keepAside(store: AuthorityStore, name: CaName): Promise<string> {
  const endings = ["pem", "key"];
  const files = await Promise.all(endings.map((ending) => store.read(`${name}.${ending}`)));
  const hash = createHash("sha256");
  for (const file of files) hash.update(file ?? "").update("\0");
  const kept = `${name}-${hash.digest("hex").slice(0, 16)}`;
  for (const [index, file] of files.entries()) {
    if (file !== undefined) await store.write(`${kept}.${endings[index]}`, file);
  }
  return kept;
}

function judge(signer: Signer, name: CaName): StoredCa {
  const { certificate, key } = signer;
  const corrupt = (why: string): StoredCa => ({ kind: "corrupt", why });
  if (!CURVES.includes(key.asymmetricKeyDetails?.namedCurve ?? "")) {
    return corrupt(`${name}.key is not an EC key on P-256 or P-384`);
  }
  if (!certificate.checkPrivateKey(key))
    return corrupt(`${name}.key does not belong to ${name}.pem`);
  if (name === "root" && !certificate.verify(certificate.publicKey)) {
    return corrupt("root.pem is not signed by itself");
  }
  if (!certificate.ca) return corrupt(`${name}.pem is not a CA certificate`);
  return { kind: "usable", signer };
}

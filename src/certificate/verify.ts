import { X509Certificate } from "node:crypto";
import { getCACertificates } from "node:tls";
import type { CertificateName } from "../base/certificate-name.ts";
import { type Credential, certificatesIn, readCredential } from "../base/credential.ts";
import { LatchkeyError } from "../base/errors.ts";

/** A CA's clock may be ahead of ours by this much. */
const CLOCK_SKEW_MS = 300_000;

/**
 * The last gate before what a CA sent goes live: the key belongs to the leaf, the chain holds together
 * and is whole, it is for `host` and no other name, it is no CA itself, and it is valid now.
 *
 * @param before The chain that it takes over from.
 * @throws {LatchkeyError} `CERTIFICATE_INVALID`, with what does not fit; `CERTIFICATE_NOT_YET_VALID` when
 *   nothing else is wrong. The old one stays in use.
 */
export function verifyCredential(
  chain: string,
  key: string,
  host: CertificateName,
  now: number,
  before?: string,
): Credential {
  const credential = readCredential(chain, key);
  if (credential.names[0] !== host || credential.names.length !== 1) {
    throw invalid(host, `it is for "${credential.names.join('", "')}"`);
  }
  if (credential.notAfter <= now) throw invalid(host, "it has expired");
  verifyLeaf(new X509Certificate(chain), host);
  if (lacksIssuer(chain, before))
    throw invalid(host, "its chain lacks the intermediate that issued it");
  if (credential.notBefore > now + CLOCK_SKEW_MS) {
    const why = "it is not valid yet (is this machine's clock right?)";
    throw invalid(host, why, "CERTIFICATE_NOT_YET_VALID");
  }
  return credential;
}

/** What a server may show, and clients can follow to a root that they know. */
function verifyLeaf(leaf: X509Certificate, host: CertificateName): void {
  if (leaf.ca) throw invalid(host, "it is the certificate of a CA, not of a server");
  if (leaf.issuer === leaf.subject) throw invalid(host, "it names itself as its issuer");
}

/**
 * Is it a certificate alone whose issuer must be an intermediate? It says where the one of its issuer is, or the chain
 * of before had that; and no root that machines know has issued it.
 */
export function lacksIssuer(chain: string, before = ""): boolean {
  if (!isAlone(chain)) return false;
  const leaf = new X509Certificate(chain);
  const isNamed = leaf.infoAccess?.includes("CA Issuers") === true;
  return (isNamed || isOfIntermediate(leaf, before)) && !isOfKnownRoot(leaf);
}

/**
 * Is it a certificate alone, of an issuer that is neither a root that machines know nor one of `roots`? Whether
 * clients know it, nobody here can tell.
 */
export function isAloneOfUnknown(chain: string, roots = ""): boolean {
  if (!isAlone(chain)) return false;
  const leaf = new X509Certificate(chain);
  const own = certificatesIn(roots).map((pem) => new X509Certificate(pem));
  return !isOfKnownRoot(leaf) && !own.some((root) => hasIssued(root, leaf));
}

function isAlone(chain: string): boolean {
  return certificatesIn(chain).length === 1;
}

function hasIssued(issuer: X509Certificate, leaf: X509Certificate): boolean {
  return leaf.checkIssued(issuer) && leaf.verify(issuer.publicKey);
}

function isOfIntermediate(leaf: X509Certificate, before: string): boolean {
  return certificatesIn(before)
    .slice(1)
    .map((pem) => new X509Certificate(pem))
    .filter(({ issuer, subject }) => issuer !== subject)
    .some((issuer) => hasIssued(issuer, leaf));
}

/** A private CA may sign with its root: whoever is to trust it has that, and nothing is missing. */
function isOfKnownRoot(leaf: X509Certificate): boolean {
  return [...getCACertificates("default"), ...getCACertificates("system")]
    .map((pem) => new X509Certificate(pem))
    .some((root) => hasIssued(root, leaf));
}

function invalid(
  host: CertificateName,
  why: string,
  code: "CERTIFICATE_INVALID" | "CERTIFICATE_NOT_YET_VALID" = "CERTIFICATE_INVALID",
): LatchkeyError {
  return new LatchkeyError(code, `Cannot use the certificate for ${host}: ${why}`, { host });
}

import type { CertificateName } from "../base/certificate-name.ts";
import { type Credential, readCredential } from "../base/credential.ts";
import { LatchkeyError } from "../base/errors.ts";

/** A CA's clock may be ahead of ours by this much. */
const CLOCK_SKEW_MS = 300_000;

/**
 * The last gate before a certificate goes live, wherever it comes from: the key belongs to the leaf,
 * the chain holds together, it is for `host` and no other name, and it is valid now.
 *
 * @throws {LatchkeyError} `CERTIFICATE_INVALID`, with what does not fit; the old one stays in use.
 */
export function verifyCredential(
  chain: string,
  key: string,
  host: CertificateName,
  now: number,
): Credential {
  const credential = readCredential(chain, key);
  if (credential.names[0] !== host || credential.names.length !== 1) {
    throw invalid(host, `it is for "${credential.names.join('", "')}"`);
  }
  if (credential.notAfter <= now) throw invalid(host, "it has expired");
  if (credential.notBefore > now + CLOCK_SKEW_MS)
    throw invalid(host, "it is not valid yet (is this machine's clock right?)");
  return credential;
}

function invalid(host: CertificateName, why: string): LatchkeyError {
  return new LatchkeyError(
    "CERTIFICATE_INVALID",
    `Cannot use the certificate for ${host}: ${why}`,
    { host },
  );
}

import { X509Certificate } from "node:crypto";
import type { AcmeCertificate, AcmeClient } from "../acme/client.ts";
import type { CertificateName } from "../base/certificate-name.ts";
import { type Credential, certificatesIn } from "../base/credential.ts";
import { codeOf, messageOf } from "../base/errors.ts";
import type { Log } from "../base/log.ts";
import { limits } from "../config/limits.ts";

/** What choosing needs from its surroundings. */
export interface ChainSteps {
  readonly client: Pick<AcmeClient, "chain">;
  readonly log: Log;
  /** The last gate before a chain goes live; see {@link verifyCredential}. */
  verify(chain: string): Credential;
}

/**
 * The chain that `preferred` asks for by the common name of the issuer of its topmost certificate: the CA's own
 * choice, or the first of its alternates (RFC 8555 §7.4.2) that leads there and stands up. When none does,
 * or `preferred` is undefined, the CA's own choice: a preference costs nobody the certificate.
 *
 * @throws {LatchkeyError} `CERTIFICATE_INVALID` when the CA's own choice does not stand up.
 */
export async function chooseChain(
  steps: ChainSteps,
  host: CertificateName,
  { chain, alternates }: AcmeCertificate,
  preferred: string | undefined,
  signal: AbortSignal,
): Promise<Credential> {
  const own = steps.verify(chain);
  if (preferred === undefined || topIssuerOf(chain) === preferred) return own;
  const offered = [topIssuerOf(chain)];
  for (const url of alternates.slice(0, limits.acmeAlternateChainsMax)) {
    try {
      const alternate = await steps.client.chain(url, signal);
      offered.push(topIssuerOf(alternate));
      if (offered.at(-1) === preferred) return steps.verify(alternate);
    } catch (error) {
      signal.throwIfAborted();
      offered.push(messageOf(error));
      if (codeOf(error) === "ACME_UNREACHABLE") break; // the others would only wait as long
    }
  }
  steps.log.warn("certificate.other-chain", { host, preferred, offered: offered.join(", ") });
  return own;
}

/** The common name of the issuer of the last certificate; empty when it has none. */
function topIssuerOf(chain: string): string {
  const top = certificatesIn(chain).at(-1);
  const { CN: name = "" } = new X509Certificate(top ?? "").toLegacyObject().issuer;
  return [name].flat().at(-1) ?? "";
}

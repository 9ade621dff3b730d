import type { CertificateName } from "../base/certificate-name.ts";
import { lacksIssuer } from "../certificate/verify.ts";
import type { Storage } from "../storage/storage.ts";
import { advice, type Finding } from "./finding.ts";

/**
 * What clients may hold against the certificate that storage has for a name, such as one of an older program or of a
 * backup. One that cannot be read is told by its record.
 */
export async function findingsOfStored(
  name: CertificateName,
  { certificates }: Pick<Storage, "certificates">,
): Promise<readonly Finding[]> {
  const chain = await chainOf(name, certificates);
  if (chain === undefined || !lacksIssuer(chain)) return [];
  const saw =
    "the certificate that is stored comes without the one that issued it, and many clients turn it down";
  return [advice("certificate.cut", saw, `Run: latchkey renew ${name}`)];
}

async function chainOf(
  name: CertificateName,
  certificates: Storage["certificates"],
): Promise<string | undefined> {
  try {
    return (await certificates.look(name)).stored?.credential.chain;
  } catch {
    return undefined;
  }
}

import { readCredential } from "../base/credential.ts";
import type { CertificateKeeper } from "./ensure.ts";
import type { Holdings } from "./holdings.ts";

/** Certificates that live in memory only: a disk that was full may have room again. Never rejects. */
export async function saveUnsaved(holdings: Holdings, keeper: CertificateKeeper): Promise<void> {
  for (const holding of holdings.all()) {
    const { certificate } = holding;
    if (certificate?.unsaved === undefined || holding.isOrdering) continue;
    const { chain, key } = certificate.unsaved;
    const credential = readCredential(chain, key);
    if (await keeper.save(holding, { credential, issuer: certificate.issuer })) {
      await keeper.goLive(holding, credential); // workers let go of the one they hold
    }
  }
}

import type { CertificateName } from "../base/certificate-name.ts";
import { LatchkeyError } from "../base/errors.ts";
import { failureFacts, type Log } from "../base/log.ts";
import { fingerprintOf } from "../storage/key-file.ts";
import type { Storage } from "../storage/storage.ts";

/**
 * The certificate of `host` has this key (PEM) now: those keys of its that were revoked, and were served for want of
 * another, never come back, and what storage holds of them is moved aside. What the disk refuses is told in the log
 * and done at the next start. Never rejects.
 */
export async function retireReplaced(
  { revokedKeys, certificates }: Pick<Storage, "revokedKeys" | "certificates">,
  host: CertificateName,
  key: string,
  log: Log,
): Promise<void> {
  const known = revokedKeys.all();
  if (known.length === 0) return;
  try {
    const inUse = fingerprintOf(key);
    for (const revoked of known) {
      if (revoked.host !== host || !revoked.isInUse || revoked.fingerprint === inUse) continue;
      await revokedKeys.save({ ...revoked, isInUse: false });
    }
    await certificates.expelRevoked(host);
  } catch (error) {
    if (!(error instanceof LatchkeyError)) throw error;
    log.error("storage.failed", { host, ...failureFacts(error) });
  }
}

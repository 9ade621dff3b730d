import type { CertificateName } from "../base/certificate-name.ts";
import { parseCertificateName } from "../base/certificate-name.ts";
import type { CertificateRecord, LastError } from "../base/certificate-record.ts";
import { codeOf, messageOf } from "../base/errors.ts";
import { formatTime } from "../base/format-time.ts";
import type { Config, Host } from "../config/config.ts";
import { ownNameOf } from "../config/route.ts";
import type { StoredCertificate } from "../storage/read-certificate.ts";
import type { Storage } from "../storage/storage.ts";
import { Holdings } from "./holdings.ts";
import { listCertificates } from "./list.ts";
import { readGiven } from "./manual.ts";
import { type Holding, heldOf, recallFailures } from "./records.ts";
import { isBelievable } from "./window.ts";

/**
 * The rows of every host when nothing runs: what storage holds, and what it remembers of failures.
 *
 * @param storage May be opened for reading only.
 */
export async function storedRecords(
  config: Config,
  storage: Storage,
  findHost: (name: CertificateName) => Host | undefined,
): Promise<CertificateRecord[]> {
  const holdings = new Holdings();
  const hold = (name: string): Holding | undefined => {
    const host = parseCertificateName(name);
    const entry = host && findHost(host);
    if (host === undefined || entry?.certificate.kind !== "acme") return undefined;
    return holdings.hold(host, ownNameOf(entry) === host);
  };
  await addCertificates(storage, config, hold);
  await addFailures(storage, hold);
  const now = storage.clock.now();
  const given = await readGiven(config, now);
  return listCertificates({
    hosts: config.hosts,
    holdings,
    findHost,
    troubleOf: () => undefined,
    given,
    now,
  });
}

type Hold = (name: string) => Holding | undefined;

async function addCertificates(storage: Storage, { renewal }: Config, hold: Hold): Promise<void> {
  for (const name of await storage.certificates.list()) {
    const holding = hold(name);
    if (holding === undefined) continue;
    const { stored, why } = await lookAt(storage, holding.host);
    if (why !== undefined) holding.waiting = unread(why, storage.clock.now());
    if (stored === undefined) continue;
    const issued = { credential: stored.credential, issuer: stored.meta.issuer };
    const isGood = storage.revokedKeys.find(issued.credential.key) === undefined;
    holding.certificate = heldOf(issued, 0, renewal, isGood);
    const info = await storage.renewalInfos.load(holding.host);
    if (info?.window && isBelievable(info.window, issued.credential)) holding.renewalInfo = info;
  }
}

/** The certificate that a start would serve, and why one that stands before it cannot be read. */
async function lookAt(
  { certificates }: Storage,
  host: CertificateName,
): Promise<{ readonly stored: StoredCertificate | undefined; readonly why: unknown }> {
  try {
    const { stored, broken } = await certificates.look(host);
    return { stored, why: broken[0]?.error };
  } catch (why) {
    return { stored: undefined, why };
  }
}

/** What will be done about it: storage that refuses is asked again, and what is corrupt is moved aside. */
function unread(why: unknown, now: number): LastError {
  const type = codeOf(why) ?? "STORAGE_FAILED";
  const hint =
    type === "STORAGE_CORRUPT"
      ? "The next start moves it into quarantine, and serves what came before it or orders anew."
      : "Let the files be read by the user that runs latchkey; until then nothing is ordered.";
  return { type, detail: messageOf(why), hint, at: formatTime(now) };
}

async function addFailures(storage: Storage, hold: Hold): Promise<void> {
  for (const memory of await storage.attempts.all()) {
    const holding = hold(memory.host);
    if (holding !== undefined) recallFailures(holding, memory);
  }
}

import type { CertificateName } from "../base/certificate-name.ts";
import { parseCertificateName } from "../base/certificate-name.ts";
import type { CertificateRecord } from "../base/certificate-record.ts";
import type { Config, Host } from "../config/config.ts";
import { ownNameOf } from "../config/route.ts";
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
    const stored = holding && (await storage.certificates.load(holding.host));
    if (holding === undefined || stored === undefined) continue;
    const issued = { credential: stored.credential, issuer: stored.meta.issuer };
    holding.certificate = heldOf(issued, 0, renewal, true);
    const info = await storage.renewalInfos.load(holding.host);
    if (info?.window && isBelievable(info.window, issued.credential)) holding.renewalInfo = info;
  }
}

async function addFailures(storage: Storage, hold: Hold): Promise<void> {
  for (const memory of await storage.attempts.all()) {
    const holding = hold(memory.host);
    if (holding !== undefined) recallFailures(holding, memory);
  }
}

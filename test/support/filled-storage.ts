import { systemClock } from "../../src/base/clock.ts";
import { Storage } from "../../src/storage/storage.ts";
import { makeCertificate } from "./certificates.ts";
import { keptLog, named } from "./stored.ts";

const DAY = 86_400_000;
/** URL of the internal authority's directory, which these hosts are certified by. */
const ISSUER = "https://authority.latchkey.internal/directory";

/** Makes a storage at `root` in which every host has a certificate of its own that is not due. */
export async function fillStorage(root: string, hosts: readonly string[]): Promise<void> {
  const storage = await Storage.open({ root, clock: systemClock, log: keptLog() });
  await storage.acquire(new AbortController().signal);
  const validity = { notBefore: Date.now() - DAY, notAfter: Date.now() + 60 * DAY };
  for (const host of hosts) {
    const certificate = makeCertificate({ names: [host], ...validity });
    await storage.certificates.save(named(host), certificate, { issuer: ISSUER });
  }
  await storage.close();
}

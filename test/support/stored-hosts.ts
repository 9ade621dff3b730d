import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { systemClock } from "../../src/base/clock.ts";
import { readCredential } from "../../src/base/credential.ts";
import { formatTime } from "../../src/base/format-time.ts";
import { formatRecord } from "../../src/storage/record.ts";
import { Storage } from "../../src/storage/storage.ts";
import { keptLog, named } from "./stored.ts";

/** URL of the internal authority's directory, which these hosts are certified by. */
const ISSUER = "https://authority.latchkey.internal/directory";

/**
 * A storage in which each of many hosts has a certificate, written as the program writes it but without its care for
 * power cuts: the first one is saved by it, the others are made like that.
 */
export async function storeHosts(
  root: string,
  hosts: readonly string[],
  pemOf: (host: string) => { readonly chain: string; readonly key: string },
): Promise<void> {
  const [first = "", ...others] = hosts;
  {
    await using storage = await Storage.open({ root, clock: systemClock, log: keptLog() });
    await storage.acquire(new AbortController().signal);
    await storage.certificates.save(named(first), pemOf(first), { issuer: ISSUER });
  }
  const issuedAt = formatTime(Date.now());
  for (const host of others) {
    const { chain, key } = pemOf(host);
    const { serial } = readCredential(chain, key);
    const folder = join(root, "certificates", host);
    mkdirSync(join(folder, "000001"), { recursive: true, mode: 0o700 });
    symlinkSync("000001", join(folder, "current"));
    const meta = formatRecord({ issuer: ISSUER, host, serial, issuedAt });
    const files = { "chain.pem": chain, "key.pem": key, "meta.json": meta };
    for (const [name, text] of Object.entries(files))
      writeFileSync(join(folder, "000001", name), text, { mode: 0o600 });
  }
}

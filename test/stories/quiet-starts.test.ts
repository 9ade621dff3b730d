import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { systemClock } from "../../src/base/clock.ts";
import { Storage } from "../../src/storage/storage.ts";
import { CountingCa } from "../support/counting-ca.ts";
import { temporaryFolder } from "../support/folders.ts";
import { Latchkey } from "../support/latchkey.ts";
import { skipSmallDisk, smallDisk } from "../support/small-disk.ts";
import { keptLog, named } from "../support/stored.ts";
import { shakeHands } from "../support/visitor.ts";

const STARTS = 10;
const hosts = ["a.shop.example", "b.shop.example", "c.shop.example"];

/** What storage holds of this CA: certificates that nobody was asked about yet. */
async function store(root: string, ca: CountingCa): Promise<void> {
  await using storage = await Storage.open({ root, clock: systemClock, log: keptLog() });
  await storage.acquire(new AbortController().signal);
  for (const host of hosts)
    await storage.certificates.save(named(host), ca.certify(host), { issuer: ca.directory });
}

/** @param canary A name of the internal authority's. */
function configOf(ca: CountingCa, canary: string): string {
  const entries = hosts.map((host) => `  ${host}: { respond: ok, issuer: ${ca.issuer} }`);
  return `workers: 1\nhosts:\n${entries.join("\n")}\n  ${canary}: { respond: ok }`;
}

async function servesAll(latchkey: Latchkey): Promise<void> {
  for (const host of hosts)
    assert.ok(
      "serial" in (await shakeHands(latchkey, host, { ca: "", rejectUnauthorized: false })),
    );
}

for (const advises of [true, false]) {
  const what = advises ? "that says when to renew" : "that gives no advice";
  test(`D7: of ${STARTS} starts on certificates of a CA ${what} the first one asks it about them, and no other asks anything`, async () => {
    await using ca = await CountingCa.start({ advises });
    await using folder = await temporaryFolder();
    const storage = join(folder.path, "storage");
    await store(storage, ca);
    for (let start = 0; start < STARTS; start += 1) {
      const canary = `n${start}.localhost`;
      await using latchkey = await Latchkey.start({ config: configOf(ca, canary), storage });
      // Who is asked about a certificate that was made after the start has gone through all the others before.
      await latchkey.event("renewal-info.received", ({ host }) => host === canary);
      await servesAll(latchkey);
      await latchkey.kill();
      const asked = ca.requests.splice(0);
      const questions = asked.filter((request) => request.startsWith("GET /renewal/"));
      if (start > 0) assert.deepEqual(asked, []);
      else assert.equal(questions.length, advises ? hosts.length : 0);
      if (start === 0) assert.ok(asked.length > 0);
      assert.equal(latchkey.count("certificate.failed"), 0);
    }
  });

  for (const mode of ["read-only", "full"] as const) {
    test(`S5: on a ${mode} storage a CA ${what} is asked nothing, and its certificates are served`, {
      skip: skipSmallDisk,
    }, async () => {
      await using ca = await CountingCa.start({ advises });
      await using disk = await smallDisk();
      const storage = join(disk.path, "storage");
      await store(storage, ca);
      if (mode === "full") await disk.fill(0);
      else disk.remount("ro");
      for (let start = 0; start < 3; start += 1) {
        await using latchkey = await Latchkey.start({
          config: configOf(ca, "n.localhost"),
          storage,
        });
        const failed = await latchkey.event("certificate.failed");
        assert.equal(failed["code"], "STORAGE_FAILED");
        await servesAll(latchkey);
        await latchkey.kill();
      }
      assert.deepEqual(ca.requests, []);
    });
  }
}

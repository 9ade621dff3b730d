import assert from "node:assert/strict";
import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { certificateFor, directory, named, openStorage } from "../support/stored.ts";

const host = named("store.shop.example");
const info = {
  serial: "03ab",
  nextCheckAt: 1_700_000_010_000,
  failures: 0,
  window: {
    start: 1_700_000_000_000,
    end: 1_700_000_100_000,
    pickedAt: 1_700_000_050_000,
    explanationUrl: "https://ca.example/why",
  },
  hurriedAt: 1_700_000_020_000,
};

test("the renewal advice outlives a new certificate, which tells by the serial that it is old", async () => {
  await using opened = await openStorage();
  const { certificates, renewalInfos } = opened.storage;
  assert.equal(await renewalInfos.load(host), undefined);
  await certificates.save(host, certificateFor(host), { issuer: directory });
  await renewalInfos.save(host, info);
  await certificates.save(host, certificateFor(host), { issuer: directory });
  assert.deepEqual(await renewalInfos.load(host), info);
});

test("that a CA gave no window is remembered too", async () => {
  await using opened = await openStorage();
  const { certificates, renewalInfos } = opened.storage;
  await certificates.save(host, certificateFor(host), { issuer: directory });
  const none = { ...info, failures: 3, window: undefined, hurriedAt: undefined };
  await renewalInfos.save(host, none);
  assert.deepEqual(await renewalInfos.load(host), none);
});

test("S12: neither advice nor a command's run brings back the folder of a certificate that was deleted", async () => {
  await using opened = await openStorage();
  const { certificates, renewalInfos, commandRuns } = opened.storage;
  await certificates.save(host, certificateFor(host), { issuer: directory });
  await rm(join(certificates.folder, host), { recursive: true });
  await renewalInfos.save(host, info);
  const run = { serial: "03ab", failures: 0, nextAttemptAt: undefined, detail: undefined };
  await commandRuns.save(host, run);
  assert.deepEqual(await certificates.list(), []);
});

const broken = [
  { name: "is empty", change: () => "" },
  { name: "has no next look", change: () => '{"version":1,"serial":"03ab"}' },
  {
    name: "ends before it starts",
    change: (text: string) => text.replace(/"end": "\d+/, '"end": "1999'),
  },
  {
    name: "picks a moment outside its window",
    change: (text: string) => text.replace(/"pickedAt": "\d+/, '"pickedAt": "2037'),
  },
];

for (const { name, change } of broken) {
  test(`renewal advice that ${name} is moved aside; the certificate stays`, async () => {
    await using opened = await openStorage();
    const { certificates, renewalInfos } = opened.storage;
    const saved = await certificates.save(host, certificateFor(host), { issuer: directory });
    await renewalInfos.save(host, info);
    const path = join(certificates.folder, host, "renewal.json");
    await writeFile(path, change(await readFile(path, "utf8")));
    assert.equal(await renewalInfos.load(host), undefined);
    assert.equal(opened.log.only("storage.quarantined")["host"], host);
    assert.deepEqual(await certificates.load(host), saved);
  });
}

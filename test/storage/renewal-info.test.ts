import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { certificateFor, directory, named, openStorage } from "../support/stored.ts";

const host = named("store.shop.example");
const info = {
  serial: "03ab",
  windowStart: 1_700_000_000_000,
  windowEnd: 1_700_000_100_000,
  pickedAt: 1_700_000_050_000,
  nextCheckAt: 1_700_000_010_000,
  explanationUrl: "https://ca.example/why",
};

test("the renewal advice outlives a new certificate, which tells by the serial that it is old", async () => {
  await using opened = await openStorage();
  const { certificates, renewalInfos } = opened.storage;
  assert.equal(await renewalInfos.load(host), undefined);
  await renewalInfos.save(host, info);
  await certificates.save(host, certificateFor(host), { issuer: directory });
  assert.deepEqual(await renewalInfos.load(host), info);
});

const broken = [
  { name: "is empty", change: () => "" },
  { name: "has no window", change: () => '{"version":1,"serial":"03ab"}' },
  {
    name: "ends before it starts",
    change: (text: string) => text.replace(/"windowEnd": "\d+/, '"windowEnd": "1999'),
  },
];

for (const { name, change } of broken) {
  test(`renewal advice that ${name} is moved aside; the certificate stays`, async () => {
    await using opened = await openStorage();
    const { certificates, renewalInfos } = opened.storage;
    const saved = await certificates.save(host, certificateFor(host), { issuer: directory });
    await renewalInfos.save(host, info);
    const path = join(certificates.folder, host, "renewal.json");
    await writeFile(path, change(JSON.stringify({ version: 1, ...infoOnDisk() }, undefined, 2)));
    assert.equal(await renewalInfos.load(host), undefined);
    assert.equal(opened.log.only("storage.quarantined")["host"], host);
    assert.deepEqual(await certificates.load(host), saved);
  });
}

function infoOnDisk() {
  const at = (ms: number) => new Date(ms).toISOString();
  return {
    serial: info.serial,
    windowStart: at(info.windowStart),
    windowEnd: at(info.windowEnd),
    pickedAt: at(info.pickedAt),
    nextCheckAt: at(info.nextCheckAt),
  };
}

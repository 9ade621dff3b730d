import assert from "node:assert/strict";
import { join } from "node:path";
import { after, test } from "node:test";
import { readCurrent } from "../../src/storage/read-certificate.ts";
import { HttpsAuthority } from "../support/https-authority.ts";
import { Issuing } from "../support/issuing.ts";
import { type SmallDisk, skipSmallDisk as skip, smallDisk } from "../support/small-disk.ts";
import { named } from "../support/stored.ts";

const host = named("store.shop.test");
const PAGE = 4_096;
const ca = await HttpsAuthority.start();
after(() => ca[Symbol.asyncDispose]());

function openOn(disk: SmallDisk): Promise<Issuing> {
  const root = join(disk.path, "storage");
  return Issuing.open({ root, hosts: [host], directory: ca.directory, ca: ca.address });
}

test("S1: a disk with room for less than an issuance asks nothing of the CA, one with more has the certificate", {
  skip,
}, async (t) => {
  const pages: number[] = [];
  for (let left = 0; left <= 24; left += 1) {
    await using disk = await smallDisk();
    await using issuing = await openOn(disk);
    ca.hooks = {};
    const before = ca.requests.length;
    await disk.fill(left * PAGE);
    await issuing.run();
    const { event } = await issuing.log.first("certificate.failed", "certificate.stored");
    await issuing.settled();
    if (event === "certificate.stored") pages.push(left);
    else assert.equal(ca.requests.length, before, `asked with ${left} pages left`);
  }
  t.diagnostic(`the first with a certificate had ${pages[0]} pages`);
  assert.ok(pages.length > 0 && pages.length < 25);
});

for (const path of ["/finalize/", "/certificate/"]) {
  for (let left = 0; left <= 4; left += 1) {
    test(`S2: a disk that has ${left} pages left at ${path} serves from memory and saves later, with one order`, {
      skip,
    }, async () => {
      await using disk = await smallDisk();
      await using issuing = await openOn(disk);
      const before = ca.orders;
      ca.hooks = {
        before: (asked) => (asked.startsWith(path) ? disk.fill(left * PAGE) : undefined),
      };
      await issuing.run();
      const { event } = await issuing.log.first("certificate.swapped", "certificate.failed");
      assert.equal(event, "certificate.swapped");
      if (left <= 2) {
        assert.equal((await issuing.floor.need(host)).kind, "held");
        assert.equal(await readCurrent(issuing.storage.certificates.folder, host), undefined);
        assert.equal(issuing.floor.state.unsaved.length, 1);
      }
      await disk.free();
      await issuing.log.first("certificate.stored");
      const stored = await readCurrent(issuing.storage.certificates.folder, host);
      assert.equal(stored?.credential.serial, issuing.floor.list()[0]?.serial);
      assert.equal(ca.orders - before, 1);
      assert.deepEqual(await issuing.storage.orders.list(), []);
    });
  }
}

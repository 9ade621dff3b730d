import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { Latchkey } from "../support/latchkey.ts";
import { skipSmallDisk, smallDisk } from "../support/small-disk.ts";
import { type Handshake, shakeHands } from "../support/visitor.ts";

const hosts = (...names: readonly string[]) =>
  `workers: 1\nhosts:\n${names.map((name) => `  ${name}: { respond: ok }`).join("\n")}\n`;

const config = hosts("old.localhost", "new.localhost");

test("S5: a storage that cannot be written is served from, and nothing is ordered", {
  skip: skipSmallDisk,
}, async (t) => {
  await using disk = await smallDisk();
  const storage = join(disk.path, "storage");
  let known: Handshake;
  {
    await using first = await Latchkey.start({ config: hosts("old.localhost"), storage });
    await first.event("certificate.swapped");
    known = await shakeHands(first, "old.localhost");
    assert.equal(await first.stop(), 0);
  }

  await t.test("full", async () => {
    await disk.fill(0);
    await using latchkey = await Latchkey.start({ config, storage });
    await servesOldOrdersNothing(latchkey, known);
    const { hosts: rows } = await latchkey.status();
    assert.deepEqual(
      rows.map(({ host, state }) => `${host} ${state}`),
      ["old.localhost valid", "new.localhost failed"],
    );
    assert.match(rows[1]?.lastError?.hint ?? "", /Free space/);
    await latchkey.stop();
    await disk.free();
  });

  await t.test("read-only", async () => {
    disk.remount("ro");
    await using latchkey = await Latchkey.start({ config, storage });
    await servesOldOrdersNothing(latchkey, known);
    await latchkey.event("admin.unavailable");
    await latchkey.stop();
  });
});

async function servesOldOrdersNothing(latchkey: Latchkey, known: Handshake): Promise<void> {
  assert.deepEqual(await shakeHands(latchkey, "old.localhost"), known);
  const failed = await latchkey.event("certificate.failed");
  assert.deepEqual([failed["host"], failed["code"]], ["new.localhost", "STORAGE_FAILED"]);
  assert.deepEqual(await shakeHands(latchkey, "new.localhost"), { alert: 80 });
  assert.equal(latchkey.count("order.created"), 0);
}

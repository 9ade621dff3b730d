import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { CaWorld, settledRow } from "../support/ca-world.ts";
import type { Latchkey } from "../support/latchkey.ts";
import { startLoad } from "../support/load.ts";
import { handshake } from "../support/visit.ts";

const HOST = "a.shop.example";
const RENEWALS = 2;

test("certificates of a minute are renewed and swapped under load, with no failed handshake, and kept when the CA is gone", async () => {
  await using world = await CaWorld.start({ validitySeconds: 60 });
  const root = await world.pebble.roots();
  await using latchkey = await world.start(`
workers: 2
acme: { issuers: [${world.issuer()}] }
renewal: { at: 85%, checkEvery: 1s }
hosts: { ${HOST}: { respond: ok } }`);
  await latchkey.event("certificate.swapped");

  await using load = startLoad(world.httpsPort, [HOST], root);
  const serials = [(await settledRow(latchkey, HOST)).serial];
  for (let renewal = 1; renewal <= RENEWALS; renewal += 1) {
    const { serial } = await latchkey.nextEvent("certificate.swapped");
    assert.deepEqual(await servedNow(world.httpsPort, root), [serial]);
    const row = await settledRow(latchkey, HOST);
    assert.deepEqual([row.state, row.serial, row.servedSerial], ["valid", serial, serial]);
    assert.equal(await storedSerial(latchkey), serial);
    serials.push(row.serial);
  }
  const { count, failed, seen } = await load.stop();
  assert.deepEqual(failed, [], `of ${count} handshakes`);
  assert.deepEqual(
    [...(seen.get(HOST) ?? [])],
    serials,
    "every certificate was served, each in its time",
  );
  assert.equal(new Set(serials).size, RENEWALS + 1);
  for (const event of ["certificate.mismatch", "certificate.swap-incomplete", "connection.refused"])
    assert.equal(latchkey.count(event), 0, event);

  world.gate.shut();
  await latchkey.event("certificate.failed");
  const row = await settledRow(latchkey, HOST);
  assert.deepEqual([row.state, row.lastError?.type], ["failing", "ACME_UNREACHABLE"]);
  assert.equal((await handshake(world.httpsPort, HOST, root)).serial, row.serial);
});

/** The serials that visitors meet from now on, so many of them that each worker has its share. */
async function servedNow(port: number, root: string): Promise<string[]> {
  const serials = new Set<string>();
  for (let visit = 0; visit < 40; visit += 1)
    serials.add((await handshake(port, HOST, root)).serial);
  return [...serials];
}

async function storedSerial({ storage }: Latchkey): Promise<string> {
  const file = join(storage, "certificates", HOST, "current", "meta.json");
  return JSON.parse(await readFile(file, "utf8")).serial;
}

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { CaWorld, settledRow } from "../support/ca-world.ts";
import { handshake, refusal } from "../support/visit.ts";

const HOST = "a.shop.example";

test("C1: a CA that is down is not asked again before its time, not even after a restart, and then it issues", async () => {
  await using world = await CaWorld.start();
  const config = `workers: 1\nacme: { issuers: [${world.issuer()}] }\nhosts: { ${HOST}: { respond: ok } }`;
  const storage = join(world.folder, "storage");
  const memory = join(storage, "attempts", `${HOST}.json`);

  world.gate.shut();
  await using first = await world.start(config, { storage });
  await first.event("certificate.failed");
  const row = await settledRow(first, HOST);
  assert.equal(row.state, "failed");
  assert.equal(row.attempts, 1);
  assert.equal(row.lastError?.type, "ACME_UNREACHABLE");
  assert.match(row.lastError?.hint ?? "", /network/);
  const waitMs = Date.parse(row.nextAttemptAt ?? "") - Date.parse(row.lastError?.at ?? "");
  assert.ok(waitMs >= 54_000 && waitMs <= 66_000, `the next attempt is in ${waitMs} ms`);
  await assertRefusedAtOnce(world);
  assert.equal(await first.stop(), 0);

  const told = await certs(first.file);
  assert.equal(told.status, 1);
  assert.deepEqual(told.hosts[0]?.lastError, row.lastError);
  assert.equal(told.hosts[0]?.nextAttemptAt, row.nextAttemptAt);

  world.gate.open();
  world.gate.connections = 0;
  await using second = await world.start(config, { storage });
  await assertRefusedAtOnce(world);
  assert.deepEqual(await settledRow(second, HOST), row);
  assert.equal(await second.stop(), 0);
  assert.equal(world.gate.connections, 0);
  await second[Symbol.asyncDispose]();

  const remembered = await readFile(memory, "utf8");
  const now = new Date().toISOString();
  await writeFile(memory, remembered.replace(row.nextAttemptAt ?? "", now), { mode: 0o600 });
  await using third = await world.start(config, { storage });
  await third.event("certificate.swapped");
  const { state, attempts, lastError, serial } = await settledRow(third, HOST);
  assert.deepEqual([state, attempts, lastError], ["valid", 0, null]);
  const root = await world.pebble.roots();
  assert.equal((await handshake(world.httpsPort, HOST, root)).serial, serial);
  await assert.rejects(readFile(memory), { code: "ENOENT" });
});

async function assertRefusedAtOnce(world: CaWorld): Promise<void> {
  const { alert, durationMs } = await refusal(world.httpsPort, HOST);
  assert.equal(alert, 80);
  assert.ok(durationMs < 5_000, `the handshake waited ${durationMs} ms`);
}

/** What `latchkey certs` says while nothing runs. */
async function certs(file: string) {
  const args = ["src/latchkey.sh", "certs", "--json", "--config", file];
  const { status, stdout } = spawnSync("sh", args, { encoding: "utf8", timeout: 20_000 });
  return { status, hosts: JSON.parse(stdout).hosts };
}

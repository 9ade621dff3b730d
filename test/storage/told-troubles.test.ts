import assert from "node:assert/strict";
import { readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import type { ToldTrouble } from "../../src/storage/told-troubles.ts";
import { openStorage } from "../support/stored.ts";

const told: readonly ToldTrouble[] = [
  {
    key: "renewal.failing a.example",
    kind: "renewal.failing",
    host: "a.example",
    severity: "warning",
    message: "The renewal of a.example fails",
    since: Date.UTC(2026, 10, 23, 5),
    state: "begun",
    toldAt: Date.UTC(2026, 10, 23, 6),
    isDelivered: true,
    endedAt: undefined,
  },
  {
    key: "storage.unwritable",
    kind: "storage.unwritable",
    host: undefined,
    severity: "critical",
    message: "The storage cannot be written",
    since: Date.UTC(2026, 10, 23, 5),
    state: undefined,
    toldAt: undefined,
    isDelivered: false,
    endedAt: Date.UTC(2026, 10, 23, 7),
  },
];

test("what was told comes back as it was saved, from a file that nobody else may read", async () => {
  await using opened = await openStorage();
  const { storage } = opened;
  assert.deepEqual(await storage.toldTroubles.of("webhook").load(), []);
  await storage.toldTroubles.of("webhook").save(told);
  assert.deepEqual(await storage.toldTroubles.of("webhook").load(), told);
  const { mode } = await stat(join(storage.root, "alerts.json"));
  assert.equal(mode & 0o777, 0o600);
});

test("each channel has heard what it has heard", async () => {
  await using opened = await openStorage();
  const [webhook, exec] = [told.slice(0, 1), told.slice(1)];
  const { toldTroubles } = opened.storage;
  await Promise.all([toldTroubles.of("webhook").save(webhook), toldTroubles.of("exec").save(exec)]);
  const next = (await opened.reopen()).toldTroubles;
  assert.deepEqual(await next.of("webhook").load(), webhook);
  assert.deepEqual(await next.of("exec").load(), exec);
});

test("what a program before told counts for every channel", async () => {
  await using opened = await openStorage();
  const path = join(opened.root, "alerts.json");
  await opened.storage.toldTroubles.of("exec").save(told);
  const { channels, version } = JSON.parse(await readFile(path, "utf8"));
  await writeFile(path, JSON.stringify({ version, troubles: channels.exec }));
  const { toldTroubles } = await opened.reopen();
  assert.deepEqual(await toldTroubles.of("webhook").load(), told);
  assert.deepEqual(await toldTroubles.of("exec").load(), told);
});

const broken: readonly (readonly [what: string, change: (text: string) => string])[] = [
  ["cut off", (text) => text.slice(0, 100)],
  ["of an unknown kind", (text) => text.replace("renewal.failing a", "moon.rising a")],
  ["of an unknown severity", (text) => text.replace('"warning"', '"grave"')],
  ["of an unknown state", (text) => text.replace('"begun"', '"gone"')],
];

for (const [what, change] of broken) {
  test(`a file ${what} is set aside, and nothing counts as told`, async () => {
    await using opened = await openStorage();
    const { storage } = opened;
    await storage.toldTroubles.of("webhook").save(told);
    const path = join(storage.root, "alerts.json");
    await writeFile(path, change(await readFile(path, "utf8")));
    assert.deepEqual(await storage.toldTroubles.of("webhook").load(), []);
    await assert.rejects(stat(path), { code: "ENOENT" });
  });
}

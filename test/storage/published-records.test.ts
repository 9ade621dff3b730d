import assert from "node:assert/strict";
import { readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { named, openStorage } from "../support/stored.ts";

const host = named("shop.example");
const name = "_acme-challenge.shop.example";
const one = { certificate: host, name, value: "one" };
const other = { certificate: `*.${host}`, name, value: "other" } as const;

test("records are noted one by one, and forgotten one by one", async () => {
  await using opened = await openStorage();
  const { publishedRecords } = opened.storage;
  assert.deepEqual(await publishedRecords.all(), []);
  await publishedRecords.save(one);
  await publishedRecords.save(other);
  await publishedRecords.save(one);
  const values = (await publishedRecords.all()).map(({ value }) => value).sort();
  assert.deepEqual(values, ["one", "other"]);
  await publishedRecords.remove(one);
  await publishedRecords.remove(one);
  assert.deepEqual(await publishedRecords.all(), [other]);
  const later = await opened.reopen();
  assert.deepEqual(await later.publishedRecords.all(), [other]);
});

test("a broken note is moved aside, and the others are there", async () => {
  await using opened = await openStorage();
  const { publishedRecords } = opened.storage;
  await publishedRecords.save(one);
  await writeFile(join(opened.root, "dns", `${"0".repeat(32)}.json`), "{");
  assert.deepEqual(await publishedRecords.all(), [one]);
  opened.log.only("storage.quarantined");
  assert.equal((await readdir(join(opened.root, "dns"))).length, 1);
});

test("without the lease nothing is noted", async () => {
  await using opened = await openStorage();
  const reader = await opened.reopen();
  await assert.rejects(reader.publishedRecords.save(one), { code: "STORAGE_LOCKED" });
});

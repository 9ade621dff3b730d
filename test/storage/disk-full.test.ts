import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { writeFileAtomically } from "../../src/storage/atomic-write.ts";
import { readCurrent } from "../../src/storage/read-certificate.ts";
import { Storage } from "../../src/storage/storage.ts";
import { pathsOf } from "../support/folders.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { skipSmallDisk as skip, smallDisk } from "../support/small-disk.ts";
import { certificateFor, directory, keptLog, named } from "../support/stored.ts";

const host = named("store.shop.example");
const issuer = { issuer: directory };

async function openOn(path: string) {
  const root = join(path, "storage");
  const clock = new ManualClock();
  const log = keptLog();
  const storage = await Storage.open({ root, clock, log });
  return { root, clock, log, storage };
}

async function openToWrite(path: string) {
  const opened = await openOn(path);
  await opened.storage.acquire(new AbortController().signal);
  return opened;
}

test("S3: a file that does not fit on the disk leaves the old one, byte by byte", {
  skip,
}, async () => {
  await using disk = await smallDisk();
  const path = join(disk.path, "file");
  await writeFileAtomically(path, "old");
  for (const leave of [0, 4_096, 8_192, 40_960]) {
    await disk.free();
    await disk.fill(leave);
    await assert.rejects(writeFileAtomically(path, Buffer.alloc(60_000, 1)), {
      code: "STORAGE_FAILED",
    });
    assert.equal(await readFile(path, "utf8"), "old");
    assert.deepEqual(await pathsOf(disk.path), ["file", "filler"]);
  }
});

test("on a full disk the probe fails, the old certificate serves, and freed space is used", {
  skip,
}, async () => {
  await using disk = await smallDisk();
  await using storage = (await openToWrite(disk.path)).storage;
  const { certificates } = storage;
  await storage.probe();
  const old = await certificates.save(host, certificateFor(host), issuer);
  const before = await pathsOf(storage.root);
  // From nothing at all to a page short of what one generation takes.
  for (const leave of [0, 4_096, 8_192]) {
    await disk.free();
    await disk.fill(leave);
    await assert.rejects(certificates.save(host, certificateFor(host), issuer), {
      code: "STORAGE_FAILED",
    });
    assert.deepEqual(await readCurrent(certificates.folder, host), old);
    assert.deepEqual(await pathsOf(storage.root), before);
  }
  await assert.rejects(storage.probe(), { code: "STORAGE_FAILED" });
  assert.equal(storage.writable, false);
  await disk.free();
  await storage.probe();
  assert.equal(storage.writable, true);
  const saved = await certificates.save(host, certificateFor(host), issuer);
  assert.deepEqual(await readCurrent(certificates.folder, host), saved);
});

test("a full disk is told once when it is found and once when there is space", {
  skip,
}, async () => {
  await using disk = await smallDisk();
  const { storage, log } = await openToWrite(disk.path);
  await disk.fill(0);
  for (let probes = 0; probes < 3; probes += 1) {
    await assert.rejects(storage.probe(), { code: "STORAGE_FAILED" });
  }
  await disk.free();
  await storage.probe();
  await storage.close();
  assert.deepEqual(
    log.events.map(({ event }) => event),
    ["storage.readonly", "storage.writable"],
  );
  assert.match(String(log.only("storage.readonly")["message"]), /the disk is full/);
});

test("a heartbeat needs no space", { skip }, async () => {
  await using disk = await smallDisk();
  const { storage, clock, log } = await openToWrite(disk.path);
  await disk.fill(0);
  await clock.asleep(1);
  clock.advance(5_000);
  await clock.asleep(1);
  const lock = JSON.parse(await readFile(join(storage.root, "lock"), "utf8"));
  assert.equal(lock.heartbeatAt, new Date(clock.now()).toISOString());
  await storage.close();
  assert.deepEqual(log.events, []);
});

test("a storage on a full disk opens, serves what it has, and takes over once there is space", {
  skip,
}, async () => {
  await using disk = await smallDisk();
  await disk.fill(0);
  const { storage, root } = await openOn(disk.path);
  assert.deepEqual(await storage.certificates.list(), []);
  await disk.free();
  await storage.acquire(new AbortController().signal);
  await storage.certificates.save(host, certificateFor(host), issuer);
  assert.equal((await readFile(join(root, "FORMAT"), "utf8")).trim(), "1");
  await storage.close();
});

test("S5: a read-only storage opens and serves, a broken host included, and writes nothing", {
  skip,
}, async () => {
  await using disk = await smallDisk();
  const first = await openToWrite(disk.path);
  const old = await first.storage.certificates.save(host, certificateFor(host), issuer);
  await first.storage.certificates.save(host, certificateFor(host), issuer);
  await writeFile(join(first.root, "certificates", host, "000002/key.pem"), "");
  await first.storage.close();
  disk.remount("ro");
  const { storage, log } = await openOn(disk.path);
  assert.equal(storage.writable, false);
  assert.match(String(log.only("storage.readonly")["message"]), /read-only/);
  assert.deepEqual(await storage.certificates.load(host), { ...old, fellBack: true });
  await assert.rejects(storage.probe(), { code: "STORAGE_FAILED" });
  await assert.rejects(storage.acquire(new AbortController().signal), { code: "STORAGE_FAILED" });
  disk.remount("rw");
  await storage.acquire(new AbortController().signal);
  await storage.probe();
  assert.deepEqual(await storage.certificates.load(host), { ...old, fellBack: true });
  assert.deepEqual(await storage.certificates.load(host), old);
  await storage.close();
});

import assert from "node:assert/strict";
import { chmod, mkdir, readdir, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { systemClock } from "../../src/base/clock.ts";
import { formatLock } from "../../src/storage/lock-record.ts";
import { type FolderSight, lookAtStorage } from "../../src/storage/look.ts";
import { Storage } from "../../src/storage/storage.ts";
import { KeptLog } from "../support/authority-world.ts";
import { temporaryFolder } from "../support/folders.ts";

const look = async (path: string, tryWriting = true): Promise<FolderSight> =>
  (await lookAtStorage(path, { tryWriting, now: systemClock.now() })).folder;

function there(folder: FolderSight): Extract<FolderSight, { kind: "there" }> {
  assert.equal(folder.kind, "there");
  return folder as Extract<FolderSight, { kind: "there" }>;
}

test("a storage in use is seen with its holder, and is left as it was", async () => {
  await using folder = await temporaryFolder();
  const root = join(folder.path, "storage");
  await using storage = await Storage.open({ root, clock: systemClock, log: new KeptLog() });
  const before = there(await look(root));
  assert.deepEqual(
    [before.uid, before.mode, before.unwritable, before.holder, before.quarantined],
    [process.geteuid?.(), 0o700, undefined, undefined, 0],
  );
  assert.ok(before.freeBytes > 0);
  await storage.acquire(AbortSignal.timeout(20_000));
  await writeFile(join(root, "quarantine", "old"), "");
  const files = await readdir(root);
  const during = there(await look(root));
  assert.deepEqual(during.holder, { pid: process.pid, host: hostname(), isAlive: true });
  assert.equal(during.quarantined, 1);
  assert.deepEqual(await readdir(root), files);
});

test("a storage that is missing is told apart from one that cannot be made", async () => {
  await using folder = await temporaryFolder();
  assert.deepEqual(await look(join(folder.path, "a", "b")), { kind: "missing", why: undefined });
  await writeFile(join(folder.path, "file"), "");
  const impossible = await look(join(folder.path, "file", "storage"));
  assert.equal(impossible.kind, "unusable");
  const proc = await look("/proc/none/storage");
  assert.equal(proc.kind, "missing");
});

test("a storage of a newer format, or that is a file, can never be used", async () => {
  await using folder = await temporaryFolder();
  const root = join(folder.path, "storage");
  await mkdir(root);
  await writeFile(join(root, "FORMAT"), "999\n");
  const newer = await look(root);
  assert.equal(newer.kind, "unusable");
  assert.match(newer.kind === "unusable" ? newer.why : "", /newer Latchkey/);
  await writeFile(join(folder.path, "file"), "");
  assert.equal((await look(join(folder.path, "file"))).kind, "unusable");
});

test("modes are told as they are", async () => {
  await using folder = await temporaryFolder();
  await chmod(folder.path, 0o755);
  assert.equal(there(await look(folder.path, false)).mode, 0o755);
});

test("a holder in another container is not taken for one that lives for certain", async () => {
  await using folder = await temporaryFolder();
  const lock = { owner: "x", pid: process.pid, host: "elsewhere", place: "b", started: "1" };
  const record = { ...lock, fencing: 1, heartbeatAt: systemClock.now(), isReleased: false };
  await writeFile(join(folder.path, "lock"), formatLock(record));
  const { holder } = there(await look(folder.path));
  assert.deepEqual(holder, { pid: process.pid, host: "elsewhere", isAlive: false });
});

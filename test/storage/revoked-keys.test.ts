import assert from "node:assert/strict";
import { rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { entriesOfStorage } from "../../src/storage/backup.ts";
import { fingerprintOf } from "../../src/storage/key-file.ts";
import { restoreStorage } from "../../src/storage/restore.ts";
import type { RevokedKey } from "../../src/storage/revoked-keys.ts";
import { pathsOf } from "../support/folders.ts";
import { certificateFor, directory, named, openStorage } from "../support/stored.ts";

const host = named("shop.example");
const issuer = { issuer: directory };
const [old, young] = [certificateFor(host), certificateFor(host)];

const revoked = (key: string, more: Partial<RevokedKey> = {}): RevokedKey => ({
  ...{ fingerprint: fingerprintOf(key), host, isInUse: false, untold: undefined },
  ...more,
});

async function filled() {
  const opened = await openStorage();
  await opened.storage.certificates.save(host, old, issuer);
  await opened.storage.certificates.save(host, young, issuer);
  return opened;
}

test("what is known of a revoked key is there again after a restart, the key is not", async () => {
  await using opened = await openStorage();
  const untold = { ...issuer, serial: "01", chain: old.chain, reason: "keyCompromise" };
  const known = revoked(old.key, { isInUse: true, untold });
  await opened.storage.revokedKeys.save(known);
  const { revokedKeys } = await opened.reopen();
  await revokedKeys.open();
  assert.deepEqual(revokedKeys.find(old.key), known);
  assert.equal(revokedKeys.find(young.key), undefined);
});

test("a file that cannot be read still keeps its key out", async () => {
  await using opened = await openStorage();
  await opened.storage.revokedKeys.save(revoked(old.key));
  await writeFile(join(opened.root, "revoked", `${fingerprintOf(old.key)}.json`), "{");
  const { revokedKeys } = await opened.reopen();
  await revokedKeys.open();
  assert.equal(revokedKeys.refuse(old.key, true), "its key was revoked");
});

test("nobody falls back to a certificate whose key was revoked", async () => {
  await using opened = await filled();
  const { certificates, revokedKeys } = opened.storage;
  await revokedKeys.save(revoked(old.key));
  const current = join(opened.root, "certificates", host, "current");
  await rm(join(opened.root, "certificates", host, "000002"), { recursive: true });
  assert.equal(await certificates.load(host), undefined);
  await rm(current);
  await symlink("000001", current);
  assert.equal(await certificates.load(host), undefined, "nor when somebody makes it current");
});

test("one that is in use until there is another is loaded as long as it is the current one", async () => {
  await using opened = await filled();
  const { certificates, revokedKeys } = opened.storage;
  for (const { key } of [old, young]) await revokedKeys.save(revoked(key, { isInUse: true }));
  await certificates.expelRevoked(host);
  assert.equal((await certificates.load(host))?.credential.key, young.key);
  const kept = await pathsOf(join(opened.root, "certificates", host));
  assert.deepEqual(
    kept.filter((path) => path.startsWith("000001")),
    [],
  );
});

test("a backup from before a revocation does not bring the key back, and adds what it knows to be revoked", async () => {
  await using opened = await filled();
  const { certificates, revokedKeys } = opened.storage;
  const other = certificateFor(host);
  await revokedKeys.save(revoked(other.key));
  const backup = await Array.fromAsync(entriesOfStorage(opened.root));
  await rm(join(opened.root, "revoked", `${fingerprintOf(other.key)}.json`));
  for (const { key } of [old, young]) await revokedKeys.save(revoked(key));
  await restoreStorage(opened.storage, entriesIn(backup), true);
  await opened.storage.close();
  await using again = await opened.reopen();
  await again.acquire(new AbortController().signal);
  await again.certificates.expelAllRevoked();
  assert.deepEqual(
    [old, young, other].map(({ key }) => again.revokedKeys.refuse(key, true)),
    Array(3).fill("its key was revoked"),
  );
  assert.equal(await certificates.load(host), undefined);
  const kept = await pathsOf(join(opened.root, "certificates", host));
  assert.deepEqual(
    kept.filter((path) => path.includes("key.pem")),
    [],
  );
});

test("a backup goes into a storage in which nothing was ever revoked", async () => {
  await using opened = await openStorage();
  const entries = entriesIn([
    { kind: "file", path: "FORMAT", data: Buffer.from("1\n") },
    { kind: "file", path: "budgets.json", data: Buffer.from("{}") },
  ] as const);
  assert.equal(await restoreStorage(opened.storage, entries, false), 2);
});

test("files that were deleted while the program runs are written again", async () => {
  await using opened = await openStorage();
  await opened.storage.revokedKeys.save(revoked(old.key));
  await rm(join(opened.root, "revoked"), { recursive: true });
  await opened.storage.revokedKeys.restore();
  const { revokedKeys } = await opened.reopen();
  await revokedKeys.open();
  assert.deepEqual(revokedKeys.find(old.key), revoked(old.key));
});

async function* entriesIn<Entry>(entries: readonly Entry[]): AsyncGenerator<Entry> {
  yield* entries;
}

import assert from "node:assert/strict";
import { stat, symlink } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { openStorage } from "../support/stored.ts";

test("the authority's files are written 0600 and read back by name", async () => {
  await using opened = await openStorage();
  const { authority } = opened.storage;
  assert.equal(await authority.read("root.pem"), undefined);
  await authority.write("root.pem", "one");
  await authority.write("root.pem", Buffer.from("two"));
  assert.equal((await authority.read("root.pem"))?.toString(), "two");
  assert.equal((await stat(join(opened.root, "authority/root.pem"))).mode & 0o777, 0o600);
});

test("a link in the place of an authority's file is not followed", async () => {
  await using opened = await openStorage();
  await symlink("/etc/hostname", join(opened.root, "authority/root.key"));
  await assert.rejects(opened.storage.authority.read("root.key"), { code: "STORAGE_CORRUPT" });
});

for (const name of [
  "",
  ".",
  "..",
  "../lock",
  "a/b",
  ".tmp-1",
  "Root.pem",
  "a\0",
  "a b",
  "a".repeat(101),
]) {
  test(`${JSON.stringify(name.slice(0, 20))} names no file of the authority`, async () => {
    await using opened = await openStorage();
    await assert.rejects(opened.storage.authority.read(name), TypeError);
    await assert.rejects(opened.storage.authority.write(name, "x"), TypeError);
  });
}

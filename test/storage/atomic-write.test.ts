import assert from "node:assert/strict";
import { lstat, mkdir, readFile, readlink, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import {
  type ByteSink,
  ensureFolder,
  removeLeftovers,
  replaceSymlink,
  tryWrite,
  writeAll,
  writeFileAtomically,
  writeFolderAtomically,
} from "../../src/storage/atomic-write.ts";
import { entriesOf, pathsOf, temporaryFolder } from "../support/folders.ts";

test("a file is replaced whole, and nothing else is left in its folder", async () => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, "a.json");
  await writeFileAtomically(path, "old");
  await writeFileAtomically(path, Buffer.alloc(300_000, 7));
  assert.deepEqual(await readFile(path), Buffer.alloc(300_000, 7));
  assert.deepEqual(await pathsOf(folder.path), ["a.json"]);
});

for (const umask of [0o000, 0o077, 0o277]) {
  test(`files are 0600 and folders 0700 under umask ${umask.toString(8)}`, async (t) => {
    await using folder = await temporaryFolder();
    const before = process.umask(umask);
    t.after(() => process.umask(before));
    const inner = await ensureFolder(folder.path, "a", "b");
    await writeFileAtomically(join(inner, "file"), "x");
    await writeFolderAtomically(join(inner, "000001"), { "key.pem": "x" });
    process.umask(before);
    for (const { path, kind, mode } of await entriesOf(folder.path)) {
      assert.equal(mode, kind === "folder" ? 0o700 : 0o600, path);
    }
  });
}

test("a link planted in the place of a file is replaced, not followed", async () => {
  await using folder = await temporaryFolder();
  const victim = join(folder.path, "victim");
  await writeFile(victim, "precious");
  await symlink(victim, join(folder.path, "a.json"));
  await writeFileAtomically(join(folder.path, "a.json"), "ours");
  assert.equal(await readFile(victim, "utf8"), "precious");
  assert.ok((await lstat(join(folder.path, "a.json"))).isFile());
});

test("a link planted in the place of a folder is refused", async () => {
  await using folder = await temporaryFolder();
  await mkdir(join(folder.path, "elsewhere"));
  await symlink(join(folder.path, "elsewhere"), join(folder.path, "host"));
  await assert.rejects(ensureFolder(folder.path, "host", "inner"), { code: "STORAGE_CORRUPT" });
  assert.deepEqual(await pathsOf(join(folder.path, "elsewhere")), []);
});

test("a write that cannot be finished leaves what was there, and nothing of its own", async () => {
  await using folder = await temporaryFolder();
  await mkdir(join(folder.path, "taken"));
  await writeFile(join(folder.path, "taken", "inner"), "stays");
  const attempts = [
    () => writeFileAtomically(join(folder.path, "taken"), "x"),
    () => writeFolderAtomically(join(folder.path, "taken"), { a: "x" }),
    () => replaceSymlink(join(folder.path, "taken"), "000001"),
    () => writeFileAtomically(join(folder.path, "missing", "a"), "x"),
    () => tryWrite(join(folder.path, "missing"), Buffer.from("x")),
  ];
  for (const attempt of attempts) await assert.rejects(attempt, { code: "STORAGE_FAILED" });
  assert.deepEqual(await pathsOf(folder.path), ["taken", "taken/inner"]);
});

test("a link is replaced at once", async () => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, "current");
  await replaceSymlink(path, "000001");
  await replaceSymlink(path, "000002");
  assert.equal(await readlink(path), "000002");
  assert.deepEqual(await pathsOf(folder.path), ["current"]);
});

test("S3: bytes that the system takes a few at a time are all written, in order", async () => {
  const positions: number[] = [];
  const written: number[] = [];
  const slow: ByteSink = {
    write: async (bytes, offset, length, position) => {
      const bytesWritten = Math.min(3, length);
      positions.push(position);
      written.push(...bytes.subarray(offset, offset + bytesWritten));
      return { bytesWritten };
    },
  };
  await writeAll(slow, Buffer.from("abcdefgh"));
  assert.deepEqual(positions, [0, 3, 6]);
  assert.equal(Buffer.from(written).toString(), "abcdefgh");
});

test("S3: a disk that takes no byte and reports no error is a failure", async () => {
  const full: ByteSink = { write: async () => ({ bytesWritten: 0 }) };
  await assert.rejects(writeAll(full, Buffer.from("a")), { code: "STORAGE_FAILED" });
});

test("what a killed program left half written is removed, and nothing else", async () => {
  await using folder = await temporaryFolder();
  await mkdir(join(folder.path, ".tmp-00000000-1"));
  await writeFile(join(folder.path, ".tmp-00000000-1", "key.pem"), "half");
  await writeFile(join(folder.path, ".tmp-00000000-2"), "half");
  await writeFile(join(folder.path, "kept"), "x");
  await removeLeftovers(folder.path);
  await removeLeftovers(join(folder.path, "missing"));
  assert.deepEqual(await pathsOf(folder.path), ["kept"]);
});

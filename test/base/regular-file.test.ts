import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { readRegularFile } from "../../src/base/regular-file.ts";
import { temporaryFolder } from "../support/folders.ts";

const MAX_BYTES = 1_000;
const FOLLOWED = { links: "followed" } as const;
const REFUSED = { links: "refused" } as const;

test("what is no file, or too large, is neither waited for nor read", async () => {
  await using folder = await temporaryFolder();
  const at = (name: string) => join(folder.path, name);
  execFileSync("mkfifo", [at("fifo")]);
  mkdirSync(at("folder"));
  writeFileSync(at("large"), "");
  truncateSync(at("large"), 100_000_000);
  symlinkSync("/dev/zero", at("zeros"));
  symlinkSync("fifo", at("to-fifo"));
  await using server = createServer().listen(at("socket"));
  await once(server, "listening");
  const kinds = async (...paths: string[]) =>
    await Promise.all(
      paths.map(async (path) => (await readRegularFile(path, MAX_BYTES, FOLLOWED)).kind),
    );
  const others = ["fifo", "folder", "zeros", "to-fifo", "socket"].map(at);
  assert.deepEqual(await kinds("/dev/zero", ...others), Array(6).fill("not-a-file"));
  assert.deepEqual(await kinds(at("large")), ["too-large"]);
});

test("a file is read whole, up to as much as it may hold", async () => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, "full");
  const text = "x".repeat(MAX_BYTES);
  writeFileSync(path, text);
  assert.deepEqual(await readRegularFile(path, MAX_BYTES, REFUSED), {
    ...{ kind: "read", bytes: Buffer.from(text) },
  });
  writeFileSync(path, `${text}y`);
  assert.deepEqual(await readRegularFile(path, MAX_BYTES, REFUSED), { kind: "too-large" });
});

test("a link to a file is followed where links are, and refused where they are not", async () => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, "link");
  writeFileSync(join(folder.path, "file"), "text");
  symlinkSync("file", path);
  const reading = await readRegularFile(path, MAX_BYTES, FOLLOWED);
  assert.deepEqual(reading, { kind: "read", bytes: Buffer.from("text") });
  await assert.rejects(readRegularFile(path, MAX_BYTES, REFUSED), { code: "ELOOP" });
});

test("what the system says of a path that cannot be opened is passed on", async () => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, "nothing");
  await assert.rejects(readRegularFile(path, MAX_BYTES, FOLLOWED), { code: "ENOENT" });
});

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { truncateSync, writeFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { readPassphrase } from "../../src/cli/passphrase.ts";
import { temporaryFolder } from "../support/folders.ts";

test("a passphrase is read from a file, or from a pipe as shells make them, without its line end", async () => {
  await using folder = await temporaryFolder();
  const [file, pipe] = [join(folder.path, "file"), join(folder.path, "pipe")];
  writeFileSync(file, "open sesame\n");
  assert.equal(await readPassphrase(`file:${file}`, true), "open sesame");
  execFileSync("mkfifo", [pipe]);
  const written = writeFile(pipe, "open barley\n");
  assert.equal(await readPassphrase(`file:${pipe}`, true), "open barley");
  await written;
});

test("what has no end, or is longer than any passphrase, is not read to its end", async () => {
  await using folder = await temporaryFolder();
  const large = join(folder.path, "large");
  writeFileSync(large, "");
  truncateSync(large, 100_000_000);
  for (const path of ["/dev/zero", large]) {
    await assert.rejects(readPassphrase(`file:${path}`, false), {
      code: "PASSPHRASE_UNUSABLE",
      message: `Cannot use the passphrase: ${path} is larger than 4 KiB`,
    });
  }
});

test("a file that is not there, and an empty one, are no passphrase", async () => {
  await using folder = await temporaryFolder();
  writeFileSync(join(folder.path, "empty"), "\n");
  for (const name of ["missing", "empty"]) {
    const spec = `file:${join(folder.path, name)}`;
    await assert.rejects(readPassphrase(spec, false), { code: "PASSPHRASE_UNUSABLE" });
  }
});

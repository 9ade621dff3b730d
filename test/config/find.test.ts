import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { findConfigFile } from "../../src/config/find.ts";

test("the file that is named is taken, else config/latchkey.yaml, else it is missing", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "latchkey-find-"));
  t.after(() => rmSync(folder, { recursive: true }));
  await assert.rejects(findConfigFile("own.yaml", folder), { code: "CONFIG_MISSING" });
  mkdirSync(join(folder, "config"));
  writeFileSync(join(folder, "config/latchkey.yaml"), "");
  assert.equal(await findConfigFile(undefined, folder), "config/latchkey.yaml");
  await assert.rejects(findConfigFile("own.yaml", folder), { code: "CONFIG_MISSING" });
  writeFileSync(join(folder, "own.yaml"), "");
  assert.equal(await findConfigFile("own.yaml", folder), "own.yaml");
});

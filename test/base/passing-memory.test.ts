import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { pathToFileURL } from "node:url";

test("this V8 knows the flag by which it weighs passing memory", () => {
  const file = pathToFileURL("src/base/passing-memory.ts").href;
  const code = `import(${JSON.stringify(file)}).then(({ weighPassingMemory }) => weighPassingMemory())`;
  const { status, stderr } = spawnSync(process.execPath, ["-e", code], { encoding: "utf8" });
  assert.deepEqual({ status, stderr }, { status: 0, stderr: "" });
});

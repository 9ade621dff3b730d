import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { pathToFileURL } from "node:url";

test("this V8 knows the flags by which its collector is tuned", () => {
  const file = pathToFileURL("src/base/collector.ts").href;
  const code = `import(${JSON.stringify(file)}).then(({ tuneCollector }) => tuneCollector())`;
  const { status, stderr } = spawnSync(process.execPath, ["-e", code], { encoding: "utf8" });
  assert.deepEqual({ status, stderr }, { status: 0, stderr: "" });
});

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { Latchkey } from "../support/latchkey.ts";

const config = "workers: 1\nhosts: { up.localhost: { respond: ok } }";

test("a worker can read the program and the stored certificates, and nothing beside them", async () => {
  await using latchkey = await Latchkey.start({ config });
  const { workers } = await latchkey.status();
  const pid = workers[0]?.pid ?? assert.fail("no worker");
  const [node = "", ...args] = (await readFile(`/proc/${pid}/cmdline`, "utf8")).split("\0");
  const flags = args.filter((each) => each.startsWith("--"));
  const canRead = (path: string) => {
    const code = `require("node:fs").readdirSync(${JSON.stringify(path)})`;
    return spawnSync(node, [...flags, "--eval", code]).status === 0;
  };
  const checkout = join(import.meta.dirname, "../..");
  assert.ok(canRead(join(checkout, "src")));
  assert.ok(canRead(join(latchkey.storage, "certificates")));
  assert.ok(!canRead(join(latchkey.storage, "authority")));
  // A checkout's own storage lies inside of it.
  assert.ok(!canRead(join(checkout, "config")));
  assert.ok(!canRead(checkout));
});

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { temporaryFolder } from "../support/folders.ts";
import { Latchkey } from "../support/latchkey.ts";

const config = "workers: 1\nhosts: { up.localhost: { respond: ok } }";

test("a worker can read the program and the stored certificates, and nothing beside them", async () => {
  await using latchkey = await Latchkey.start({ config });
  const { workers } = await latchkey.status();
  const pid = workers[0]?.pid ?? assert.fail("no worker");
  const [node = "", ...args] = (await readFile(`/proc/${pid}/cmdline`, "utf8")).split("\0");
  const flags = args.filter((each) => each.startsWith("--"));
  const can = (code: string) => spawnSync(node, [...flags, "--eval", code]).status === 0;
  const canRead = (path: string) => can(`require("node:fs").readdirSync(${JSON.stringify(path)})`);
  const checkout = join(import.meta.dirname, "../..");
  assert.ok(canRead(join(checkout, "src")));
  assert.ok(canRead(join(latchkey.storage, "certificates")));
  assert.ok(!canRead(join(latchkey.storage, "authority")));
  // A checkout's own storage lies inside of it.
  assert.ok(!canRead(join(checkout, "config")));
  assert.ok(!canRead(checkout));
  const compiled = join(checkout, "node_modules/.cache/written");
  assert.ok(!can(`require("node:fs").writeFileSync(${JSON.stringify(compiled)}, "")`));
});

test("a worker reads compiled code, and is told to write none", async () => {
  await using folder = await temporaryFolder();
  await using latchkey = await Latchkey.start({
    config,
    env: { NODE_COMPILE_CACHE: folder.path },
  });
  const { workers } = await latchkey.status();
  const environment = await readFile(`/proc/${workers[0]?.pid}/environ`, "utf8");
  assert.ok(environment.includes(`NODE_COMPILE_CACHE=${folder.path}\0`));
  assert.ok(environment.includes("NODE_COMPILE_CACHE_READONLY=1\0"));
});

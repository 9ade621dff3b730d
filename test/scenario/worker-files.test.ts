import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdir, readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { after, test } from "node:test";
import { Latchkey } from "../support/latchkey.ts";

/** In a whole run it is there and filled: a new one would be filled here, for seconds of a processor. */
const compiled = process.env["NODE_COMPILE_CACHE"] ?? resolve("node_modules/.cache/compiled");
await mkdir(compiled, { recursive: true, mode: 0o700 });
const latchkey = await Latchkey.start({
  config: "workers: 1\nhosts: { up.localhost: { respond: ok } }",
  env: { NODE_COMPILE_CACHE: compiled },
});
after(() => latchkey[Symbol.asyncDispose]());
const [worker] = (await latchkey.status()).workers;
const pid = worker?.pid ?? assert.fail("no worker");

test("a worker can read the program and the stored certificates, and nothing beside them", async () => {
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
  const written = join(checkout, "node_modules/.cache/written");
  assert.ok(!can(`require("node:fs").writeFileSync(${JSON.stringify(written)}, "")`));
});

test("a worker reads compiled code, and is told to write none", async () => {
  const environment = await readFile(`/proc/${pid}/environ`, "utf8");
  assert.ok(environment.includes(`NODE_COMPILE_CACHE=${compiled}\0`));
  assert.ok(environment.includes("NODE_COMPILE_CACHE_READONLY=1\0"));
});

test("malloc keeps one heap in a worker, too", async () => {
  const environment = await readFile(`/proc/${pid}/environ`, "utf8");
  assert.match(environment, /^(?:.*\0)?MALLOC_ARENA_MAX=1\0/s);
});

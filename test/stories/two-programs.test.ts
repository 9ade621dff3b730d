import assert from "node:assert/strict";
import { test } from "node:test";
import { Latchkey } from "../support/latchkey.ts";
import { shakeHands } from "../support/visitor.ts";

const config = "workers: 1\nhosts:\n  a.localhost: { respond: ok }\n";

test("a second program on one storage says who holds it and ends; the first one goes on, with one order", async () => {
  await using first = await Latchkey.start({ config });
  await first.event("certificate.swapped");
  const served = await shakeHands(first, "a.localhost");
  await using second = await Latchkey.spawn({ config, storage: first.storage });
  assert.equal(await second.exited, 1);
  const manager = await first.event("process.ready", ({ child }) => child === "manager");
  assert.match(second.stderr, /another program holds its lease/);
  assert.ok(second.stderr.includes(`process ${manager["pid"]}`), second.stderr);
  assert.equal(second.count("order.started"), 0);
  assert.deepEqual(await shakeHands(first, "a.localhost"), served);
  assert.equal(first.count("order.started"), 1);
  assert.equal(first.count("storage.lease-lost"), 0);
});

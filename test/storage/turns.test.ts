import assert from "node:assert/strict";
import { test } from "node:test";
import { Turns } from "../../src/storage/turns.ts";

test("work for one key waits for what came before it, also when that fails; other keys do not", async () => {
  const turns = new Turns<string>();
  const { promise: opened, resolve: open } = Promise.withResolvers<void>();
  const order: string[] = [];
  const first = turns.take("a", async () => {
    await opened;
    order.push("first");
    throw new Error("first");
  });
  const second = turns.take("a", async () => order.push("second"));
  await turns.take("b", async () => order.push("other"));
  open();
  await assert.rejects(first, /first/);
  await second;
  assert.deepEqual(order, ["other", "first", "second"]);
});

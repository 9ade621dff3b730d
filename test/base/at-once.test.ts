import assert from "node:assert/strict";
import { test } from "node:test";
import { forEachAtOnce } from "../../src/base/at-once.ts";

test("work is done for each item, so many at once, in their order", async () => {
  const begun: number[] = [];
  let [running, most] = [0, 0];
  await forEachAtOnce([1, 2, 3, 4, 5], 2, async (item) => {
    begun.push(item);
    running += 1;
    most = Math.max(most, running);
    await new Promise(setImmediate);
    running -= 1;
  });
  assert.deepEqual([begun, most], [[1, 2, 3, 4, 5], 2]);
});

test("a failure ends it, after what is under way", async () => {
  const done: number[] = [];
  const failure = new Error("no");
  const work = forEachAtOnce([1, 2, 3, 4], 2, async (item) => {
    if (item === 1) throw failure;
    await new Promise(setImmediate);
    done.push(item);
  });
  await assert.rejects(work, failure);
  assert.deepEqual(done, [2]);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { oneAtATime } from "../../src/process/one-at-a-time.ts";

test("oneAtATime runs work at once, and once more for all who ask meanwhile", async () => {
  const runs: PromiseWithResolvers<void>[] = [];
  const ask = oneAtATime(() => {
    const run = Promise.withResolvers<void>();
    runs.push(run);
    return run.promise;
  });
  ask();
  assert.equal(runs.length, 1);
  for (let times = 0; times < 50; times += 1) ask();
  assert.equal(runs.length, 1);
  runs[0]?.resolve();
  await new Promise(setImmediate);
  assert.equal(runs.length, 2);
  runs[1]?.resolve();
  await new Promise(setImmediate);
  assert.equal(runs.length, 2);
  ask();
  assert.equal(runs.length, 3);
  runs[2]?.resolve();
});

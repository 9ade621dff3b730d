import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { LoopDelay } from "../../src/base/loop-delay.ts";

const BLOCKED_MS = 150;
const PATIENCE_MS = 10_000;

/** Lets everything else have its turn. */
async function turnFor(ms: number): Promise<void> {
  const until = performance.now() + ms;
  while (performance.now() < until) await setImmediate();
}

test("who is never asked before has no delay, and work that held up the process is one afterwards", async () => {
  using delay = new LoopDelay();
  assert.deepEqual(delay.take(), { p99: 0, max: 0 });
  const startedAt = performance.now();
  let worst = 0;
  while (worst < BLOCKED_MS / 2_000 && performance.now() - startedAt < PATIENCE_MS) {
    await turnFor(2 * BLOCKED_MS); // what comes before the first look of its timer is not seen
    const until = performance.now() + BLOCKED_MS;
    while (performance.now() < until);
    await turnFor(BLOCKED_MS);
    worst = Math.max(worst, delay.take().max);
  }
  assert.ok(worst >= BLOCKED_MS / 2_000 && worst < PATIENCE_MS / 1_000, `${worst} s`);
});

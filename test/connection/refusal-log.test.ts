import assert from "node:assert/strict";
import { test } from "node:test";
import type { Facts } from "../../src/base/errors.ts";
import type { Log } from "../../src/base/log.ts";
import { RefusalLog } from "../../src/connection/refusal-log.ts";
import { ManualClock } from "../support/manual-clock.ts";

function keepLines() {
  const lines: [event: string, facts: Facts][] = [];
  const keep = (event: string, facts: Facts = {}) => void lines.push([event, facts]);
  const log: Log = { debug: keep, info: keep, warn: keep, error: keep };
  return { lines, log };
}

test("ten refusals a second are written, the rest are counted when the second is over", (context) => {
  context.mock.timers.enable({ apis: ["setTimeout"] });
  const { lines, log } = keepLines();
  using refusals = new RefusalLog(log, new ManualClock());
  for (let each = 0; each < 1_000; each += 1) refusals.report({ each });
  assert.equal(lines.length, 10);
  context.mock.timers.tick(1_000);
  assert.deepEqual(lines.at(-1), ["connection.refused.more", { count: 990 }]);
});

test("the next second has lines of its own, after the count of the one before", () => {
  const { lines, log } = keepLines();
  const clock = new ManualClock();
  using refusals = new RefusalLog(log, clock);
  for (let each = 0; each < 12; each += 1) refusals.report({ each });
  clock.advance(1_000);
  refusals.report({ each: 12 });
  assert.deepEqual(lines.slice(-2), [
    ["connection.refused.more", { count: 2 }],
    ["connection.refused", { each: 12 }],
  ]);
});

test("a clock that is set back does not silence refusals", () => {
  const { lines, log } = keepLines();
  const clock = new ManualClock();
  using refusals = new RefusalLog(log, clock);
  for (let each = 0; each < 10; each += 1) refusals.report({ each });
  clock.advance(-86_400_000);
  refusals.report({ each: 10 });
  assert.equal(lines.length, 11);
});

test("what is left out is counted at the end too", () => {
  const { lines, log } = keepLines();
  {
    using refusals = new RefusalLog(log, new ManualClock());
    for (let each = 0; each < 11; each += 1) refusals.report({ each });
  }
  assert.deepEqual(lines.at(-1), ["connection.refused.more", { count: 1 }]);
});

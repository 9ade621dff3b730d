import assert from "node:assert/strict";
import { test } from "node:test";
import { limits } from "../../src/config/limits.ts";
import type { Spent, SpentSomewhere } from "../../src/process/messages.ts";
import { SpentNews } from "../../src/process/spent-news.ts";
import { holdTicks } from "../support/ticks.ts";

const spent = (count: number): Spent[] =>
  Array.from({ length: count }, (_, index) => ({ scope: "s", client: `${index}`, count: 1 }));

test("what workers tell of rates is passed on at once, and what is more than a few messages within a moment in one", (t) => {
  const tick = holdTicks(t);
  const messages: (readonly SpentSomewhere[])[] = [];
  const news = new SpentNews((message) => messages.push(message));
  for (let worker = 1; worker <= 32; worker += 1) news.hear(worker, spent(2));
  tick(limits.rateGatherMs);
  const atOnce = limits.rateAtOnceMax;
  assert.equal(messages.length, atOnce + 1);
  assert.ok(messages.slice(0, atOnce).every((message) => message.length === 2));
  assert.equal(messages.at(-1)?.length, (32 - atOnce) * 2);
  for (let worker = 1; worker <= 32; worker += 1)
    assert.deepEqual(
      messages.flat().filter((each) => each.worker === worker),
      spent(2).map((each) => ({ worker, ...each })),
    );
  for (let quiet = 0; quiet < 3; quiet += 1) tick(limits.tickMs);
  assert.equal(messages.length, atOnce + 1);
  news.hear(1, spent(2));
  assert.equal(messages.length, atOnce + 2);
});

test("however many workers tell however much, a tick passes on no more than it may, and each has its part", (t) => {
  const tick = holdTicks(t);
  const messages: (readonly SpentSomewhere[])[] = [];
  const news = new SpentNews((message) => messages.push(message));
  const workers = 300;
  for (let round = 0; round < 10; round += 1) {
    for (let worker = 1; worker <= workers; worker += 1)
      news.hear(worker, spent(worker === 1 ? limits.rateNewsMax : 1));
    const before = messages.length;
    tick(limits.tickMs);
    assert.ok(messages.slice(before).flat().length <= limits.rateNewsMax);
  }
  const toldOf = (worker: number) => messages.flat().filter((each) => each.worker === worker);
  for (let worker = 1; worker <= workers; worker += 1)
    assert.ok(toldOf(worker).length >= 8, `${toldOf(worker).length} of worker ${worker}`);
  // Once nothing is told any more, all that waits is passed on, and no more of one worker than it may tell at once.
  const before = messages.length;
  for (let rest = 0; rest < 20; rest += 1) tick(limits.tickMs);
  const rest = messages.slice(before).flat();
  assert.ok(rest.filter(({ worker }) => worker === 1).length <= limits.rateNewsMax);
  assert.ok(rest.length <= limits.rateNewsMax + workers * 2, `${rest.length} waited`);
});

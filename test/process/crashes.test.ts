import assert from "node:assert/strict";
import { test } from "node:test";
import { limits } from "../../src/config/limits.ts";
import { CrashReport } from "../../src/process/crash-report.ts";
import { Crashes } from "../../src/process/crashes.ts";
import type { Crashing } from "../../src/process/messages.ts";

const last = { child: "worker 7", code: undefined, signal: "SIGSEGV" } as const;

/** A counter, by a clock of its own. */
function counted() {
  const time = { now: 0 };
  const told: (Crashing | undefined)[] = [];
  const changed = (crashing: Crashing | undefined) => void told.push(crashing);
  const fatal: string[] = [];
  const noneServed = (detail: string) => void fatal.push(detail);
  const crashes = new Crashes({ changed, noneServed }, () => time.now);
  return { crashes, time, told, fatal };
}

test("D8: nine deaths in a minute, or ten in more, are no habit, and ten in a minute are", () => {
  const { crashes, time, told } = counted();
  for (let deaths = 1; deaths <= 9; deaths += 1) crashes.add(last, 1);
  time.now = limits.crashesWithinMs + 1;
  crashes.add(last, 1);
  assert.deepEqual(told, []);
  for (let deaths = 1; deaths <= 9; deaths += 1) crashes.add(last, 1);
  assert.deepEqual(crashes.crashing, { ...last, count: 10 });
  crashes.add(last, 1);
  assert.deepEqual(crashes.crashing, { ...last, count: 11 });
  assert.deepEqual(told, [{ ...last, count: 10 }]);
});

test("a habit that is over is none until there are ten deaths again", (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const { crashes, told } = counted();
  for (let deaths = 1; deaths <= 10; deaths += 1) crashes.add(last, 1);
  t.mock.timers.tick(limits.crashesCalmMs);
  assert.equal(told.length, 2);
  for (let deaths = 1; deaths <= 9; deaths += 1) crashes.add(last, 1);
  assert.equal(crashes.crashing, undefined);
});

test("deaths before any worker has served are told from the tenth on, those of the manager not counted", () => {
  const { crashes, fatal: told } = counted();
  for (let deaths = 1; deaths <= 9; deaths += 1) crashes.add(last, 1);
  crashes.add({ ...last, child: "manager" }, 0);
  assert.deepEqual(told, []);
  crashes.add(last, 1);
  assert.match(told[0] ?? "", /10 ended one after the other .* with SIGSEGV$/);
  crashes.workerServes();
  crashes.add(last, 1);
  assert.equal(told.length, 1);
});

test("D8: of many workers each one has to die twice, before any has served and later", () => {
  const { crashes, told, fatal } = counted();
  for (let deaths = 1; deaths <= 63; deaths += 1) crashes.add(last, 1 + (deaths % 32));
  assert.deepEqual([told, fatal], [[], []]);
  crashes.add(last, 1);
  assert.deepEqual(told, [{ ...last, count: 64 }]);
  assert.match(fatal[0] ?? "", /64 ended one after the other/);
});

const nothing = { troubles: [], isUndecided: () => false };

test("what was told of crashes before this process started is neither on nor over until the supervisor has spoken", () => {
  const report = new CrashReport();
  assert.equal(report.addTo(nothing).isUndecided("process.failing"), true);
  assert.equal(report.addTo(nothing).isUndecided("storage.deleted"), false);
  report.hear(undefined);
  const { troubles, isUndecided } = report.addTo(nothing);
  assert.deepEqual([troubles, isUndecided("process.failing")], [[], false]);
});

for (const [how, expected] of [
  [{ code: undefined, signal: "SIGSEGV" }, "signal SIGSEGV"],
  [{ code: 1, signal: undefined }, "code 1"],
  [{ code: undefined, signal: undefined }, "code unknown"],
] as const) {
  test(`D8: children that end again and again with ${expected} are a trouble that says so`, () => {
    const report = new CrashReport();
    report.hear({ child: "worker 7", count: 12, ...how });
    const [trouble] = report.addTo(nothing).troubles;
    assert.equal(trouble?.kind, "process.failing");
    assert.equal(trouble?.severity, "critical");
    assert.doesNotMatch(trouble?.hint ?? "", /others serve/, "with one worker there are none");
    assert.equal(trouble?.detail, `12 have ended so, the last one, worker 7, with ${expected}`);
  });
}

import assert from "node:assert/strict";
import { test } from "node:test";
import { limits } from "../../src/config/limits.ts";
import { type FaultOutcome, HOUR, MINUTE, outcomeOf, tell } from "../support/fault-story.ts";
import { amount } from "../support/full-numbers.ts";

const DAY = 24 * HOUR;
const hosts = Array.from({ length: 25 }, (_, nth) => `shop-${nth}.example`);
/** Between two orders at a public CA. */
const PACE_MS = 2_000;
const WRONG_MS = 6 * HOUR;

const wrongBy = (byMs: number) => [
  { at: HOUR, byMs },
  { at: HOUR + WRONG_MS, byMs: 0 },
];
/** Every ten seconds for ten minutes by another part of half a minute, forth and back. */
const jitter = Array.from({ length: 60 }, (_, nth) => ({
  at: 10_000 * nth,
  byMs: nth === 59 ? 0 : 30_000 * Math.sin(nth * 2.7),
}));
const jumps = tell([
  { hosts, isRenewal: "fresh", clockSteps: wrongBy(90 * DAY), mendedAt: 0, endsAt: 12 * HOUR },
  { hosts, isRenewal: "fresh", clockSteps: wrongBy(-365 * DAY), mendedAt: 0, endsAt: 12 * HOUR },
  { hosts, clockSteps: jitter, mendedAt: 0, endsAt: HOUR },
]);

/** Not one start of an attempt sooner than the pace allows. */
function assertPaced({ attempts }: FaultOutcome): void {
  const gaps = attempts.slice(1).map((at, nth) => at - (attempts[nth] ?? 0));
  assert.ok(Math.min(...gaps) >= PACE_MS, `${Math.min(...gaps)} ms`);
}

function assertAllValid({ statesAtEnd }: FaultOutcome, count = hosts.length): void {
  assert.deepEqual(statesAtEnd, Array<string>(count).fill("valid"));
}

test("K1: a clock that is 90 days ahead for six hours has renewals tried at their pace, each a few times, and all is well when it is right again", async (t) => {
  const outcome = await outcomeOf(jumps, 0);
  t.diagnostic(`${outcome.attempts.length} attempts`);
  assertPaced(outcome);
  assert.ok(outcome.attempts.length >= hosts.length, "the program believes its clock");
  // 0, 1, 11, 111 min, and then with so little life left every hour; the CA's week has room for less.
  assert.ok(outcome.attempts.length <= 5 * hosts.length, `${outcome.attempts.length} attempts`);
  assertAllValid(outcome);
});

test("K2: a clock that is a year behind for six hours lets nothing be renewed, and nothing waits when it is right again", async () => {
  const outcome = await outcomeOf(jumps, 1);
  assert.deepEqual(outcome.attempts, []);
  assertAllValid(outcome);
});

test("K3: a clock that jumps about by half a minute for ten minutes makes no order fail, and none come sooner than its pace", async () => {
  const outcome = await outcomeOf(jumps, 2);
  assertPaced(outcome);
  assert.deepEqual(outcome.failures, []);
  assert.equal(outcome.attempts.length, hosts.length);
  assertAllValid(outcome);
});

const COUNT = amount(100, 1_000);
const many = Array.from({ length: COUNT }, (_, nth) => `shop-${nth}.example`);
/** Without the CA's advice 300 orders are free at once, and then one in 36 s. */
const ENDS_MS = PACE_MS * 300 + Math.max(0, COUNT - 300) * 36_000 + HOUR;
const SLOW_MS = 5_000;
const due = { hosts: many, isRenewal: true } as const;
const storm = tell([
  { ...due, mendedAt: 0, endsAt: ENDS_MS },
  {
    ...{ ...due, hosts: many.slice(0, 100), fault: { kind: "slow", ms: SLOW_MS } },
    ...{ mendedAt: 2 * HOUR, endsAt: 2 * HOUR },
  },
]);

test(`C15: ${COUNT} renewals that are due at once are made one in 2 s, the nearest expiry first, within what the CA allows, and none comes too late`, async (t) => {
  const outcome = await outcomeOf(storm, 0);
  assertPaced(outcome);
  assert.deepEqual(outcome.failures, []);
  assert.deepEqual(outcome.attemptsOf.slice(1), many.toReversed().slice(1)); // the first one met nobody
  const times = Object.values(outcome.issued);
  assert.equal(times.length, COUNT);
  t.diagnostic(`the last one after ${Math.round(Math.max(...times) / MINUTE)} min`);
  assertAllValid(outcome, COUNT);
});

test(`C15: of 100 renewals that are due at once at a CA whose answers take ${SLOW_MS / 1_000} s ten are under way at one time, and none fails or comes too late`, async (t) => {
  const outcome = await outcomeOf(storm, 1);
  assertPaced(outcome);
  assert.equal(outcome.mostInFlight, limits.ordersInFlightMax);
  assert.deepEqual(outcome.failures, []);
  const times = Object.values(outcome.issued);
  assert.equal(times.length, 100);
  t.diagnostic(`the last one after ${Math.round(Math.max(...times) / MINUTE)} min`);
  assertAllValid(outcome, 100);
});

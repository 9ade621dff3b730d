import assert from "node:assert/strict";
import { test } from "node:test";
import {
  renewalTime,
  retryTime,
  spreadOf,
  waitUntil,
  withinADay,
} from "../../src/certificate/schedule.ts";
import { limits } from "../../src/config/limits.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

const renewals = [
  { name: "90 days, unmoved", lifeMs: 90 * DAY, at: "auto", spread: 0, renewsAfterMs: 60 * DAY },
  {
    name: "90 days, fully moved",
    lifeMs: 90 * DAY,
    at: "auto",
    spread: 1,
    renewsAfterMs: 57 * DAY,
  },
  { name: "45 days", lifeMs: 45 * DAY, at: "auto", spread: 0, renewsAfterMs: 30 * DAY },
  {
    name: "ten days is not short",
    lifeMs: 10 * DAY,
    at: "auto",
    spread: 0,
    renewsAfterMs: (20 * DAY) / 3,
  },
  {
    name: "160 hours, at half",
    lifeMs: 160 * HOUR,
    at: "auto",
    spread: 0,
    renewsAfterMs: 80 * HOUR,
  },
  {
    name: "160 hours, fully moved",
    lifeMs: 160 * HOUR,
    at: "auto",
    spread: 1,
    renewsAfterMs: 72 * HOUR,
  },
  { name: "a minute", lifeMs: MINUTE, at: "auto", spread: 0, renewsAfterMs: MINUTE / 2 },
  { name: "at 25 % left", lifeMs: 100 * DAY, at: 0.25, spread: 0, renewsAfterMs: 75 * DAY },
  { name: "at 95 % left, moved", lifeMs: 100 * DAY, at: 0.95, spread: 1, renewsAfterMs: 4.5 * DAY },
] as const;

for (const { name, lifeMs, at, spread, renewsAfterMs } of renewals) {
  test(`renewalTime: ${name}`, () => {
    const time = renewalTime({ notBefore: 1_000, notAfter: 1_000 + lifeMs }, at, spread);
    assert.equal(time, Math.round(1_000 + renewsAfterMs));
  });
}

test("C17: a certificate of 160 hours is renewed at half its life, or up to 8 hours sooner, and looked for every ten minutes", () => {
  const life = { notBefore: 0, notAfter: 160 * HOUR };
  assert.equal(renewalTime(life, "auto", 0), 80 * HOUR);
  assert.equal(renewalTime(life, "auto", 1), 72 * HOUR);
  assert.equal(limits.renewalCheckEveryMs, 10 * MINUTE);
});

const retries = [
  { name: "unreachable, first", kind: "unreachable", attempts: 1, waitMs: MINUTE },
  { name: "unreachable, fourth", kind: "unreachable", attempts: 4, waitMs: 8 * MINUTE },
  { name: "unreachable, fifth", kind: "unreachable", attempts: 5, waitMs: 15 * MINUTE },
  { name: "unreachable, thousandth", kind: "unreachable", attempts: 1_000, waitMs: 15 * MINUTE },
  { name: "refused, first", kind: "refused", attempts: 1, waitMs: MINUTE },
  { name: "refused, second", kind: "refused", attempts: 2, waitMs: 10 * MINUTE },
  { name: "refused, third", kind: "refused", attempts: 3, waitMs: 100 * MINUTE },
  { name: "C8: a person's, first", kind: "person", attempts: 1, waitMs: DAY },
  {
    name: "a person's, an hour left",
    kind: "person",
    attempts: 9,
    lifeLeftMs: HOUR,
    waitMs: DAY,
  },
  { name: "refused, fourth, no certificate", kind: "refused", attempts: 4, waitMs: DAY },
  {
    name: "refused, fourth, 30 days left",
    kind: "refused",
    attempts: 4,
    lifeLeftMs: 30 * DAY,
    waitMs: DAY,
  },
  {
    name: "refused, fourth, 50 hours left",
    kind: "refused",
    attempts: 4,
    lifeLeftMs: 50 * HOUR,
    waitMs: 5 * HOUR,
  },
  {
    name: "refused, fourth, an hour left",
    kind: "refused",
    attempts: 4,
    lifeLeftMs: HOUR,
    waitMs: HOUR,
  },
] as const;

for (const { name, kind, attempts, waitMs, ...rest } of retries) {
  test(`retryTime: ${name}`, () => {
    const lifeLeftMs = "lifeLeftMs" in rest ? rest.lifeLeftMs : 0;
    const failure = { kind, attempts, lifeLeftMs };
    assert.equal(retryTime(7, failure, 0.5), 7 + waitMs);
    assert.equal(retryTime(7, failure, 0), Math.round(7 + waitMs * 0.9));
    assert.equal(retryTime(7, failure, 1), Math.round(7 + waitMs * 1.1));
  });
}

test("C3: waitUntil believes the CA's Retry-After within a minute and a day", () => {
  assert.equal(waitUntil(7, HOUR), 7 + HOUR);
  assert.equal(waitUntil(7, -5), 7 + 60_000);
  assert.equal(waitUntil(7, 1e15), 7 + DAY);
});

test("spreadOf gives a certificate the same place every time, and others other places", () => {
  assert.equal(spreadOf("03ab"), spreadOf("03ab"));
  assert.notEqual(spreadOf("03ab"), spreadOf("03ac"));
  for (let serial = 0; serial < 1_000; serial += 1) {
    const spread = spreadOf(serial.toString(16));
    assert.ok(spread >= 0 && spread <= 1);
  }
});

test("K2: a moment further away than any wait of ours was named under another clock, and means a day", () => {
  assert.equal(withinADay(365 * DAY, 0), DAY);
  assert.equal(withinADay(1.1 * DAY, 0), 1.1 * DAY);
  assert.equal(withinADay(-DAY, 0), -DAY);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  advisedTime,
  afterFailure,
  afterSuggestion,
  failureWait,
  isBelievable,
  polling,
  recalled,
} from "../../src/certificate/window.ts";
import type { StoredRenewalInfo } from "../../src/storage/renewal-info.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const BEGIN = Date.UTC(2026, 10, 23);

const subject = { serial: "01", notBefore: BEGIN, notAfter: BEGIN + 90 * DAY };
const successor = { serial: "02", notBefore: BEGIN + DAY, notAfter: BEGIN + 91 * DAY };
/** Days 59 to 61, as Let's Encrypt has it. */
const usual = { start: BEGIN + 59 * DAY, end: BEGIN + 61 * DAY, explanationUrl: undefined };

function draw(now: number, chance = 0.5) {
  return { now, chance, polling: polling() };
}

function suggestion(start: number, end: number, retryAfterMs: number | undefined = 6 * HOUR) {
  return { start, end, explanationUrl: undefined, retryAfterMs };
}

const windows = [
  { what: "two thirds of the life", start: 59 * DAY, end: 61 * DAY, isMeant: true },
  { what: "the past, as after a revocation", start: -2 * HOUR, end: -HOUR, isMeant: true },
  { what: "the very end", start: 89 * DAY, end: 90 * DAY, isMeant: true },
  { what: "an end before the start", start: 61 * DAY, end: 59 * DAY, isMeant: false },
  { what: "no time at all", start: 60 * DAY, end: 60 * DAY, isMeant: false },
  { what: "after the end", start: 91 * DAY, end: 92 * DAY, isMeant: false },
  { what: "beyond the end", start: 60 * DAY, end: 91 * DAY, isMeant: false },
  { what: "the year 2099", start: 26_000 * DAY, end: 26_001 * DAY, isMeant: false },
  { what: "before 1970", start: -BEGIN - DAY, end: -BEGIN + DAY, isMeant: false },
];

for (const { what, start, end, isMeant } of windows) {
  test(`C11: a window is ${isMeant ? "believed" : "ignored"}: ${what}`, () => {
    assert.equal(isBelievable({ start: BEGIN + start, end: BEGIN + end }, subject), isMeant);
  });
}

/** Attempts after 1, 10 and 100 minutes, 10 % later each. */
const ROOM = 122.1 * MINUTE;

const moments = [
  { what: "in the middle of the life", pickedAt: 60 * DAY, renewsAt: 60 * DAY },
  { what: "later than a third left", pickedAt: 80 * DAY, renewsAt: 80 * DAY },
  { what: "later than a twentieth left", pickedAt: 89 * DAY, renewsAt: 85.5 * DAY - ROOM },
  { what: "with no room before that", pickedAt: 85.5 * DAY - 1, renewsAt: 85.5 * DAY - ROOM },
  { what: "with just that room", pickedAt: 85.5 * DAY - ROOM, renewsAt: 85.5 * DAY - ROOM },
  { what: "in the past", pickedAt: -HOUR, renewsAt: -HOUR },
  { what: "in the past, resting", pickedAt: -HOUR, hurriedAt: DAY, renewsAt: DAY },
  {
    what: "resting until after the end",
    pickedAt: 0,
    hurriedAt: 99 * DAY,
    renewsAt: 85.5 * DAY - ROOM,
  },
];

for (const { what, pickedAt, hurriedAt, renewsAt } of moments) {
  test(`a moment ${what} leads to the right time`, () => {
    const window = { start: 0, end: BEGIN, pickedAt: BEGIN + pickedAt, explanationUrl: undefined };
    const restsUntil = hurriedAt === undefined ? undefined : BEGIN + hurriedAt;
    assert.equal(advisedTime(subject, { window, hurriedAt: restsUntil }), BEGIN + renewsAt);
  });
}

for (const { what, lifeMs, leftMs } of [
  { what: "90 s", lifeMs: 90_000, leftMs: 27_000 },
  { what: "an hour", lifeMs: HOUR, leftMs: 18 * MINUTE },
  { what: "160 hours", lifeMs: 160 * HOUR, leftMs: 8 * HOUR + ROOM },
]) {
  test(`a window that reaches to the end of ${what} leaves a moment with room for attempts, drawn evenly before it`, () => {
    const short = { serial: "03", notBefore: BEGIN, notAfter: BEGIN + lifeMs };
    const latestAt = short.notAfter - leftMs;
    const whole = suggestion(BEGIN + lifeMs / 2, short.notAfter);
    const drawn = [0, 0.5, 0.999_999].map((chance) => {
      const info = afterSuggestion(undefined, short, whole, draw(BEGIN, chance));
      return advisedTime(short, info) ?? assert.fail();
    });
    assert.deepEqual(drawn.slice(0, 2), [whole.start, (whole.start + latestAt) / 2]);
    assert.ok(latestAt - (drawn[2] ?? 0) < lifeMs / 1_000);
    const late = suggestion(short.notAfter - 1_000, short.notAfter);
    assert.equal(
      advisedTime(short, afterSuggestion(undefined, short, late, draw(BEGIN))),
      latestAt,
    );
  });
}

test("without a window there is no advice", () => {
  assert.equal(advisedTime(subject, { window: undefined, hurriedAt: BEGIN }), undefined);
});

const chances = [
  { chance: 0, pickedAt: 59 * DAY },
  { chance: 0.25, pickedAt: 59.5 * DAY },
  { chance: 0.75, pickedAt: 60.5 * DAY },
];

for (const { chance, pickedAt } of chances) {
  test(`the moment is drawn evenly from the window: ${chance}`, () => {
    const info = afterSuggestion(
      undefined,
      subject,
      { ...usual, retryAfterMs: undefined },
      draw(BEGIN, chance),
    );
    assert.equal(info.window?.pickedAt, BEGIN + pickedAt);
  });
}

test("the moment is kept while the window stays, and drawn again when it changes", () => {
  const first = afterSuggestion(
    undefined,
    subject,
    suggestion(usual.start, usual.end),
    draw(BEGIN),
  );
  const again = afterSuggestion(
    first,
    subject,
    suggestion(usual.start, usual.end),
    draw(BEGIN, 0.1),
  );
  assert.equal(again.window?.pickedAt, first.window?.pickedAt);
  const moved = suggestion(usual.start - DAY, usual.end - DAY);
  const other = afterSuggestion(again, subject, moved, draw(BEGIN, 0));
  assert.equal(other.window?.pickedAt, usual.start - DAY);
});

test("the window of the certificate before says nothing of this one, even when it is the same", () => {
  const old = afterSuggestion(undefined, subject, suggestion(usual.start, usual.end), draw(BEGIN));
  const info = afterSuggestion(
    old,
    successor,
    suggestion(usual.start, usual.end),
    draw(BEGIN + DAY, 0),
  );
  assert.equal(info.serial, "02");
  assert.equal(info.window?.pickedAt, usual.start);
});

const waits = [
  { what: "as the CA says", retryAfterMs: 3 * HOUR, waitMs: 3 * HOUR },
  { what: "six hours when it says nothing", retryAfterMs: undefined, waitMs: 6 * HOUR },
  { what: "a minute when it says 0", retryAfterMs: 0, waitMs: MINUTE },
  { what: "eleven hours when it says a week", retryAfterMs: 7 * DAY, waitMs: 11 * HOUR },
  { what: "eleven hours when it says 10⁹ s", retryAfterMs: 1e12, waitMs: 11 * HOUR },
];

for (const { what, retryAfterMs, waitMs } of waits) {
  test(`a CA is asked again after ${what}`, () => {
    const asked = { ...usual, retryAfterMs };
    const info = afterSuggestion(undefined, subject, asked, draw(BEGIN));
    assert.equal(info.nextCheckAt, BEGIN + waitMs);
  });
}

test("the floor is an option", () => {
  const polling = { minMs: 50, maxMs: 200, usualMs: 100 };
  const soon = { ...usual, retryAfterMs: 0 };
  const info = afterSuggestion(undefined, subject, soon, { ...draw(BEGIN), polling });
  assert.equal(info.nextCheckAt, BEGIN + 50);
});

const failures = [
  { failures: 1, retryAfterMs: undefined, waitMs: MINUTE },
  { failures: 2, retryAfterMs: undefined, waitMs: 2 * MINUTE },
  { failures: 9, retryAfterMs: undefined, waitMs: 256 * MINUTE },
  { failures: 10, retryAfterMs: undefined, waitMs: 6 * HOUR },
  { failures: 100_000, retryAfterMs: undefined, waitMs: 6 * HOUR },
  { failures: 1, retryAfterMs: HOUR, waitMs: HOUR },
  { failures: 10, retryAfterMs: 0, waitMs: 6 * HOUR },
  { failures: 1, retryAfterMs: 1e12, waitMs: 11 * HOUR },
];

for (const { failures: count, retryAfterMs, waitMs } of failures) {
  test(`after failure ${count} and Retry-After ${retryAfterMs} the next look is ${waitMs} ms away`, () => {
    assert.equal(failureWait(count, retryAfterMs, 0.5, polling()), waitMs);
  });
}

test("waits after failures part by a tenth, and never fall below the floor", () => {
  assert.equal(failureWait(3, undefined, 0, polling()), 3.6 * MINUTE);
  assert.equal(failureWait(3, undefined, 1, polling()), 4.4 * MINUTE);
  assert.equal(failureWait(1, undefined, 0, polling()), MINUTE);
});

test("a failure leaves window and moment as they are", () => {
  const known = afterSuggestion(
    undefined,
    subject,
    suggestion(usual.start, usual.end),
    draw(BEGIN),
  );
  const info = afterFailure(known, subject, undefined, draw(BEGIN + HOUR));
  assert.deepEqual(info, { ...known, failures: 1, nextCheckAt: BEGIN + HOUR + MINUTE });
  const other = afterFailure(known, successor, undefined, draw(BEGIN + HOUR));
  assert.deepEqual([other.window, other.failures], [undefined, 1]);
});

/** One answer after another, each about a certificate that begins when it is asked about. */
function story(...answers: readonly (readonly [serial: string, at: number, startsIn: number])[]) {
  let info: StoredRenewalInfo | undefined;
  return answers.map(([serial, at, startsIn]) => {
    const now = BEGIN + at;
    const about = { serial, notBefore: BEGIN, notAfter: BEGIN + 90 * DAY };
    const asked = suggestion(now + startsIn, now + startsIn + MINUTE);
    info = afterSuggestion(info, about, asked, draw(now));
    return (advisedTime(about, info) ?? Number.NaN) - now;
  });
}

const PAST = -HOUR;

test("a window of the past renews at once", () => {
  const [inMs = 1] = story(["01", 20 * DAY, PAST]);
  assert.ok(inMs <= 0);
});

test("a CA that hurries every new certificate gets one order in half a day", () => {
  const [first = 1, second, third] = story(
    ["01", 0, PAST],
    ["02", 0, PAST],
    ["03", 12 * HOUR, PAST],
  );
  assert.ok(first <= 0);
  assert.deepEqual([second, third], [12 * HOUR, 12 * HOUR]);
});

test("a CA that hurries every certificate after a while, or in a while, is no better off", () => {
  const after = story(["01", 0, PAST], ["02", 0, 60 * DAY], ["02", HOUR, PAST]);
  assert.equal(after[2], 11 * HOUR);
  const soon = story(["01", 0, 2 * MINUTE], ["02", 3 * MINUTE, 2 * MINUTE]);
  assert.deepEqual(soon, [2.5 * MINUTE, 12 * HOUR - MINUTE / 2]);
});

test("a hurried renewal that fails is not put off by windows that move on with the clock", () => {
  const tries = story(["01", 0, PAST], ["01", 6 * HOUR, PAST], ["01", 12 * HOUR, PAST]);
  assert.ok(tries.every((inMs) => inMs <= 0));
});

test("a renewal that is due is not put off by being asked about again", () => {
  const asked = suggestion(BEGIN + 10 * HOUR, BEGIN + 10 * HOUR + 2);
  const known = { ...afterSuggestion(undefined, subject, asked, draw(BEGIN)), hurriedAt: BEGIN };
  const info = afterSuggestion(known, subject, asked, draw(BEGIN + 11 * HOUR));
  assert.equal(info.hurriedAt, BEGIN);
});

test("in a life of a minute the rest is six seconds", () => {
  const about = (serial: string) => ({ serial, notBefore: BEGIN, notAfter: BEGIN + MINUTE });
  const past = suggestion(BEGIN - 2_000, BEGIN - 1_000);
  const first = afterSuggestion(undefined, about("01"), past, draw(BEGIN));
  const second = afterSuggestion(first, about("02"), past, draw(BEGIN + 1_000));
  assert.equal(advisedTime(about("02"), second), BEGIN + 6_000);
});

test("what is stored counts as far as it can be meant", () => {
  const stored = afterSuggestion(
    undefined,
    subject,
    suggestion(usual.start, usual.end),
    draw(BEGIN),
  );
  assert.deepEqual(recalled(stored, subject, BEGIN, polling()), stored);
  const later = { ...stored, nextCheckAt: BEGIN + 9_000 * DAY };
  assert.equal(recalled(later, subject, BEGIN, polling()).nextCheckAt, BEGIN + 11 * HOUR);
  const shorter = { ...subject, notAfter: BEGIN + 50 * DAY };
  assert.equal(recalled(stored, shorter, BEGIN, polling()).window, undefined);
});

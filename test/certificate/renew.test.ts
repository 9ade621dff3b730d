import assert from "node:assert/strict";
import { test } from "node:test";
import { Bell } from "../../src/base/bell.ts";
import { Holdings } from "../../src/certificate/holdings.ts";
import { type HeldCertificate, type Holding, recordOf } from "../../src/certificate/records.ts";
import { keepRenewing, type RenewSteps } from "../../src/certificate/renew.ts";
import { heldCertificate } from "../support/held-certificate.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { named } from "../support/stored.ts";

const HOUR = 3_600_000;

const certificate = (renewAt: number, notAfter: number): HeldCertificate =>
  heldCertificate({ renewAt, notAfter });

/** The loop on a virtual clock; `renew` moves the certificate a day on. */
function loop(atStart = true) {
  const clock = new ManualClock();
  const bell = new Bell();
  const holdings = new Holdings();
  const renewed: string[] = [];
  const stopping = new AbortController();
  const start = (replaced: Partial<RenewSteps> = {}) =>
    keepRenewing(
      {
        holdings,
        clock,
        bell,
        atStart: () => atStart,
        renewal: { checkEveryMs: HOUR, at: "auto" },
        saveUnsaved: async () => {},
        forget: async (holding: Holding) => {
          holding.lastError = undefined;
        },
        renew: async (holding: Holding) => {
          renewed.push(holding.host);
          holding.certificate = certificate(clock.now() + 24 * HOUR, clock.now() + 48 * HOUR);
        },
        ...replaced,
      },
      stopping.signal,
    );
  const hold = (name: string, listed = true) => holdings.hold(named(name), listed) ?? assert.fail();
  return { clock, bell, holdings, renewed, stopping, start, hold };
}

test("the loop orders what is listed and has no certificate, renewals first, the nearest expiry first", async () => {
  const { clock, renewed, stopping, start, hold } = loop();
  hold("new.example");
  hold("late.example").certificate = certificate(clock.now() - 1, clock.now() + 9 * HOUR);
  hold("later.example").certificate = certificate(clock.now() - 1, clock.now() + 5 * HOUR);
  hold("fine.example").certificate = certificate(
    clock.now() + 30 * 24 * HOUR,
    clock.now() + 90 * 24 * HOUR,
  );
  hold("stranger.example", false);
  const running = start();
  await clock.asleep(1);
  assert.deepEqual(renewed, ["later.example", "late.example", "new.example"]);
  stopping.abort();
  await running;
});

test("the loop wakes at the very moment that a certificate is due, not at its next look", async () => {
  const { clock, renewed, stopping, start, hold } = loop();
  hold("shop.example").certificate = certificate(clock.now() + HOUR / 2, clock.now() + HOUR);
  const running = start();
  await clock.asleep(1);
  clock.advance(HOUR / 2 - 1);
  assert.deepEqual(renewed, []);
  clock.advance(1);
  await clock.asleep(1);
  assert.deepEqual(renewed, ["shop.example"]);
  stopping.abort();
  await running;
});

test("with first-visit, a host that nobody visited is not ordered, and one that was is renewed", async () => {
  const { clock, renewed, stopping, start, hold } = loop(false);
  hold("unvisited.example");
  hold("visited.example").certificate = certificate(clock.now() - 1, clock.now() + HOUR);
  const running = start();
  await clock.asleep(1);
  assert.deepEqual(renewed, ["visited.example"]);
  stopping.abort();
  await running;
});

test("the loop leaves a name alone until its next attempt", async () => {
  const { clock, renewed, stopping, start, hold } = loop();
  hold("failed.example").nextAttemptAt = clock.now() + 10_000;
  const running = start();
  await clock.asleep(1);
  assert.deepEqual(renewed, []);
  clock.advance(10_000);
  await clock.asleep(1);
  assert.deepEqual(renewed, ["failed.example"]);
  stopping.abort();
  await running;
});

const begun: readonly { readonly what: string; readonly begin: (holding: Holding) => void }[] = [
  {
    what: "failed",
    begin: (holding) => {
      holding.attempts = 1;
      holding.lastError = REASON;
    },
  },
  {
    what: "was put off",
    begin: (holding) => {
      holding.waiting = REASON;
    },
  },
];
const REASON = { type: "ACME_PROBLEM", detail: "500", hint: "", at: "2020-01-01T00:00:00Z" };

for (const { what, begin } of begun) {
  test(`a renewal by hand that ${what} is made at its next time, though the certificate is not due for weeks`, async () => {
    const { clock, renewed, stopping, start, hold } = loop();
    const holding = hold("shop.example");
    holding.certificate = certificate(clock.now() + 500 * HOUR, clock.now() + 900 * HOUR);
    holding.nextAttemptAt = clock.now() + 60_000;
    begin(holding);
    const running = start();
    await clock.asleep(1);
    clock.advance(59_999);
    assert.deepEqual(renewed, []);
    clock.advance(1);
    await clock.asleep(1);
    assert.deepEqual(renewed, ["shop.example"]);
    stopping.abort();
    await running;
  });
}

test("a row that is failing names a next attempt that is not past", () => {
  const { clock, hold } = loop();
  const holding = hold("shop.example");
  holding.certificate = certificate(clock.now() + HOUR, clock.now() + 2 * HOUR);
  holding.lastError = REASON;
  const now = new Date(clock.now()).toISOString();
  for (const nextAttemptAt of [undefined, clock.now() - HOUR]) {
    holding.nextAttemptAt = nextAttemptAt;
    const row = recordOf(holding, clock.now());
    assert.deepEqual([row.state, row.nextAttemptAt], ["failing", now]);
  }
});

test("the loop gives a name one attempt at a time, also while that waits for its turn", async () => {
  const { clock, holdings, stopping, hold, start } = loop();
  hold("queued.example");
  const turns: (() => void)[] = [];
  const running = start({ renew: () => new Promise((resolve) => turns.push(resolve)) });
  for (let round = 0; round < 5; round += 1) {
    await clock.asleep(1);
    clock.advance(HOUR);
    await new Promise((resolve) => setImmediate(resolve));
  }
  assert.equal(turns.length, 1);
  assert.equal([...holdings.all()].length, 1);
  stopping.abort();
  await running;
});

test("the loop is back for a name whose attempt failed as soon as its next one is due", async () => {
  const { clock, stopping, hold, start } = loop();
  const holding = hold("failing.example");
  const ends: (() => void)[] = [];
  const running = start({
    renew: () => {
      holding.isOrdering = true;
      return new Promise((resolve) => ends.push(resolve));
    },
  });
  await clock.asleep(1);
  clock.advance(5_000); // so long the CA took to say no
  holding.isOrdering = false;
  holding.nextAttemptAt = clock.now() + 60_000;
  ends[0]?.();
  await new Promise((resolve) => setImmediate(resolve));
  for (const ms of [1_000, 58_999]) {
    clock.advance(ms);
    await new Promise((resolve) => setImmediate(resolve));
  }
  assert.equal(ends.length, 1);
  clock.advance(1);
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(ends.length, 2);
  stopping.abort();
  await running;
});

test("K2: a clock set back by a year lets nothing be renewed, and no next attempt is more than a day away", async () => {
  const { clock, renewed, stopping, start, hold } = loop();
  const failed = hold("failed.example");
  failed.nextAttemptAt = clock.now() + 60_000;
  hold("fine.example").certificate = certificate(clock.now() + HOUR, clock.now() + 2 * HOUR);
  clock.jump(-365 * 24 * HOUR);
  const running = start();
  await clock.asleep(1);
  assert.deepEqual(renewed, []);
  assert.equal(failed.nextAttemptAt, clock.now() + 24 * HOUR);
  stopping.abort();
  await running;
});

for (const [what, aheadMs, renewAtMs, isForgotten] of [
  ["under a clock that was 90 days ahead", 90 * 24 * HOUR, HOUR, true],
  ["a moment ago", -1_000, HOUR, false],
  ["under a clock that was seconds ahead", 5_000, HOUR, false],
  ["under a clock that was 90 days ahead, and is due all the same", 90 * 24 * HOUR, -HOUR, false],
] as const) {
  test(`K1: a renewal that failed ${what} is ${isForgotten ? "" : "not "}forgotten`, async () => {
    const { clock, stopping, start, hold } = loop();
    const holding = hold("shop.example");
    holding.certificate = certificate(clock.now() + renewAtMs, clock.now() + 9 * HOUR);
    const at = new Date(clock.now() + aheadMs).toISOString();
    holding.lastError = { type: "CERTIFICATE_INVALID", detail: "it has expired", hint: "", at };
    holding.nextAttemptAt = clock.now() + aheadMs + HOUR;
    const running = start();
    await clock.asleep(1);
    assert.equal(holding.lastError === undefined, isForgotten);
    stopping.abort();
    await running;
  });
}

import assert from "node:assert/strict";
import { test } from "node:test";
import { type HeldCertificate, newHolding } from "../../src/certificate/records.ts";
import { Watchdog } from "../../src/certificate/watchdog.ts";
import { limits } from "../../src/config/limits.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { keptLog, named } from "../support/stored.ts";

const HOST = named("a.example");

function held(serial: string): HeldCertificate {
  const times = { notBefore: 0, notAfter: 1, renewAt: 1 };
  return {
    issuer: "x",
    serial,
    certId: undefined,
    ...times,
    followsAdvice: true,
    unsaved: undefined,
  };
}

/** Workers that each serve a serial, met in turn; announcing again mends those that can be mended. */
function world(served: (string | undefined)[], isMendable = true) {
  const holding = newHolding(HOST, true);
  holding.certificate = held("02");
  const log = keptLog();
  const clock = new ManualClock();
  const counts = { looks: 0, announced: 0 };
  const holdings = [holding];
  const watchdog = new Watchdog({
    ...{ clock, log },
    holdings: () => holdings,
    servedSerial: async () => served[counts.looks++ % served.length],
    workers: () => served.length,
    announceAgain: async () => {
      counts.announced += 1;
      if (isMendable) served.fill("02");
    },
    random: () => 0.5,
  });
  const look = () => watchdog.look(new AbortController().signal);
  return { holding, holdings, log, clock, counts, watchdog, look, served };
}

test("when every worker serves what is stored, nothing is announced and nobody is told", async () => {
  const { look, counts, log, watchdog } = world(["02", "02", "02"]);
  await look();
  assert.deepEqual(counts, { looks: 6, announced: 0 });
  assert.deepEqual([log.events, watchdog.troubles()], [[], []]);
});

test("one worker of three that serves an old certificate is met, and mended by a word", async () => {
  const { look, counts, log, watchdog } = world(["02", "02", "01"]);
  await look();
  assert.equal(counts.announced, 1);
  const [warned, ...others] = log.events;
  assert.deepEqual(
    [warned?.event, warned?.facts?.["servedSerial"]],
    ["certificate.mismatch", "01"],
  );
  assert.deepEqual([others, watchdog.troubles()], [[], []]);
});

test("what a word does not mend is a trouble until it is over", async () => {
  const { look, watchdog, served } = world(["01"], false);
  await look();
  const [trouble] = watchdog.troubles();
  assert.deepEqual(
    [trouble?.kind, trouble?.host, trouble?.severity, trouble?.detail],
    ["certificate.mismatch", HOST, "critical", "Served is 01"],
  );
  served.fill("02");
  await look();
  assert.deepEqual(watchdog.troubles(), []);
});

test("a name that is no longer held is no trouble any more", async () => {
  const { look, watchdog, holdings } = world(["01"], false);
  await look();
  assert.equal(watchdog.troubles().length, 1);
  holdings.length = 0;
  await look();
  assert.deepEqual(watchdog.troubles(), []);
});

test("a program that cannot be reached, or a name that is being ordered, is no mismatch", async () => {
  const closed = world([undefined]);
  await closed.look();
  const ordering = world(["01"]);
  ordering.holding.isOrdering = true;
  await ordering.look();
  for (const { counts, watchdog } of [closed, ordering])
    assert.deepEqual([counts.announced, watchdog.troubles()], [0, []]);
});

test("a round comes every ten minutes, and every minute while one is served wrongly", async () => {
  const { watchdog, clock, counts } = world(["01"], false);
  const stopping = new AbortController();
  const running = watchdog.run(stopping.signal);
  for (const waitMs of [limits.watchdogEveryMs, limits.watchdogAgainMs]) {
    const before = counts.announced;
    await clock.asleep(1);
    clock.advance(waitMs - 1);
    assert.equal(counts.announced, before);
    clock.advance(1);
    await clock.asleep(1);
    assert.equal(counts.announced, before + 1);
  }
  stopping.abort();
  await running;
});

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Said } from "../../src/certificate/answer-memory.ts";
import { AskProbe } from "../../src/certificate/ask-probe.ts";
import type { Host, HostPattern } from "../../src/config/config.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { keptLog, named } from "../support/stored.ts";

const url = "http://127.0.0.1:1/allowed";
const wildcard: HostPattern = { kind: "wildcard", parent: named("shop.example") };
const catchAll: HostPattern = { kind: "catch-all" };
const never = new AbortController().signal;

function entry(pattern: HostPattern): Host {
  const onDemand = { ask: url, allow: [] };
  return {
    pattern,
    certificate: { kind: "acme", issuers: [{ kind: "internal" }], onDemand },
    action: { kind: "respond", status: 200, headers: {}, body: "" },
  };
}

/** A probe of a service that says what `says` holds. */
function world(patterns: readonly HostPattern[], first: Said) {
  const asked: string[] = [];
  const service = { says: first };
  const clock = new ManualClock();
  const log = keptLog();
  const probe = new AskProbe({
    hosts: patterns.map(entry),
    ask: async (_url, host) => {
      asked.push(host);
      return service.says;
    },
    clock,
    log,
  });
  return { probe, asked, service, clock, log };
}

test("the probe asks about a label under the wildcard's parent, and about a domain for the catch-all, each time another", async () => {
  const { probe, asked } = world([wildcard, catchAll], false);
  assert.equal(await probe.isDiscerning(url, wildcard), true);
  assert.equal(await probe.isDiscerning(url, catchAll), true);
  assert.match(asked[0] ?? "", /^[a-z]{20}\.shop\.example$/);
  assert.match(asked[1] ?? "", /^[a-z]{20}\.com$/);
  assert.equal(new Set(asked.map((name) => name.split(".")[0])).size, 2);
});

test("a service is looked at once, whoever asks", async () => {
  const { probe, asked } = world([wildcard], false);
  await Promise.all(Array.from({ length: 50 }, () => probe.isDiscerning(url, wildcard)));
  await probe.isDiscerning(url, wildcard);
  assert.equal(asked.length, 1);
});

test("a service that allows any name is not believed, is told of once, and looked at each minute until it decides", async () => {
  const { probe, service, clock, log, asked } = world([wildcard], true);
  const stop = new AbortController();
  const watching = probe.keepLooking(stop.signal);
  await clock.asleep(1);
  assert.equal(await probe.isDiscerning(url, wildcard), false);
  const trouble = probe.troubleOf(wildcard);
  assert.equal(trouble?.type, "ASK_ALLOWS_ANY");
  assert.match(trouble.detail, /[a-z]{20}\.shop\.example/);
  clock.advance(60_000);
  await clock.asleep(1);
  assert.equal(asked.length, 2);
  const { host } = log.only("on-demand.ask-allows-any");
  assert.equal(host, "*.shop.example");

  service.says = false;
  clock.advance(60_000);
  await clock.asleep(1);
  assert.equal(await probe.isDiscerning(url, wildcard), true);
  assert.equal(probe.troubleOf(wildcard), undefined);
  log.only("on-demand.ask-decides");
  clock.advance(599_000);
  assert.equal(asked.length, 3, "then every ten minutes");
  clock.advance(1_000);
  await clock.asleep(1);
  assert.equal(asked.length, 4);
  stop.abort();
  await watching;
});

test("a service that begins to allow any name is found out within ten minutes", async () => {
  const { probe, service, clock } = world([wildcard], false);
  const stop = new AbortController();
  const watching = probe.keepLooking(stop.signal);
  await clock.asleep(1);
  service.says = true;
  clock.advance(600_000);
  await clock.asleep(1);
  assert.equal(await probe.isDiscerning(url, wildcard), false);
  stop.abort();
  await watching;
});

test("silence is no verdict: the question is put again before anything is believed, but not at every visit", async () => {
  const { probe, service, clock, asked, log } = world([wildcard], undefined);
  assert.equal(await probe.isDiscerning(url, wildcard), undefined);
  assert.equal(await probe.isDiscerning(url, wildcard), undefined);
  assert.equal(asked.length, 1);
  assert.equal(probe.troubleOf(wildcard), undefined);
  service.says = false;
  clock.advance(5_000);
  assert.equal(await probe.isDiscerning(url, wildcard), true);
  assert.equal(log.events.length, 0);
});

test("silence changes no verdict", async () => {
  for (const says of [true, false]) {
    const { probe, service, clock } = world([wildcard], says);
    const stop = new AbortController();
    const watching = probe.keepLooking(stop.signal);
    await clock.asleep(1);
    service.says = undefined;
    clock.advance(600_000);
    await clock.asleep(1);
    assert.equal(await probe.isDiscerning(url, wildcard), !says);
    stop.abort();
    await watching;
  }
});

test("of a silent service one host is asked about in a round, however many it decides about", async () => {
  const patterns = Array.from({ length: 50 }, (_, index): HostPattern => {
    return { kind: "wildcard", parent: named(`n${index}.example`) };
  });
  const { probe, clock, asked } = world(patterns, undefined);
  const stop = new AbortController();
  const watching = probe.keepLooking(stop.signal);
  await clock.asleep(1);
  assert.equal(asked.length, 1);
  stop.abort();
  await watching;
});

test("nobody is asked where no host has a service", async () => {
  const { probe, asked } = world([], true);
  await probe.keepLooking(never);
  assert.deepEqual(asked, []);
});

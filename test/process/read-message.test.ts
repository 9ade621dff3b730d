import assert from "node:assert/strict";
import { test } from "node:test";
import { Counts } from "../../src/base/counts.ts";
import { limits } from "../../src/config/limits.ts";
import { envelope, readAddress, readEnvelope } from "../../src/process/read-message.ts";
import { named } from "../support/stored.ts";

const host = named("shop.example");
const ask = envelope("worker 1", "manager", {
  type: "certificate.ask",
  ask: 1,
  host,
  client: "192.0.2.1",
});

test("readEnvelope reads what envelope makes, also after a way through JSON", () => {
  assert.deepEqual(readEnvelope(JSON.parse(JSON.stringify(ask))), ask);
});

const taking = new Counts(["a.example"]);
const request = taking.of("h2", "a.example");
request.began();
request.ended("GET", 200, 1.5, 0, 10);
const counts = taking.take();

function lastCounts(changes: object): unknown {
  return envelopeOf({ type: "counts.last", counts: { ...counts, ...changes } });
}

test("readEnvelope reads what a worker has counted", () => {
  assert.deepEqual(readEnvelope(JSON.parse(JSON.stringify(lastCounts({})))), lastCounts({}));
});

const SPENT = { scope: "hosts a.example rateLimit", client: "192.0.2.1", count: 1 };

test("readEnvelope reads what clients have spent in a worker", () => {
  const spent = envelopeOf({ type: "rates.spent", spent: [SPENT] });
  assert.deepEqual(readEnvelope(JSON.parse(JSON.stringify(spent))), spent);
  const news = envelopeOf({ type: "rates.news", spent: [{ ...SPENT, worker: 2 }] });
  assert.deepEqual(readEnvelope(JSON.parse(JSON.stringify(news))), news);
  assert.equal(readEnvelope(envelopeOf({ type: "rates.news", spent: [SPENT] })), undefined);
});

const bad: readonly { name: string; value: unknown }[] = [
  { name: "nothing", value: undefined },
  { name: "null", value: null },
  { name: "text", value: "certificate.ask" },
  { name: "an empty object", value: {} },
  { name: "another version", value: { ...ask, version: 2 } },
  { name: "a sender that is no process", value: { ...ask, from: "root" } },
  { name: "worker 0", value: { ...ask, to: "worker 0" } },
  { name: "a type nobody knows", value: { ...ask, message: { type: "exec" } } },
  { name: "a type of Object's own", value: { ...ask, message: { type: "constructor" } } },
  {
    name: "a host that is a path",
    value: { ...ask, message: { ...ask.message, host: "../../etc" } },
  },
  {
    name: "a host in capitals",
    value: { ...ask, message: { ...ask.message, host: "SHOP.example" } },
  },
  {
    name: "a client that is no address",
    value: { ...ask, message: { ...ask.message, client: "192.0.2.1/24" } },
  },
  {
    name: "a client that is no text",
    value: envelopeOf({ type: "policy.ask", ask: 1, host, client: 3_221_225_985 }),
  },
  {
    name: "more that clients have spent than is told at once",
    value: envelopeOf({ type: "rates.spent", spent: Array(257).fill(SPENT) }),
  },
  {
    name: "a client with a long name that has spent",
    value: envelopeOf({ type: "rates.spent", spent: [{ ...SPENT, client: "a".repeat(65) }] }),
  },
  {
    name: "less than nothing that a client has spent",
    value: envelopeOf({ type: "rates.spent", spent: [{ ...SPENT, count: -1 }] }),
  },
  { name: "a negative number", value: { ...ask, message: { ...ask.message, ask: -1 } } },
  { name: "a number as text", value: { ...ask, message: { ...ask.message, ask: "1" } } },
  {
    name: "a challenge of another type",
    value: envelopeOf({ type: "challenge.arm", challenge: { id: 1, type: "dns-01", host } }),
  },
  {
    name: "a challenge without its answer",
    value: envelopeOf({
      type: "challenge.arm",
      challenge: { id: 1, type: "http-01", host, token: "x" },
    }),
  },
  {
    name: "an outcome that is none",
    value: envelopeOf({ type: "certificate.answer", ask: 1, outcome: { kind: "maybe" } }),
  },
  {
    name: "counts that are too few",
    value: lastCounts({ totals: counts.totals.slice(1) }),
  },
  {
    name: "counts below zero",
    value: lastCounts({ totals: counts.totals.with(0, -1) }),
  },
  {
    name: "counts that are no numbers",
    value: lastCounts({ totals: counts.totals.with(0, Number.POSITIVE_INFINITY) }),
  },
  {
    name: "counts of more hosts than have a place",
    value: lastCounts({ hosts: new Array(limits.metricsHostsMax + 2).fill(counts.hosts[0]) }),
  },
  {
    name: "counts of a host that are too many",
    value: lastCounts({ hosts: [{ host: "a.example", answers: [1, 2, 3, 4, 5, 6, 7] }] }),
  },
  {
    name: "a held outcome without a credential",
    value: envelopeOf({ type: "certificate.answer", ask: 1, outcome: { kind: "held" } }),
  },
];

function envelopeOf(message: unknown): unknown {
  return { ...ask, message };
}

for (const { name, value } of bad) {
  test(`D11: readEnvelope refuses ${name}`, () => {
    assert.equal(readEnvelope(value), undefined);
  });
}

test("readAddress takes the names of our processes and nothing else", () => {
  assert.equal(readAddress("worker 12"), "worker 12");
  for (const text of ["worker 0", "worker", "root", "", undefined])
    assert.equal(readAddress(text), undefined);
});

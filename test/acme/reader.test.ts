import assert from "node:assert/strict";
import { test } from "node:test";
import { AcmeReader } from "../../src/acme/reader.ts";
import { type Clock, systemClock } from "../../src/base/clock.ts";
import { ScriptedCa, urlOf } from "../support/scripted-ca.ts";

const NOW = Date.parse("2026-11-23T12:00:00Z");
const DAY_MS = 86_400_000;
const unending = new AbortController().signal;

test("a renewal window is asked for without an account", async () => {
  const ca = new ScriptedCa();
  ca.script("/renewal/a.b", {
    headers: { "retry-after": "21600" },
    body: {
      suggestedWindow: { start: "2026-12-01T00:00:00Z", end: "2026-12-02T00:00:00.5+01:00" },
      explanationURL: "https://ca.test/why",
    },
  });
  assert.deepEqual(await readerOf(ca).renewalInfo("a.b", unending), {
    start: Date.parse("2026-12-01T00:00:00Z"),
    end: Date.parse("2026-12-01T23:00:00.500Z"),
    explanationUrl: "https://ca.test/why",
    retryAfterMs: 21_600_000,
  });
  assert.deepEqual(ca.requests, ["GET /directory", "GET /renewal/a.b"]);
});

test("a CA without renewal information has no window", async () => {
  const ca = new ScriptedCa();
  ca.script("/directory", {
    body: { newNonce: urlOf("/n"), newAccount: urlOf("/a"), newOrder: urlOf("/o") },
  });
  assert.equal(await readerOf(ca).renewalInfo("a.b", unending), undefined);
});

test("C12: the directory is read once a day, also when the clock was set back", async () => {
  const ca = new ScriptedCa();
  let now = NOW;
  const reader = readerOf(ca, { now: () => now, sleep: () => Promise.resolve() });
  await reader.directory(unending);
  now += DAY_MS - 1;
  await reader.directory(unending);
  assert.equal(ca.requests.length, 1);
  now += 1;
  await reader.directory(unending);
  assert.equal(ca.requests.length, 2);
  now -= 365 * DAY_MS;
  await reader.directory(unending);
  assert.equal(ca.requests.length, 3);
});

test("a directory that lacks what is wanted is read again before that counts, once in 10 s", async () => {
  const ca = new ScriptedCa();
  let now = NOW;
  const reader = readerOf(ca, { now: () => now, sleep: () => Promise.resolve() });
  const lacks = () => true;
  await reader.directory(unending, lacks);
  now += 9_999;
  await reader.directory(unending, lacks);
  assert.equal(ca.requests.length, 1);
  now += 1;
  await reader.directory(unending, () => false);
  assert.equal(ca.requests.length, 1);
  await reader.directory(unending, lacks);
  assert.equal(ca.requests.length, 2);
});

test("renewal information that has moved is asked for where the directory says", async () => {
  const ca = new ScriptedCa();
  const bare = { newNonce: urlOf("/n"), newAccount: urlOf("/a"), newOrder: urlOf("/o") };
  const naming = (path: string) => ({ body: { ...bare, renewalInfo: urlOf(path) } });
  ca.script("/directory", naming("/old"), naming("/new"));
  ca.script("/old/a.b", { status: 404, body: "gone" });
  ca.script("/new/a.b", {
    body: { suggestedWindow: { start: "2026-12-01T00:00:00Z", end: "2026-12-02T00:00:00Z" } },
  });
  const info = await readerOf(ca).renewalInfo("a.b", unending);
  assert.equal(info?.start, Date.parse("2026-12-01T00:00:00Z"));
});

function readerOf(ca: ScriptedCa, clock: Clock = systemClock): AcmeReader {
  return new AcmeReader({ directory: ca.directory, transport: ca, clock });
}

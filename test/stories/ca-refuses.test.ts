import assert from "node:assert/strict";
import { test } from "node:test";
import { limits } from "../../src/config/limits.ts";
import {
  busiestHour,
  countOf,
  type FaultOutcome,
  HOUR,
  issuedAt,
  MINUTE,
  outcomeOf,
  tell,
} from "../support/fault-story.ts";

const host = "shop.example";
const hosts = [host];
/** Each of a domain of its own, so that no budget but the account's is shared. */
const hundred = Array.from({ length: 100 }, (_, nth) => `shop-${nth}.example`);
const DAY = 24 * HOUR;

const refusing = tell([
  { hosts, fault: { kind: "bad-nonce", percent: 100 }, mendedAt: 3 * HOUR, endsAt: 4 * HOUR },
  { hosts, fault: { kind: "bad-nonce", percent: 90 }, mendedAt: DAY, endsAt: 12 * HOUR },
  {
    hosts: hundred,
    fault: { kind: "bad-nonce", percent: 5 },
    mendedAt: DAY,
    endsAt: 10 * MINUTE,
  },
  {
    hosts,
    fault: { kind: "accounts-lost" },
    mendedAt: 3 * HOUR,
    endsAt: 4 * HOUR,
    retryAt: 3 * HOUR + 1_000,
  },
]);

// A request is made again up to 15 times, not five: half of the nonces refused must not keep a site from its
// certificate. What that costs is made up for by waiting an hour after a request that was refused as often.
test("C5: a CA that refuses every nonce is asked no more than 20 times an hour, and issues when it has come to itself", async () => {
  const outcome = await outcomeOf(refusing, 0);
  const { failures } = outcome;
  assert.ok(failures.length >= 3, "it was tried again");
  const ofNonces = failures.every(({ type }) => type.endsWith(":badNonce"));
  assert.ok(ofNonces, JSON.stringify(failures));
  const most = busiestHour(outcome, 3 * HOUR);
  assert.ok(most <= 20, `${most} requests in an hour`);
  assert.ok(issuedAt(outcome, host) <= 4 * HOUR);
});

test("C4: a CA that refuses 90 of 100 nonces sees no request more often than allowed, and an attempt an hour", async () => {
  const outcome = await outcomeOf(refusing, 1);
  const longest = longestRun(outcome);
  const most = limits.acmeBadNonceRetriesMax + 1;
  assert.ok(longest <= most, `one request was made ${longest} times`);
  const apart = outcome.attempts.slice(1).map((at, nth) => at - (outcome.attempts[nth] ?? 0));
  assert.ok(
    apart.every((ms) => ms >= limits.refusedMinMs),
    String(apart),
  );
  assert.ok(issuedAt(outcome, host) <= 12 * HOUR);
});

/** The most requests in a row for the same place and without a pause. */
function longestRun({ requests }: FaultOutcome): number {
  let longest = 0;
  let run = 0;
  for (const [index, { at, place }] of requests.entries()) {
    const before = requests[index - 1];
    run = place === before?.place && at === before.at ? run + 1 : 1;
    longest = Math.max(longest, run);
  }
  return longest;
}

test("C4: a CA that refuses 5 of 100 nonces issues 100 of 100 certificates at the first attempt", async () => {
  const outcome = await outcomeOf(refusing, 2);
  assert.deepEqual(outcome.failures, []);
  assert.equal(outcome.attempts.length, hundred.length);
  assert.equal(countOf(outcome, "new-order") >= hundred.length, true);
  assert.ok(outcome.requests.length <= 60 * hundred.length, `${outcome.requests.length} requests`);
  for (const name of hundred) assert.ok(issuedAt(outcome, name) < 10 * MINUTE, name);
});

test("C14: a CA that forgets every account at once gets one new account an attempt, and no more than ten in 3 h", async () => {
  const outcome = await outcomeOf(refusing, 3);
  const { attempts, requests } = outcome;
  const accounts = requests.filter(({ at, place }) => place === "new-account" && at < 3 * HOUR);
  assert.ok(accounts.length <= Math.min(10, attempts.length + 1), `${accounts.length} accounts`);
  assert.ok(issuedAt(outcome, host) < 4 * HOUR);
});

/** What validators find, and how soon it is worth another look. */
const findings = [
  { type: "connection", attempts: 3 },
  { type: "unauthorized", attempts: 3 },
  { type: "incorrectResponse", attempts: 3 },
  { type: "dns", attempts: 3 },
  { type: "tls", attempts: 3 },
  { type: "rateLimited", attempts: 3 },
  { type: "serverInternal", attempts: 3 },
  { type: "caa", attempts: 1 },
  { type: "rejectedIdentifier", attempts: 1 },
] as const;
const invalid = tell(
  findings.map(({ type }) => ({
    hosts,
    fault: { kind: "challenge-invalid", type },
    mendedAt: 90 * MINUTE,
    endsAt: 90 * MINUTE,
  })),
);

for (const [index, { type, attempts }] of findings.entries()) {
  test(`C8: a challenge that fails with ${type} is tried ${attempts === 1 ? "once" : `${attempts} times`} in the first hour and a half`, async () => {
    const outcome = await outcomeOf(invalid, index);
    assert.equal(outcome.attempts.length, attempts);
    assert.equal(countOf(outcome, "challenge"), attempts);
    assert.ok(outcome.failures.every((failure) => failure.type.endsWith(`:${type}`)));
  });
}

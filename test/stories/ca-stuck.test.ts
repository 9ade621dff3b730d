import assert from "node:assert/strict";
import { test } from "node:test";
import { limits } from "../../src/config/limits.ts";
import {
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

/** Within the hour for which the CA of these stories keeps an order. */
const STUCK_MS = 40 * MINUTE;
const stuck = [
  { what: "an order in processing", kind: "order-stuck", place: "order" },
  {
    what: "an order in processing, with Retry-After: 0",
    kind: "order-stuck",
    place: "order",
    retryAfter: "0",
  },
  {
    what: "an order in processing, with Retry-After: 86400",
    kind: "order-stuck",
    place: "order",
    retryAfter: "86400",
  },
  { what: "an authorization in pending", kind: "authorization-stuck", place: "authorization" },
  {
    what: "an authorization in pending, with Retry-After: 0",
    kind: "authorization-stuck",
    place: "authorization",
    retryAfter: "0",
  },
] as const;
const stuckOutcomes = tell(
  stuck.map(({ what: _, place: __, ...fault }) => ({
    hosts,
    fault,
    mendedAt: STUCK_MS,
    endsAt: HOUR,
  })),
);

/** Requests of each attempt that went to the place where the CA is stuck. */
function looksOf({ attempts, requests }: FaultOutcome, wanted: string): readonly number[] {
  return attempts.map((start, nth) => {
    const end = attempts[nth + 1] ?? Number.POSITIVE_INFINITY;
    return requests.filter(({ at, place }) => place === wanted && at >= start && at < end).length;
  });
}

for (const [index, { what, place }] of stuck.entries()) {
  test(`C7: a CA that keeps ${what} is looked at 20 times in 5 min, and the same order goes on at the next attempt`, async () => {
    const outcome = await outcomeOf(stuckOutcomes, index);
    const { attempts, failures, requests } = outcome;
    assert.ok(failures.length >= 3, "the fault was met again and again");
    assert.ok(failures.every(({ type }) => type === "ACME_UNFINISHED"));
    for (const [nth, { at }] of failures.entries()) {
      const ms = at - (attempts[nth] ?? 0);
      assert.ok(ms <= limits.orderTimeoutMs, `attempt ${nth} took ${ms} ms`);
    }
    // Before and after its proof everything is read once, and a resumed order to begin with.
    for (const looks of looksOf(outcome, place)) assert.ok(looks <= 23, `${looks} looks`);
    const times = requests.filter((each) => each.place === place).map(({ at }) => at);
    const quick = times.filter((at, nth) => at - (times[nth - 1] ?? 0) < limits.acmePollMinMs);
    assert.ok(quick.length <= 3 * attempts.length, `${quick.length} looks without a pause`);
    assert.equal(countOf(outcome, "new-order"), 1);
    assert.ok(issuedAt(outcome, host) < HOUR, "the order of before brought the certificate");
  });
}

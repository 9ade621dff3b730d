import assert from "node:assert/strict";
import { test } from "node:test";
import { VirtualClock } from "../simulation/virtual-clock.ts";
import {
  countOf,
  type FaultOutcome,
  HOUR,
  issuedAt,
  MINUTE,
  outcomeOf,
  tell,
} from "../support/fault-story.ts";

const DAY = 24 * HOUR;
/** The virtual clock's, at which each story starts. */
const START = new VirtualClock().now();

/** How a CA says for how long it wants no order, and for how long it gets none: from a minute to a day. */
const limits = [
  { what: "an hour in seconds", retryAfter: "3600", waitMs: HOUR },
  { what: "a date", retryAfter: new Date(START + HOUR).toUTCString(), waitMs: HOUR },
  { what: "nothing", retryAfter: undefined, waitMs: MINUTE },
  { what: "less than nothing", retryAfter: "-3600", waitMs: MINUTE },
  { what: "a second", retryAfter: "1", waitMs: MINUTE },
  { what: "30 years", retryAfter: "1000000000", waitMs: DAY },
  { what: "nonsense", retryAfter: "soon", waitMs: MINUTE },
  { what: "an hour, on a page of HTML", retryAfter: "3600", isPage: true, waitMs: HOUR },
  { what: "nothing, on a page of HTML", retryAfter: undefined, isPage: true, waitMs: MINUTE },
];

const three = ["shop.example", "blog.example", "mail.example"];
/** Of the same CA and of the other class, and of another CA. */
const FRESH = "fresh.example";
const OTHER = "other.example";
/** What is not held back takes its turns, two seconds each, before this. */
const SOON_MS = 15_000;
/** The last of all has its turn. */
const TURNS_MS = 10_000;

/** The first order of the class meets the limit; a second later the CA would take any. */
const classes = [
  { name: "renewal", hosts: three, isRenewal: true, newHosts: [FRESH] },
  { name: "new certificate", hosts: three, isRenewal: false, newHosts: [] },
];
const rows = classes.flatMap((of) => limits.map((limit) => ({ ...limit, of })));
const outcomes = tell(
  rows.map(({ of: { name: _, ...of }, retryAfter, isPage = false, waitMs }) => ({
    ...of,
    elsewhere: [OTHER],
    fault: {
      ...{ kind: "status", at: "new-order", status: 429, isPage },
      ...(retryAfter === undefined ? {} : { retryAfter }),
    },
    mendedAt: 1_000,
    endsAt: waitMs * 1.05 + MINUTE,
  })),
);

/** Starts of attempts for these hosts. */
function attemptsFor({ attempts, attemptsOf }: FaultOutcome, hosts: readonly string[]): number[] {
  return attempts.filter((_, nth) => hosts.includes(attemptsOf[nth] ?? ""));
}

for (const [index, { what, of, waitMs, isPage = false }] of rows.entries()) {
  test(`C3: a CA that answers 429 to a ${of.name}, and says ${what}, gets no other for ${waitMs / 1_000} s, and other orders and CAs go on`, async () => {
    const outcome = await outcomeOf(outcomes, index);
    const [failure, ...others] = outcome.failures;
    assert.deepEqual(others, []);
    assert.match(failure?.type ?? "", isPage ? /^ACME_PROTOCOL$/ : /:rateLimited$/);
    const [first, ...later] = attemptsFor(outcome, three);
    assert.equal(first, 0);
    const next = Math.min(...later);
    assert.ok(next >= waitMs && next <= 1.05 * waitMs + 2_000, `the next one after ${next} ms`);

    // Of any class and any kind: the hosts that go on have what they want by then.
    const inWindow = outcome.requests.filter(({ at }) => at > SOON_MS && at < waitMs);
    assert.deepEqual(inWindow, [], "nothing is asked in the window");
    const newOrders = outcome.requests.filter(
      ({ at, place }) => place === "new-order" && at < waitMs,
    );
    assert.equal(newOrders.length, 1 + of.newHosts.length);

    for (const host of [...of.newHosts, OTHER])
      assert.ok(issuedAt(outcome, host) < SOON_MS, `${host} after ${issuedAt(outcome, host)} ms`);
    for (const host of three)
      assert.ok(issuedAt(outcome, host) <= next + TURNS_MS, `${host} is not issued`);
    assert.equal(countOf(outcome, "new-order"), 1 + of.newHosts.length + three.length);
  });
}

import assert from "node:assert/strict";
import { test } from "node:test";
import { countOf, HOUR, issuedAt, MINUTE, outcomeOf, tell } from "../support/fault-story.ts";

const DEATHS = 100;
const hosts = Array.from({ length: 5 }, (_, nth) => `shop-${nth}.example`);
/** The first one, and two that go on at once; whoever is cut short so often waits. */
const ATTEMPTS_MAX = 3;
/** Where the program dies in each order, whether the CA still knows the order when it comes again, and what that costs. */
const deaths = [
  { at: "order.started", isLost: false, ordersMax: 1 },
  { at: "order.created", isLost: false, ordersMax: 1 },
  // The CA looks while nobody is there to answer.
  { at: "challenge.armed", isLost: false, ordersMax: 3 },
  { at: "challenge.armed", isLost: true, ordersMax: 3 },
  { at: "order.finalizing", isLost: false, ordersMax: 1 },
] as const;
const outcomes = tell(
  deaths.flatMap(({ at, isLost }) =>
    [false, true].map((isRenewal) => ({
      ...{ hosts, isRenewal, deaths: { at, times: DEATHS } },
      ...(isLost ? { fault: { kind: "status", at: "order", status: 404, isPage: false } } : {}),
      ...{ mendedAt: 5 * MINUTE, endsAt: 3 * HOUR },
    })),
  ),
);

for (const [index, { at, isLost, ordersMax }] of deaths.entries()) {
  for (const [nth, kind] of ["first certificates", "renewals"].entries()) {
    const lost = isLost ? " and the CA forgets the order" : "";
    test(`D7: a program that dies ${DEATHS} times at ${at} of ${kind}${lost} makes no more than ${ATTEMPTS_MAX} attempts and ${ordersMax} ${ordersMax === 1 ? "order" : "orders"} for each host, and one account`, async (t) => {
      const outcome = await outcomeOf(outcomes, 2 * index + nth);
      t.diagnostic(`${outcome.quietDeaths} deaths without an order`);
      const until = outcome.requests.filter((each) => each.at <= 5 * MINUTE);
      const accounts = until.filter(({ place }) => place === "new-account").length;
      const orders = until.filter(({ place }) => place === "new-order").length;
      assert.ok(accounts <= 1, `${accounts} accounts`);
      assert.ok(orders <= ordersMax * hosts.length, `${orders} orders`);
      for (const host of hosts) {
        const attempts = outcome.attempts.filter(
          (each, place) => each <= 5 * MINUTE && outcome.attemptsOf[place] === host,
        );
        assert.ok(attempts.length <= ATTEMPTS_MAX, `${attempts.length} attempts for ${host}`);
      }
      assert.ok(outcome.quietDeaths >= DEATHS - ATTEMPTS_MAX * hosts.length, "it died as often");
      for (const host of hosts) assert.ok(issuedAt(outcome, host) < 3 * HOUR, host);
      assert.equal(countOf(outcome, "new-account"), 1);
    });
  }
}

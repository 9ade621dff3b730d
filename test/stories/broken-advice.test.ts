import assert from "node:assert/strict";
import { test } from "node:test";
import { VirtualClock } from "../simulation/virtual-clock.ts";
import { countOf, HOUR, issuedAt, MINUTE, outcomeOf, tell } from "../support/fault-story.ts";

const host = "shop.example";
const LIFE_MS = 160 * HOUR;
/** Half of the life, and up to a tenth of that sooner. */
const BY_LIFE = { from: 72 * HOUR, to: 80 * HOUR };
/** The virtual clock's, at which each story starts. */
const START = new VirtualClock().now();

function windowOf(fromMs: number, toMs: number): string {
  const [start, end] = [fromMs, toMs].map((ms) => new Date(START + ms).toISOString());
  return JSON.stringify({ suggestedWindow: { start, end } });
}

/** One of each kind; more of them, row by row, in test/certificate/renewal-info.test.ts. */
const useless = [
  { what: "404", status: 404, body: '{"type":"urn:ietf:params:acme:error:malformed"}' },
  { what: "a page", status: 200, body: "<h1>Welcome</h1>" },
  { what: "an end before the start", status: 200, body: windowOf(90 * HOUR, 80 * HOUR) },
  { what: "the year 9000", status: 200, body: windowOf(6e13, 7e13) },
  { what: "429 and 30 years", status: 429, body: "<h1>Slow down</h1>", retryAfter: "1000000000" },
];
const outcomes = tell(
  useless.map(({ what: _, ...answer }) => ({
    ...{ hosts: [host], hasWindows: true, lifeMs: LIFE_MS, fault: { kind: "advice", ...answer } },
    ...{ mendedAt: BY_LIFE.to + HOUR, endsAt: BY_LIFE.to + HOUR },
  })),
);

for (const [index, { what }] of useless.entries()) {
  test(`C11: with a CA that answers ${what} to each question of when to renew, a certificate is renewed by its life, with one order, and asked about a few times a day`, async () => {
    const outcome = await outcomeOf(outcomes, index);
    const renewedAt = issuedAt(outcome, host);
    assert.ok(
      renewedAt >= BY_LIFE.from && renewedAt <= BY_LIFE.to + MINUTE,
      `after ${renewedAt / HOUR} h`,
    );
    assert.equal(countOf(outcome, "new-order"), 2);
    assert.deepEqual(outcome.failures, []);
    assert.deepEqual(outcome.statesAtEnd, ["valid"]);
    const asked = countOf(outcome, "renewal-info");
    // 1, 2, 4 … min, then every six hours, for each of the two; later where it names a time.
    assert.ok(asked >= 3 && asked <= 2 * (8 + 80 / 6), `${asked} questions`);
  });
}

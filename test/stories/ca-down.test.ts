import assert from "node:assert/strict";
import { test } from "node:test";
import { countOf, HOUR, issuedAt, MINUTE, outcomeOf, tell } from "../support/fault-story.ts";

const host = "shop.example";
const hosts = [host];

// The ladder of what never reached the CA, 1 to 15 minutes, is the project's own decision: one request each
// time, with which a site is up again a quarter of an hour after its CA. What was refused waits longer.
const down = [
  { what: "at the first certificate", isRenewal: false, state: "failed" },
  { what: "at renewal", isRenewal: true, state: "failing" },
] as const;
const unreachable = { hosts, fault: { kind: "unreachable" }, mendedAt: 2 * HOUR } as const;
const downOutcomes = tell([
  ...down.map(({ isRenewal }) => ({ ...unreachable, isRenewal, endsAt: 3 * HOUR })),
  { ...unreachable, retryAt: 2 * HOUR + 1_000, endsAt: 2 * HOUR + 10_000 },
]);

for (const [index, { what, state }] of down.entries()) {
  test(`C1: a CA that is down for two hours ${what} is asked one thing, 12 times, and issues a quarter of an hour later`, async () => {
    const outcome = await outcomeOf(downOutcomes, index);
    const whileDown = outcome.requests.filter(({ at }) => at < 2 * HOUR);
    assert.ok(
      whileDown.every(({ place }) => place === "directory"),
      "nothing else is asked",
    );
    assert.ok(whileDown.length <= 13, `${whileDown.length} requests`);
    const gaps = whileDown.slice(1).map(({ at }, nth) => at - (whileDown[nth]?.at ?? 0));
    const ladder = [1, 2, 4, 8, ...Array<number>(gaps.length).fill(15)];
    for (const [nth, gap] of gaps.entries()) {
      const wanted = (ladder[nth] ?? 0) * MINUTE;
      assert.ok(gap >= 0.9 * wanted && gap <= 1.1 * wanted + 2_000, `wait ${nth} was ${gap} ms`);
    }
    assert.equal(outcome.stateAtMending, state);
    assert.ok(
      issuedAt(outcome, host) <= 2 * HOUR + 17 * MINUTE,
      `issued after ${issuedAt(outcome, host)} ms`,
    );
    assert.equal(countOf(outcome, "new-order"), 1);
  });
}

test("C1: a CA that is back is asked within a second of an operator's word, and issues", async () => {
  const outcome = await outcomeOf(downOutcomes, down.length);
  const { retryMs = Number.POSITIVE_INFINITY } = outcome;
  assert.ok(retryMs <= 5_000, `it took ${retryMs} ms`);
  assert.ok(issuedAt(outcome, host) < 2 * HOUR + 6_000);
});

const PLACES = [
  "directory",
  "new-nonce",
  "new-account",
  "new-order",
  "authorization",
  "challenge",
  "finalize",
  "order",
  "certificate",
] as const;
/** As CAs and the gateways before them say it. */
const ERRORS = [
  { status: 500, isPage: false },
  { status: 502, isPage: true },
  { status: 503, isPage: true },
  { status: 503, isPage: false, retryAfter: "840" },
] as const;
/** Within the hour for which the CA of these stories keeps an order. */
const FAULTY_MS = 50 * MINUTE;
const broken = PLACES.flatMap((at) => ERRORS.map((error) => ({ at, ...error })));
const brokenOutcomes = tell(
  broken.map((error) => ({
    hosts,
    fault: { kind: "status", ...error },
    mendedAt: FAULTY_MS,
    // Where the CA named no time, an operator need not wait for the ladder.
    retryAt: FAULTY_MS + 1_000,
    endsAt: FAULTY_MS + ("retryAfter" in error ? 15 : 1) * MINUTE,
  })),
);

for (const [index, error] of broken.entries()) {
  const { at, status, isPage } = error;
  const retryAfterMs = "retryAfter" in error ? Number(error.retryAfter) * 1_000 : undefined;
  const how = isPage ? "and a page" : retryAfterMs ? "and Retry-After" : "and a problem";
  test(`C2: a CA that answers ${at} with ${status} ${how} is asked again by the ladder, and issues with one order`, async () => {
    const outcome = await outcomeOf(brokenOutcomes, index);
    const { attempts, failures } = outcome;
    const inFault = attempts.filter((each) => each < FAULTY_MS);
    // Refused: 0, 1, 11 min. A gateway says nothing of the CA: 1, 2, 4, 8, 15 min.
    assert.ok(inFault.length <= (isPage ? 7 : 4), `attempts at ${inFault.join(", ")}`);
    assert.ok(failures.length >= 2, "the fault was met");
    const asked = outcome.requests.filter((each) => each.place === at && each.at < FAULTY_MS);
    // A nonce is asked for again at every new request, an authorization before and after its proof.
    assert.ok(asked.length <= 3 * inFault.length, `${asked.length} requests for ${at}`);
    if (retryAfterMs !== undefined) {
      const [first] = failures;
      const start = first?.at ?? 0;
      const early = outcome.requests.filter(
        (each) => each.at > start && each.at < start + retryAfterMs,
      );
      assert.deepEqual(early, [], "nothing is asked before the CA's time");
    }
    assert.notEqual(issuedAt(outcome, host), Number.POSITIVE_INFINITY);
    if (at !== "new-order") assert.equal(countOf(outcome, "new-order"), 1);
  });
}

const five = Array.from({ length: 5 }, (_, nth) => `shop-${nth}.example`);
const LONG = 30 * HOUR;
const longOutcome = tell([
  {
    ...{ hosts: five, isRenewal: true, mendedAt: LONG, endsAt: 2 * LONG },
    fault: { kind: "status", at: "finalize", status: 500, isPage: false },
  },
]);

test("C2: after a day of errors of the CA the first name that it issues for brings the attempts of the others forward", async () => {
  const outcome = await outcomeOf(longOutcome, 0);
  const times = five.map((name) => issuedAt(outcome, name)).sort((one, other) => one - other);
  const [first = 0] = times;
  assert.ok(first >= LONG, `${first}`);
  assert.ok((times.at(-1) ?? 0) <= first + MINUTE, `${times}`);
});

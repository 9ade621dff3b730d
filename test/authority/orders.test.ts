import assert from "node:assert/strict";
import { test } from "node:test";
import {
  authorizationStatus,
  type ChallengeState,
  Orders,
  orderProblem,
  orderStatus,
} from "../../src/authority/orders.ts";
import { problemOf } from "../../src/authority/refusal.ts";
import { parsePlain } from "../../src/base/hostname.ts";
import { ManualClock } from "../support/manual-clock.ts";

const names = [parsePlain("a.test")!, parsePlain("b.test")!];
const plan = {
  account: "me",
  names,
  challenges: ["http-01", "tls-alpn-01"],
  replaces: undefined,
} as const;
const valid: ChallengeState = { status: "valid", validatedAt: 0 };
const invalid: ChallengeState = { status: "invalid", problem: problemOf("tls", "no") };
const pending: ChallengeState = { status: "pending" };
const processing: ChallengeState = { status: "processing" };

/** The states of two challenges for each of two names, and what the order is by them. */
const states = [
  { first: [pending, pending], second: [pending, pending], order: "pending" },
  { first: [processing, pending], second: [valid, pending], order: "pending" },
  { first: [valid, pending], second: [pending, valid], order: "ready" },
  { first: [valid, pending], second: [pending, invalid], order: "invalid" },
  { first: [invalid, valid], second: [valid, valid], order: "invalid" },
];

for (const { first, second, order: expected } of states) {
  const row = [...first, ...second].map(({ status }) => status).join(" ");
  test(`an order with challenges ${row} is ${expected}`, () => {
    const order = new Orders(new ManualClock()).place(plan);
    [first, second].forEach((pair, name) => {
      pair.forEach((state, index) => {
        order.authorizations[name]!.challenges[index]!.state = state;
      });
    });
    assert.equal(orderStatus(order, false), expected);
    assert.equal(orderProblem(order) !== undefined, expected === "invalid");
    assert.equal(orderStatus(order, true), "invalid");
  });
}

test("an order is processing while its certificate is made, and valid ever after", () => {
  const order = new Orders(new ManualClock()).place(plan);
  for (const { challenges } of order.authorizations) challenges[0]!.state = valid;
  order.issuance = { kind: "running" };
  assert.equal(orderStatus(order, false), "processing");
  order.issuance = { kind: "done", chain: "" };
  assert.deepEqual([orderStatus(order, false), orderStatus(order, true)], ["valid", "valid"]);
});

test("an authorization expires unless it has failed", () => {
  const { authorizations } = new Orders(new ManualClock()).place(plan);
  assert.equal(authorizationStatus(authorizations[0]!, true), "expired");
  authorizations[0]!.challenges[0]!.state = invalid;
  assert.equal(authorizationStatus(authorizations[0]!, true), "invalid");
});

test("each challenge has a token of its own that nobody guesses", () => {
  const { authorizations } = new Orders(new ManualClock()).place(plan);
  const tokens = authorizations.flatMap(({ challenges }) => challenges.map(({ token }) => token));
  assert.equal(new Set(tokens).size, 4);
  for (const token of tokens) assert.match(token, /^[A-Za-z0-9_-]{32}$/);
});

test("a flood of orders leaves the newest 1,000, and expired ones go first of all", () => {
  const clock = new ManualClock();
  const orders = new Orders(clock);
  const first = orders.place(plan);
  for (let count = 0; count < 1_500; count += 1) orders.place(plan);
  assert.equal(orders.size, 1_000);
  assert.throws(() => orders.find(first.id, "me"), { name: "Refusal" });
  clock.advance(86_400_001);
  orders.place(plan);
  assert.equal(orders.size, 1);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { NameBudgets } from "../../src/certificate/name-budgets.ts";
import { keptLog, named } from "../support/stored.ts";

const NOW = Date.UTC(2026, 10, 25);
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

function spend(
  budgets: NameBudgets,
  client: string | undefined,
  count: number,
  now: number,
): number {
  return Array.from({ length: count }, (_, index) =>
    budgets.spendClient(
      client,
      named(`n${index}-${now}-${client?.replaceAll(".", "-")}.shop.example`),
      now,
    ),
  ).filter(Boolean).length;
}

test("T31: a client brings 20 new names at once and 5 a minute from then on; others have budgets of their own", () => {
  const log = keptLog();
  const budgets = new NameBudgets(log);
  assert.equal(spend(budgets, "192.0.2.1", 10_000, NOW), 20);
  assert.equal(spend(budgets, "192.0.2.2", 10_000, NOW), 20);
  assert.equal(spend(budgets, "192.0.2.1", 10_000, NOW + MINUTE), 5);
  const { budget, client } = log.events[0]?.facts ?? {};
  assert.deepEqual([budget, client], ["client", "192.0.2.1"]);
  assert.equal(log.events.length, 2, "one line a minute");
});

test("all addresses of an IPv6 /64 are one client", () => {
  const budgets = new NameBudgets(keptLog());
  const spent = Array.from({ length: 100 }, (_, index) =>
    budgets.spendClient(`2001:db8::${index.toString(16)}`, named(`n${index}.example`), NOW),
  );
  assert.equal(spent.filter(Boolean).length, 20);
});

test("a name that was paid for is free for everybody, for a minute", () => {
  const budgets = new NameBudgets(keptLog());
  const host = named("customer.example");
  assert.ok(budgets.spendClient("192.0.2.2", host, NOW));
  spend(budgets, "192.0.2.1", 100, NOW);
  assert.ok(budgets.spendClient("192.0.2.1", host, NOW + 59_999));
  assert.equal(budgets.spendClient("192.0.2.1", named("other.example"), NOW), false);
});

test("nobody is counted behind a trusted proxy", () => {
  assert.equal(spend(new NameBudgets(keptLog()), undefined, 1_000, NOW), 1_000);
});

test("T31: a registered domain has 40 new names at once and 40 in a week, whoever brings them and however deep", () => {
  const log = keptLog();
  const budgets = new NameBudgets(log);
  const order = (from: number, now: number) =>
    Array.from({ length: 1_000 }, (_, index) =>
      budgets.spendDomain(named(`n${from + index}.a.shop.co.uk`), now),
    ).filter(Boolean).length;
  assert.equal(order(0, NOW), 40);
  assert.equal(order(1_000, NOW + 168 * HOUR), 40);
  assert.ok(budgets.spendDomain(named("other.co.uk"), NOW));
  assert.equal(log.events[0]?.facts?.["domain"], "shop.co.uk");
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { NameBudgets } from "../../src/certificate/name-budgets.ts";
import { keptLog, named } from "../support/stored.ts";

const NOW = Date.UTC(2026, 10, 25);
const MINUTE = 60_000;

/** Any domain has all that it wants. */
function budgetsOf(log = keptLog()): NameBudgets {
  return new NameBudgets({ log, spendOnDemand: async () => true });
}

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
  const budgets = budgetsOf(log);
  assert.equal(spend(budgets, "192.0.2.1", 10_000, NOW), 20);
  assert.equal(spend(budgets, "192.0.2.2", 10_000, NOW), 20);
  assert.equal(spend(budgets, "192.0.2.1", 10_000, NOW + MINUTE), 5);
  const { budget, client } = log.events[0]?.facts ?? {};
  assert.deepEqual([budget, client], ["client", "192.0.2.1"]);
  assert.equal(log.events.length, 2, "one line a minute");
});

test("all addresses of an IPv6 /64 are one client", () => {
  const budgets = budgetsOf();
  const spent = Array.from({ length: 100 }, (_, index) =>
    budgets.spendClient(`2001:db8::${index.toString(16)}`, named(`n${index}.example`), NOW),
  );
  assert.equal(spent.filter(Boolean).length, 20);
});

test("a name that was paid for is free for everybody, for a minute", () => {
  const budgets = budgetsOf();
  const host = named("customer.example");
  assert.ok(budgets.spendClient("192.0.2.2", host, NOW));
  spend(budgets, "192.0.2.1", 100, NOW);
  assert.ok(budgets.spendClient("192.0.2.1", host, NOW + 59_999));
  assert.equal(budgets.spendClient("192.0.2.1", named("other.example"), NOW), false);
});

test("nobody is counted behind a trusted proxy", () => {
  assert.equal(spend(budgetsOf(), undefined, 1_000, NOW), 1_000);
});

test("T31: a domain is asked for one name by its registered name, however deep it is, and once for all who come for it", async () => {
  const log = keptLog();
  const asked: string[] = [];
  const budgets = new NameBudgets({
    log,
    spendOnDemand: async (domain) => {
      asked.push(domain);
      return asked.length === 1;
    },
  });
  const spend = (name: string, now = NOW) => budgets.spendDomain(named(name), [], now);
  const crowd = Array.from({ length: 100 }, () => spend("n.a.shop.co.uk"));
  assert.deepEqual(new Set(await Promise.all(crowd)), new Set([true]));
  assert.ok(await spend("n.a.shop.co.uk", NOW + 59_999), "it was paid for");
  assert.equal(await spend("other.shop.co.uk"), false);
  assert.deepEqual(asked, ["shop.co.uk", "shop.co.uk"]);
  assert.equal(log.only("on-demand.budget-spent")["domain"], "shop.co.uk");
});

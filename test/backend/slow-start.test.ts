import assert from "node:assert/strict";
import { test } from "node:test";
import { Balancer } from "../../src/backend/balance.ts";
import { Deadlines } from "../../src/backend/deadlines.ts";
import { limits } from "../../src/config/limits.ts";
import { balance, httpBackend, pathRoute } from "../support/relay-world.ts";
import { holdTicks } from "../support/ticks.ts";

const SLOW_MS = 10_000;
const NOBODY = {
  tried: [],
  clientAddress: "192.0.2.7",
  home: undefined,
  backendFree: () => undefined,
};

test("A backend that takes connections again starts slowly on every route that leads there", (t) => {
  const pass = holdTicks(t);
  const deadlines = new Deadlines();
  const watched = { tick: () => undefined };
  deadlines.watch(watched);
  t.after(() => deadlines.forget(watched));
  const balancer = new Balancer(deadlines);
  const rules = balance({ slowStartMs: SLOW_MS, weights: [100, 100] });
  const groups = ["/", "/api/"].map((prefix) =>
    balancer.groupOf(pathRoute([httpBackend(1), httpBackend(2)], { prefix, balance: rules })),
  );
  /** How many of 110 requests on each route the second backend gets. */
  const shares = () =>
    groups.map((group) => {
      let count = 0;
      for (let asked = 0; asked < 110; asked += 1) {
        const member = balancer.choose(group, NOBODY);
        assert.ok(typeof member !== "string");
        if (member === group.members[1]) count += 1;
        balancer.release(member);
      }
      return count;
    });
  const found = groups[0]?.members[1];
  assert.ok(found);
  assert.deepEqual(shares(), [55, 55]);
  balancer.markDown(found);
  assert.deepEqual(shares(), [0, 0]);
  pass(limits.backendDownMs);
  balancer.markUp(found);
  for (const share of shares()) assert.ok(share > 0 && share <= 11, `${share}`);
  pass(SLOW_MS);
  assert.deepEqual(shares(), [55, 55]);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { Balancer } from "../../src/backend/balance.ts";
import { Deadlines } from "../../src/backend/deadlines.ts";
import type { Member } from "../../src/backend/group.ts";
import { balance, httpBackend, pathRoute } from "../support/relay-world.ts";
import { holdTicks } from "../support/ticks.ts";

const MOST = 2;

/** Backends of which the first is full, with a row of clients that wait for it as their own. */
function crowd(waiting: number) {
  const balancer = new Balancer(new Deadlines());
  const backends = [1, 2, 3].map(httpBackend);
  const rules = balance({ method: "cookie", maxConnections: MOST });
  const group = balancer.groupOf(pathRoute(backends, { balance: rules }));
  const [own, other] = group.members;
  assert.ok(own && other);
  const seen = { looks: 0, woken: [] as number[] };
  const seeker = (home: Member, name = -1) => ({
    tried: [],
    clientAddress: "192.0.2.7",
    get home() {
      seen.looks += 1;
      return home;
    },
    backendFree() {
      seen.woken.push(name);
      balancer.choose(group, this);
    },
  });
  for (let held = 0; held < MOST; held += 1) assert.equal(balancer.choose(group, seeker(own)), own);
  const row = Array.from({ length: waiting }, (_, name) => seeker(own, name));
  for (const each of row) assert.ok(balancer.wait(group, each, false));
  return { balancer, group, own, other, seeker, seen };
}

test("A request that ends at a backend with room looks at nobody who waits for another one", (t) => {
  holdTicks(t);
  const { balancer, group, own, other, seeker, seen } = crowd(500);
  seen.looks = 0;
  for (let request = 0; request < 100; request += 1) {
    assert.equal(balancer.choose(group, seeker(other)), other);
    balancer.release(other);
  }
  assert.ok(seen.looks <= 1_000, `${seen.looks} looks`);
  balancer.release(own);
  balancer.release(own);
  assert.deepEqual(seen.woken, [0, 1]);
});

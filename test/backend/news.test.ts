import assert from "node:assert/strict";
import { test } from "node:test";
import { Balancer } from "../../src/backend/balance.ts";
import { Deadlines } from "../../src/backend/deadlines.ts";
import { BackendsReader } from "../../src/backend/news.ts";
import { configOf } from "../support/config-text.ts";

const BACKEND = "http://127.0.0.1:3001";

/** Is the backend of each entry of this host up, once a manager has said that it is down under `path`? */
function upAfterDown(host: string, path = "/"): readonly (boolean | undefined)[] {
  const { hosts } = configOf(`hosts: { shop.internal: ${host} }`);
  const balancer = new Balancer(new Deadlines());
  const place = { host: "shop.internal", path, backend: BACKEND };
  new BackendsReader(balancer, hosts).hear({
    cookieSecret: "",
    drained: [],
    checked: [{ ...place, isHealthy: false }],
  });
  const action = hosts[0]?.action;
  assert.ok(action?.kind === "forward");
  const forwarding = action.paths.filter((route) => route.answer === undefined);
  return forwarding.map((route) => balancer.groupOf(route).members[0]?.isUp);
}

test("A backend that is looked at is down when the manager says so", () => {
  assert.deepEqual(upAfterDown("{ to: 3001, health: on }"), [false]);
});

test("What the manager of the configuration before says of a backend that is not looked at any more counts for nothing", () => {
  assert.deepEqual(upAfterDown("{ to: 3001 }"), [true]);
});

test("Of two entries with one prefix, only the one that has checks goes by them", () => {
  const entries = "[{ match: { methods: [POST] }, to: 3001, health: off }, { to: 3001 }]";
  const up = upAfterDown(`{ to: 3002, health: on, paths: { /v1/: ${entries} } }`, "/v1/");
  assert.deepEqual(up, [true, false, true]);
});

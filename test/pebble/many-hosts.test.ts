import assert from "node:assert/strict";
import { test } from "node:test";
import { CaWorld } from "../support/ca-world.ts";
import { browse } from "../support/visit.ts";

const HOSTS = Array.from({ length: 100 }, (_, index) => `h${index + 1}.shop.example`);
/** On two idle cores it takes a quarter of this. */
const WITHIN_S = 60;

test("a hundred hosts at once have a certificate each, by one account and an order each, within a minute", async (t) => {
  await using world = await CaWorld.start();
  const root = await world.pebble.roots();
  const startedAt = performance.now();
  await using latchkey = await world.start(`
workers: 2
log: { access: on }
limits: { orderPaceMs: 0, ordersInFlightMax: 50 }
acme: { issuers: [${world.issuer()}] }
hosts:
${HOSTS.map((host) => `  ${host}: { respond: ${host} }`).join("\n")}`);
  for (const wanted of HOSTS)
    await latchkey.event("certificate.swapped", ({ host }) => host === wanted);
  const seconds = (performance.now() - startedAt) / 1_000;
  t.diagnostic(`${HOSTS.length} certificates, from the start on: ${seconds.toFixed(1)} s`);
  assert.ok(seconds < WITHIN_S, `${seconds} s`);

  assert.deepEqual(world.asked, { accounts: 1, orders: HOSTS.length, issued: HOSTS.length });
  assert.equal(latchkey.count("certificate.failed"), 0);
  const { hosts: rows } = await latchkey.status();
  assert.ok(rows.every(({ state, attempts }) => state === "valid" && attempts === 0));
  assert.equal(new Set(rows.map(({ serial }) => serial)).size, HOSTS.length);

  // Each is verified for its host; several visits each, so that both workers have their share.
  for (const { host, serial } of [...rows, ...rows, ...rows]) {
    const page = await browse(world.httpsPort, host, root);
    assert.deepEqual([page.body, page.serial], [host, serial]);
  }
  const workers = latchkey.lines.flatMap(({ event, process }) =>
    event === "request.done" ? [process] : [],
  );
  assert.deepEqual([...new Set(workers)].sort(), ["worker 1", "worker 2"]);
});

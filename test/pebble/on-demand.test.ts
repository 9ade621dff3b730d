import assert from "node:assert/strict";
import { createServer } from "node:http";
import { after, test } from "node:test";
import { CaWorld, settledRow } from "../support/ca-world.ts";
import { closeServer, listenAnywhere } from "../support/tls-door.ts";
import { browse, handshake, refusal } from "../support/visit.ts";

const world = await CaWorld.start();
const root = await world.pebble.roots();
after(() => world[Symbol.asyncDispose]());

test("on demand, a public CA is asked for exactly the names that the list allows", async () => {
  await using latchkey = await world.start(`
acme: { issuers: [${world.issuer()}] }
onDemand: { allow: [a.customers.example] }
hosts: { "*.customers.example": { respond: ok } }`);
  const before = world.asked.orders;
  assert.equal((await refusal(world.httpsPort, "b.customers.example")).alert, 112);
  assert.equal((await refusal(world.httpsPort, "a.b.customers.example")).alert, 112);
  const page = await browse(world.httpsPort, "a.customers.example", root);
  assert.equal(page.body, "ok");
  assert.equal(world.asked.orders - before, 1);
  const row = await settledRow(latchkey, "a.customers.example");
  assert.deepEqual([row.state, row.serial], ["valid", page.serial]);
  const { hosts } = await latchkey.status();
  assert.deepEqual(
    hosts.map(({ host }) => host),
    ["*.customers.example", "a.customers.example"],
  );
});

test("with acme.issue: first-visit nothing is ordered until somebody comes, and then once for all who do", async () => {
  const before = world.asked.orders;
  await using latchkey = await world.start(`
acme: { issuers: [${world.issuer()}], issue: first-visit }
hosts: { a.shop.example: { respond: ok }, b.shop.example: { respond: ok } }`);
  const visitors = Array.from({ length: 8 }, () =>
    handshake(world.httpsPort, "a.shop.example", root),
  );
  const serials = new Set((await Promise.all(visitors)).map(({ serial }) => serial));
  assert.equal(serials.size, 1);
  assert.equal((await settledRow(latchkey, "a.shop.example")).servedSerial, [...serials][0]);
  assert.equal(world.asked.orders - before, 1);
  const { hosts } = await latchkey.status();
  assert.equal(hosts.find(({ host }) => host === "b.shop.example")?.state, "waiting");
});

test("a visitor who comes before the certificate waits for it", async () => {
  world.gate.hold();
  await using latchkey = await world.start(`
acme: { issuers: [${world.issuer()}] }
hosts: { c.shop.example: { respond: ok } }`);
  const page = browse(world.httpsPort, "c.shop.example", root);
  await latchkey.event("order.started");
  world.gate.open();
  assert.equal((await page).body, "ok");
  assert.equal(latchkey.count("order.started"), 1);
});

test("T31: of the names that the service allows, a public CA is asked for those that lead here in DNS", async () => {
  const service = createServer(({ url = "" }, response) => {
    response.writeHead(/domain=(here|away)\.customers\.example$/.test(url) ? 200 : 404).end();
  });
  const port = await listenAnywhere(service);
  const { pebble } = world;
  const lead = (host: string, address: string) =>
    pebble.say("add-a", { host: `${host}.`, addresses: [address] });
  await lead("away.customers.example", "203.0.113.9");
  await lead("gateway.shop.example", "198.51.100.1");
  await using latchkey = await world.start(`
acme: { issuers: [${world.issuer()}], issue: first-visit, resolvers: ["${pebble.nameServer}"] }
onDemand: { ask: "http://127.0.0.1:${port}/allowed" }
hosts: { "*.customers.example": { respond: ok }, gateway.shop.example: { respond: ok } }`);
  const before = world.asked.orders;
  assert.equal((await refusal(world.httpsPort, "made-up.customers.example")).alert, 112);
  assert.equal((await refusal(world.httpsPort, "away.customers.example")).alert, 112);
  assert.equal(world.asked.orders - before, 0);
  const page = await browse(world.httpsPort, "here.customers.example", root);
  assert.equal(page.body, "ok");
  assert.equal(world.asked.orders - before, 1);
  const { hosts } = await latchkey.status();
  assert.deepEqual(
    hosts.map(({ host }) => host),
    ["*.customers.example", "here.customers.example", "gateway.shop.example"],
  );
  await closeServer(service);
});

import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { CaWorld, settledRow } from "../support/ca-world.ts";
import { runProgram } from "../support/client-program.ts";
import type { Latchkey } from "../support/latchkey.ts";
import { handshake } from "../support/visit.ts";

const HOST = "a.shop.example";

/** Slow enough to be met in the middle of an order: the CA asks for a second between two looks. */
const SLOW = { retryAfterSeconds: 1 };

function configOf(world: CaWorld, ...hosts: readonly string[]): string {
  const entries = hosts.map((host) => `  ${host}: { respond: ok }`).join("\n");
  return `workers: 1\nacme: { issuers: [${world.issuer()}] }\nhosts:\n${entries}`;
}

async function killManager(latchkey: Latchkey): Promise<void> {
  process.kill(await managerOf(latchkey), "SIGKILL");
  await latchkey.event("manager.exited");
}

async function managerOf(latchkey: Latchkey): Promise<number> {
  const ready = await latchkey.event("process.ready", ({ child }) => child === "manager");
  return Number(ready["pid"]);
}

test("a restart orders nothing that storage holds, and uses the account of before", async () => {
  await using world = await CaWorld.start();
  const storage = join(world.folder, "storage");
  await using first = await world.start(configOf(world, HOST), { storage });
  await first.event("certificate.swapped");
  const { serial } = await settledRow(first, HOST);
  assert.equal(await first.stop(), 0);

  await using second = await world.start(configOf(world, HOST, "b.shop.example"), { storage });
  await second.event("certificate.swapped", ({ host }) => host === "b.shop.example");
  assert.deepEqual(world.asked, { accounts: 1, orders: 2, issued: 2 });
  assert.equal(second.count("order.started"), 1);
  assert.equal((await settledRow(second, HOST)).serial, serial);
  assert.equal((await handshake(world.httpsPort, HOST, await world.pebble.roots())).serial, serial);
});

for (const moment of ["order.created", "challenge.armed", "order.finalizing"]) {
  test(`D3, D6: a manager killed at ${moment} goes on with the order that is on disk`, async () => {
    await using world = await CaWorld.start(SLOW);
    await using latchkey = await world.start(configOf(world, HOST));
    await latchkey.event(moment);
    await killManager(latchkey);
    await latchkey.event("order.resumed");
    await latchkey.event("certificate.swapped");
    assert.deepEqual(world.asked, { accounts: 1, orders: 1, issued: 1 });
    const row = await settledRow(latchkey, HOST);
    assert.deepEqual([row.state, row.attempts, row.lastError], ["valid", 0, null]);
  });
}

test("D10: a manager that is stopped in the middle of an order is replaced within seconds, and the next one goes on with that order", async () => {
  await using world = await CaWorld.start(SLOW);
  await using latchkey = await world.start(configOf(world, HOST));
  await latchkey.event("challenge.armed");
  process.kill(await managerOf(latchkey), "SIGSTOP");
  await latchkey.event("process.hung", ({ child }) => child === "manager");
  await latchkey.event("order.resumed");
  await latchkey.event("certificate.swapped");
  assert.deepEqual(world.asked, { accounts: 1, orders: 1, issued: 1 });
});

test("a manager killed before the CA answered anything tries again at once", async () => {
  await using world = await CaWorld.start();
  world.gate.hold();
  await using latchkey = await world.start(configOf(world, HOST));
  await latchkey.event("order.started");
  await killManager(latchkey);
  world.gate.open();
  const swapped = await latchkey.event("certificate.swapped");
  const started = await latchkey.event("order.started");
  assert.ok(Date.parse(String(swapped["time"])) - Date.parse(String(started["time"])) < 30_000);
  assert.equal(world.asked.orders, 1);
});

const powerCuts = [
  // The CA looks while nobody is there to answer, and makes the order invalid; or it has not looked yet.
  { moment: "challenge.armed", ordersMax: 2 },
  { moment: "challenge.valid", ordersMax: 1 },
];

for (const { moment, ordersMax } of powerCuts) {
  test(`D6: a whole program killed at ${moment} needs no more than ${ordersMax} orders`, async () => {
    await using world = await CaWorld.start(SLOW);
    const storage = join(world.folder, "storage");
    await using first = await world.start(configOf(world, HOST), { storage });
    await first.event(moment);
    await first.kill();

    await using second = await world.start(configOf(world, HOST), { storage });
    await second.event("certificate.swapped");
    const { accounts, orders } = world.asked;
    assert.equal(accounts, 1);
    assert.ok(orders <= ordersMax, `${orders} orders`);
    assert.equal(second.count("order.resumed") + second.count("order.lost"), 1);
  });
}

test("D7: a program that is killed 20 times in a row while it orders asks the CA for no more than 3 orders, and issues when asked to", {
  timeout: 600_000,
}, async () => {
  await using world = await CaWorld.start(SLOW);
  const storage = join(world.folder, "storage");
  for (let life = 0; life < 20; life += 1) {
    await using latchkey = await world.start(configOf(world, HOST), { storage });
    // In the middle of an attempt, or as soon as it is clear that none is made.
    await Promise.race([latchkey.event("challenge.armed"), settledRow(latchkey, HOST)]);
    await latchkey.kill();
  }
  const { accounts, orders } = world.asked;
  assert.equal(accounts, 1);
  assert.ok(orders <= 3, `${orders} orders`);
  // Those of at most three attempts, each of which keeps its connection.
  assert.ok(world.gate.connections <= 20, `${world.gate.connections} connections`);

  await using last = await world.start(configOf(world, HOST), { storage });
  const { state } = await settledRow(last, HOST);
  if (world.asked.issued > 0) {
    // On a slow machine a kill may come when the order is through.
    assert.equal(state, "valid");
    return;
  }
  assert.equal(state, "failed");
  const args = ["src/latchkey.sh", "retry", HOST, "--config", last.file];
  const { code, stderr } = await runProgram("sh", args);
  assert.equal(code, 0, stderr);
});

test("C14: a CA that has forgotten account and order gets one new account, and issues", async () => {
  await using world = await CaWorld.start(SLOW);
  const storage = join(world.folder, "storage");
  await using first = await world.start(configOf(world, HOST), { storage });
  await first.event("challenge.armed");
  await first.kill();
  await world.replaceCa();

  const hosts = [HOST, "b.shop.example", "c.shop.example", "d.shop.example"];
  await using second = await world.start(configOf(world, ...hosts), { storage });
  for (const host of hosts)
    await second.event("certificate.swapped", (line) => line["host"] === host);
  assert.equal(second.count("account.lost"), 1);
  assert.equal(second.count("order.lost"), 1);
  assert.deepEqual(world.asked, { accounts: 1, orders: 4, issued: 4 });
});

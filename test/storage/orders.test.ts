import assert from "node:assert/strict";
import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { pathsOf } from "../support/folders.ts";
import { certificateFor, directory, named, openStorage } from "../support/stored.ts";

const host = named("store.shop.example");
const { key } = certificateFor(host);
const order = {
  host,
  directory,
  orderUrl: `${directory}/order/7`,
  key,
  createdAt: 1_700_000_000_000,
  profile: undefined,
};

test("an order is read back until it is removed", async () => {
  await using opened = await openStorage();
  const { orders } = opened.storage;
  assert.equal(await orders.load(host), undefined);
  await orders.save(order);
  assert.deepEqual(await orders.load(host), order);
  await orders.save({ ...order, profile: "shortlived" });
  assert.equal((await orders.load(host))?.profile, "shortlived");
  await orders.remove(host);
  await orders.remove(host);
  assert.equal(await orders.load(host), undefined);
  assert.deepEqual(await pathsOf(join(opened.root, "orders")), []);
});

test("a key without an order is no order", async () => {
  await using opened = await openStorage();
  const { orders } = opened.storage;
  await orders.save(order);
  await rm(join(opened.root, "orders", host, "order.json"));
  assert.equal(await orders.load(host), undefined);
});

const broken = [
  { name: "the key is missing", file: "key.pem", content: undefined },
  { name: "the key is empty", file: "key.pem", content: "" },
  { name: "the key is another order's", file: "key.pem", content: certificateFor(host).key },
  { name: "the order is empty", file: "order.json", content: "" },
  { name: "the order has no fields", file: "order.json", content: '{"version":1}' },
];

for (const { name, file, content } of broken) {
  test(`when ${name} the order is moved aside and there is none`, async () => {
    await using opened = await openStorage();
    const { orders } = opened.storage;
    await orders.save(order);
    const path = join(opened.root, "orders", host, file);
    if (content === undefined) await rm(path);
    else await writeFile(path, content);
    assert.equal(await orders.load(host), undefined);
    assert.match(
      String(opened.log.only("storage.quarantined")["to"]),
      /^quarantine\/orders\/store\.shop\.example\/order-/,
    );
    await orders.save(order);
    assert.deepEqual(await orders.load(host), order);
  });
}

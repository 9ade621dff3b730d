import assert from "node:assert/strict";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { forgetSpentOrders } from "../../src/certificate/spent-orders.ts";
import { certificateFor, directory, named, openStorage } from "../support/stored.ts";

const [done, underWay, halved] = [named("a.example"), named("b.example"), named("c.example")];

test("an order whose certificate is stored is forgotten at the start; one under way is kept", async () => {
  await using opened = await openStorage();
  const { orders, certificates } = opened.storage;
  const { chain, key } = certificateFor(done);
  await certificates.save(done, { chain, key }, { issuer: directory });
  await certificates.save(underWay, certificateFor(underWay), { issuer: directory });
  const order = { directory, orderUrl: `${directory}/order/1`, createdAt: 0 };
  await orders.save({ ...order, host: done, key });
  await orders.save({ ...order, host: underWay, key: certificateFor(underWay).key });
  await orders.save({ ...order, host: halved, key: certificateFor(halved).key });
  await rm(join(opened.root, "orders", halved, "order.json"));
  await forgetSpentOrders(opened.storage, opened.log);
  assert.deepEqual(await orders.list(), [underWay]);
});

test("a storage without its lease forgets nothing, and the start goes on", async () => {
  await using opened = await openStorage();
  const { chain, key } = certificateFor(done);
  const order = { host: done, directory, orderUrl: `${directory}/order/1`, createdAt: 0, key };
  await opened.storage.certificates.save(done, { chain, key }, { issuer: directory });
  await opened.storage.orders.save(order);
  const other = await opened.reopen();
  await forgetSpentOrders(other, opened.log);
  assert.deepEqual(await other.orders.list(), [done]);
  assert.equal(opened.log.only("storage.failed")["code"], "STORAGE_LOCKED");
});

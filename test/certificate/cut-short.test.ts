import assert from "node:assert/strict";
import { join } from "node:path";
import { after, test } from "node:test";
import { temporaryFolder } from "../support/folders.ts";
import { HttpsAuthority } from "../support/https-authority.ts";
import { Issuing } from "../support/issuing.ts";
import { named } from "../support/stored.ts";

const host = named("shop.test");
const ca = await HttpsAuthority.start();
const folder = await temporaryFolder();
after(() => ca[Symbol.asyncDispose]());
after(() => folder[Symbol.asyncDispose]());

const open = () =>
  Issuing.open({
    root: join(folder.path, "storage"),
    hosts: [host],
    directory: ca.directory,
    ca: ca.address,
  });

/** The certificate, the order's URL and the answer that never came. */
async function cutShort(): Promise<string> {
  await using issuing = await open();
  await issuing.run();
  await issuing.log.first("certificate.swapped");
  await issuing.settled();
  const finalizing = Promise.withResolvers<void>();
  ca.hooks = {
    before: (path) => {
      if (!path.startsWith("/finalize")) return;
      finalizing.resolve();
      return new Promise(() => {});
    },
  };
  void issuing.floor.obey(host, { action: "renew" });
  await finalizing.promise;
  ca.hooks = {};
  const order = await issuing.storage.orders.load(host);
  return order?.key ?? assert.fail("no order");
}

test("a renewal by hand whose program ended in the middle goes on at the next start, with the order it had", async () => {
  const key = await cutShort();
  const orders = ca.orders;
  await using issuing = await open();
  await issuing.run();
  await issuing.log.first("certificate.swapped");
  await issuing.settled();
  assert.equal((await issuing.storage.certificates.load(host))?.credential.key, key);
  assert.equal(ca.orders, orders, "nothing is ordered anew");
  assert.equal(issuing.floor.list()[0]?.state, "valid");
});

import assert from "node:assert/strict";
import { join } from "node:path";
import { after, test } from "node:test";
import { temporaryFolder } from "../support/folders.ts";
import { HttpsAuthority } from "../support/https-authority.ts";
import { Issuing } from "../support/issuing.ts";
import { named } from "../support/stored.ts";

const host = named("shop.test");
const ca = await HttpsAuthority.start();
after(() => ca[Symbol.asyncDispose]());

test("a CA that fails every order with replaces is told nothing of it at the next attempt, also after a restart", async () => {
  await using folder = await temporaryFolder();
  const root = join(folder.path, "storage");
  const open = () => Issuing.open({ root, hosts: [host], directory: ca.directory, ca: ca.address });
  const first = await open();
  await first.run();
  await first.log.first("certificate.swapped");
  await first.settled();

  let refused = 0;
  ca.hooks = {
    after: (path, answer) => {
      if (path !== "/new-order" || JSON.parse(answer.body).replaces === undefined) return answer;
      refused += 1;
      const type = "urn:ietf:params:acme:error:serverInternal";
      const headers = { ...answer.headers, "content-type": "application/problem+json" };
      return { status: 500, headers, body: JSON.stringify({ type, detail: "no such order" }) };
    },
  };
  assert.equal((await first.floor.obey(host, { action: "renew" })).kind, "failed");
  assert.equal(refused, 1);
  await first[Symbol.asyncDispose]();

  await using second = await open();
  await second.run();
  const { kind, detail } = await second.floor.obey(host, { action: "renew" });
  assert.equal(kind, "done", detail);
  assert.equal(refused, 1);
  assert.equal(second.log.only("order.created")["replaces"], undefined);
});

test("an order with replaces that comes too soon for whatever stands before the CA names the certificate of before at the next attempt", async () => {
  await using folder = await temporaryFolder();
  const root = join(folder.path, "storage");
  ca.hooks = {};
  await using issuing = await Issuing.open({
    ...{ root, hosts: [host], directory: ca.directory, ca: ca.address },
  });
  await issuing.run();
  await issuing.log.first("certificate.swapped");
  await issuing.settled();
  let refused = 0;
  ca.hooks = {
    after: (path, answer) => {
      if (path !== "/new-order" || refused > 0) return answer;
      refused += 1;
      const headers = { ...answer.headers, "content-type": "text/html", "retry-after": "60" };
      return { status: 429, headers, body: "<h1>Too many requests</h1>" };
    },
  };
  assert.equal((await issuing.floor.obey(host, { action: "renew" })).kind, "failed");
  const { kind, detail } = await issuing.floor.obey(host, { action: "renew" });
  assert.equal(kind, "done", detail);
  const created = issuing.log.events.filter(({ event }) => event === "order.created");
  assert.equal(created.length, 2);
  assert.notEqual(created[1]?.facts["replaces"], undefined);
});

import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { after, test } from "node:test";
import type { OperatorOutcome } from "../../src/certificate/operator.ts";
import { fingerprintOf } from "../../src/storage/key-file.ts";
import { temporaryFolder } from "../support/folders.ts";
import { HttpsAuthority } from "../support/https-authority.ts";
import { Issuing } from "../support/issuing.ts";
import { named } from "../support/stored.ts";

const host = named("shop.test");
const ca = await HttpsAuthority.start();
after(() => ca[Symbol.asyncDispose]());

/** The CA revokes, as the internal authority does not; what it was told is in `ca.requests`. */
const revoking: HttpsAuthority["hooks"] = {
  after: (path, answer) => {
    if (path === "/directory") {
      const directory = { ...JSON.parse(answer.body), revokeCert: `${ORIGIN}/revoke` };
      return { ...answer, body: JSON.stringify(directory) };
    }
    return path === "/revoke" ? { ...answer, status: 200, body: "" } : answer;
  },
};
/** And the one that does not hear of it. */
const unheard: HttpsAuthority["hooks"] = {
  ...revoking,
  before: (path) => {
    if (path === "/revoke") throw new Error("the line is cut");
  },
};
const ORIGIN = new URL(ca.directory).origin;
const told = () => ca.requests.filter((request) => request === "POST /revoke").length;

/** Programs one after the other on one storage, at a CA that revokes. */
async function world() {
  const folder = await temporaryFolder();
  const root = join(folder.path, "storage");
  ca.requests.length = 0;
  ca.hooks = revoking;
  const open = () => Issuing.open({ root, hosts: [host], directory: ca.directory, ca: ca.address });
  return {
    root,
    open,
    /** A program that has its first certificate. */
    async issued() {
      const issuing = await open();
      await issuing.run();
      await issuing.log.first("certificate.swapped");
      await issuing.settled();
      return issuing;
    },
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  };
}

const revoke = (
  { floor }: Issuing,
  reason: "keyCompromise" | "superseded" = "keyCompromise",
): Promise<OperatorOutcome> => floor.obey(host, { action: "revoke", reason });

const keyInUse = async ({ storage }: Issuing) =>
  (await storage.certificates.load(host))?.credential.key ?? assert.fail("no certificate");

const generations = async (root: string) =>
  (await readdir(join(root, "certificates", host))).filter((name) => /^\d{6}$/.test(name));

/** The renewal gets as far as the CA's `finalize`, and no answer. */
async function interrupt(issuing: Issuing): Promise<string> {
  ca.hooks = {
    ...revoking,
    before: (path) => {
      if (path.startsWith("/finalize")) throw new Error("the line is cut");
    },
  };
  const { kind } = await issuing.floor.obey(host, { action: "renew" });
  assert.equal(kind, "failed");
  ca.hooks = revoking;
  const order = await issuing.storage.orders.load(host);
  return order?.key ?? assert.fail("no order is left");
}

test("after a keyCompromise an interrupted order is not gone on with: its key lay beside the one that was read", async () => {
  await using shop = await world();
  await using issuing = await shop.issued();
  const compromised = [await keyInUse(issuing), await interrupt(issuing)];
  const { kind, detail } = await revoke(issuing);
  assert.equal(kind, "done", detail);
  assert.ok(!compromised.includes(await keyInUse(issuing)));
  assert.equal(told(), 1);
  assert.equal(await issuing.storage.orders.load(host), undefined);
  assert.deepEqual(await generations(shop.root), ["000002"]);
});

test("a renewal that is under way at a keyCompromise does not bring its key: another order follows", async () => {
  await using shop = await world();
  await using issuing = await shop.issued();
  const finalizing = Promise.withResolvers<void>();
  const goOn = Promise.withResolvers<void>();
  ca.hooks = {
    ...revoking,
    before: async (path) => {
      if (!path.startsWith("/finalize")) return;
      finalizing.resolve();
      await goOn.promise;
    },
  };
  const renewal = issuing.floor.obey(host, { action: "renew" });
  await finalizing.promise;
  const order = await issuing.storage.orders.load(host);
  const compromised = [await keyInUse(issuing), order?.key];
  const revocation = revoke(issuing);
  while (issuing.storage.revokedKeys.all().length < 2) await new Promise(setImmediate);
  goOn.resolve();
  assert.equal((await renewal).kind, "failed");
  const { kind, detail } = await revocation;
  assert.equal(kind, "done", detail);
  assert.ok(!compromised.includes(await keyInUse(issuing)));
  const [row] = issuing.floor.list();
  assert.deepEqual([row?.state, row?.lastError], ["valid", null]);
});

test("a program that ended in the middle of a revocation goes on with it: new key, CA told, nothing of before", async () => {
  await using shop = await world();
  let compromised: readonly string[];
  {
    await using issuing = await shop.issued();
    const key = await keyInUse(issuing);
    compromised = [key, await interrupt(issuing)];
    ca.hooks = unheard;
    // All that it lived to write.
    const { credential, meta } = (await issuing.storage.certificates.load(host)) ?? assert.fail();
    const untold = { ...credential, issuer: meta.issuer, reason: "keyCompromise" };
    await issuing.storage.revokedKeys.save({
      ...{ fingerprint: fingerprintOf(key), host, isInUse: true },
      untold: { ...untold, chain: credential.chain },
    });
    await issuing.storage.revokedKeys.save({
      ...{ fingerprint: fingerprintOf(compromised[1] ?? ""), host, isInUse: false },
      untold: undefined,
    });
    await issuing.storage.attempts.clear(host);
  }
  ca.hooks = revoking;
  ca.requests.length = 0;
  await using issuing = await shop.open();
  await issuing.run();
  await Promise.all(
    ["certificate.swapped", "certificate.revoked"].map((event) => issuing.log.first(event)),
  );
  assert.ok(!compromised.includes(await keyInUse(issuing)));
  assert.equal(told(), 1);
  assert.deepEqual(await generations(shop.root), ["000002"]);
});

test("a CA that is out of reach hears of the revocation later, a person meanwhile, and a second revoke does not take the new certificate", async () => {
  await using shop = await world();
  await using issuing = await shop.issued();
  const before = issuing.floor.list()[0]?.serial;
  ca.hooks = unheard;
  const first = await revoke(issuing, "superseded");
  assert.equal(first.kind, "failed");
  assert.match(first.detail, new RegExp(`^${before} is not revoked: .* tried again until`));
  const now = issuing.floor.list()[0]?.serial;
  assert.notEqual(now, before, "replaced all the same");
  const second = await revoke(issuing, "superseded");
  assert.match(second.detail, new RegExp(`^${before} is not revoked: `));
  assert.equal(issuing.floor.troubles.look(() => false).troubles[0]?.kind, "revocation.failing");
  ca.hooks = revoking;
  const third = await revoke(issuing, "superseded");
  assert.equal(third.kind, "done", third.detail);
  assert.match(
    third.detail,
    new RegExp(`^${before}, which .* is revoked; the one in use, ${now}, `),
  );
  assert.deepEqual(issuing.floor.troubles.look(() => false).troubles, []);
  assert.equal(issuing.floor.list()[0]?.serial, now);
});

test("a keyCompromise after a revocation for another reason that was not told takes the certificate in use as well", async () => {
  await using shop = await world();
  await using issuing = await shop.issued();
  const superseded = issuing.floor.list()[0]?.serial;
  ca.hooks = unheard;
  await revoke(issuing, "superseded");
  const compromised = { serial: issuing.floor.list()[0]?.serial, key: await keyInUse(issuing) };
  const { kind, detail } = await revoke(issuing, "keyCompromise");
  assert.equal(kind, "failed");
  assert.match(detail, new RegExp(`^${compromised.serial} is not revoked: `));
  assert.ok(detail.includes(`; ${superseded} is not revoked: `), detail);
  assert.notEqual(issuing.floor.list()[0]?.serial, compromised.serial);
  assert.notEqual(issuing.storage.revokedKeys.find(compromised.key), undefined);
  assert.deepEqual(await generations(shop.root), ["000003"]);
});

test("a revoked certificate without a replacement is served on, also by the next program, and due all the time", async () => {
  await using shop = await world();
  {
    await using issuing = await shop.issued();
    ca.hooks = {
      ...revoking,
      before: (path) => {
        if (path === "/new-order") throw new Error("the line is cut");
      },
    };
    const before = await keyInUse(issuing);
    const { kind, detail } = await revoke(issuing);
    assert.equal(kind, "failed");
    assert.match(detail, /is revoked, and still served, since there is no other: /);
    assert.equal(await keyInUse(issuing), before);
    await issuing.storage.attempts.clear(host); // the time of the next attempt has come
  }
  ca.hooks = revoking;
  await using issuing = await shop.open();
  await issuing.run();
  await issuing.log.first("certificate.swapped");
  assert.deepEqual(await generations(shop.root), ["000002"]);
});

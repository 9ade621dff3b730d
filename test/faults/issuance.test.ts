import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { after, test } from "node:test";
import { readCurrent } from "../../src/storage/read-certificate.ts";
import { endOf, FaultyIssuance, host, sweep } from "../support/faulty-issuance.ts";
import { pathsOf } from "../support/folders.ts";
import type { Issuing } from "../support/issuing.ts";

/**
 * The calls by which an issuance changes the disk, by the names they have on x64 and arm64, and how
 * many of each there are at the least: a sweep that stops short of it has shown nothing. A program that
 * is killed leaves what it wrote, synced or not: kills at fsync show nothing more.
 */
const kills = {
  "a first issuance": [
    { call: "?mkdir,?mkdirat", atLeast: 10 },
    { call: "?pwrite64", atLeast: 11 },
    { call: "?rename,?renameat,?renameat2", atLeast: 11 },
    { call: "?symlink,?symlinkat", atLeast: 1 },
    { call: "?unlink,?unlinkat", atLeast: 4 },
    { call: "?rmdir", atLeast: 1 },
  ],
  "a renewal": [
    { call: "?pwrite64", atLeast: 9 },
    { call: "?rename,?renameat,?renameat2", atLeast: 7 },
    { call: "?unlink,?unlinkat", atLeast: 7 },
    { call: "?rmdir", atLeast: 2 },
  ],
} as const;

const errors = [
  { call: "?pwrite64", error: "ENOSPC", atLeast: 9 },
  { call: "?fsync", error: "EIO", atLeast: 14 },
] as const;

const worlds = {
  "a first issuance": await lanes("nothing"),
  "a renewal": await lanes("a certificate"),
} as const;
after(async () => {
  for (const world of Object.values(worlds).flat()) await world[Symbol.asyncDispose]();
});

async function lanes(holds: "nothing" | "a certificate"): Promise<readonly FaultyIssuance[]> {
  return [await FaultyIssuance.start(holds), await FaultyIssuance.start(holds)];
}

/** What a program that died, or failed, left behind. */
async function lookAt(root: string): Promise<{ hasNew: boolean; hasOrder: boolean }> {
  const stored = await readCurrent(join(root, "certificates"), host);
  const issuer = stored && new X509Certificate(stored.credential.chain).issuer;
  const hasNew = issuer !== undefined && !issuer.includes(host);
  const order: readonly string[] = await readdir(join(root, "orders", host)).catch(() => []);
  return { hasNew, hasOrder: order.includes("order.json") && order.includes("key.pem") };
}

/** After the start of the next program the host has a working certificate within this. */
const RECOVERY_MS = 60_000;

/**
 * The next program, started at once, has the certificate within a minute: it finds a whole storage, orders again only what
 * it cannot go on with, and leaves nothing behind.
 */
async function assertRecovers(world: FaultyIssuance, root: string): Promise<void> {
  const { hasNew, hasOrder } = await lookAt(root);
  const before = world.ca.orders;
  {
    const startedAt = Date.now();
    const { issuing: opened, clock } = await world.recover(root);
    await using issuing = opened;
    await issuing.run();
    if (!hasNew) {
      const { event, facts } = await issuing.log.first("certificate.failed", "certificate.swapped");
      assert.equal(event, "certificate.swapped", JSON.stringify(facts));
    }
    assert.deepEqual(await issuing.floor.need(host), { kind: "stored" });
    const tookMs = clock.now() - startedAt;
    assert.ok(tookMs <= RECOVERY_MS, `it took ${tookMs} ms`);
    await assertIsWell(issuing);
  }
  await assertLeft(world, root, { before, ordersMax: hasNew || hasOrder ? 0 : 1 });
}

/** The same an hour later: what failed, and was not cut short, waits. */
async function assertRecoversLater(world: FaultyIssuance, root: string): Promise<void> {
  const { hasNew, hasOrder } = await lookAt(root);
  const before = world.ca.orders;
  {
    await using issuing = await world.open(root);
    await issuing.run();
    if (!hasNew) {
      const { event, facts } = await issuing.log.first("certificate.failed", "certificate.swapped");
      assert.equal(event, "certificate.swapped", JSON.stringify(facts));
    }
    await assertIsWell(issuing);
  }
  await assertLeft(world, root, { before, ordersMax: hasNew || hasOrder ? 0 : 1 });
}

async function assertIsWell(issuing: Issuing): Promise<void> {
  await issuing.settled();
  assert.deepEqual(
    issuing.floor.list().map(({ state, attempts }) => ({ state, attempts })),
    [{ state: "valid", attempts: 0 }],
  );
}

async function assertLeft(
  world: FaultyIssuance,
  root: string,
  { before, ordersMax }: { readonly before: number; readonly ordersMax: number },
): Promise<void> {
  const placed = world.ca.orders - before;
  assert.ok(placed <= ordersMax, `${placed} more orders`);
  assert.equal((await lookAt(root)).hasNew, true);
  const left = (await pathsOf(root)).filter(
    (path) => /(^|\/)\.tmp-/.test(path) || /^(orders|attempts|quarantine)\//.test(path),
  );
  assert.deepEqual(left, [], "nothing is left over");
}

for (const [name, calls] of Object.entries(kills) as ["a renewal", (typeof kills)["a renewal"]][]) {
  for (const { call, atLeast } of calls) {
    test(`D6: killed before any ${nameOf(call)} of ${name}, the next program has its certificate within a minute and repeats no order`, async (t) => {
      const killed = await sweep(worlds[name], async (world, nth) => {
        const root = await world.copy();
        const fault = `signal=SIGKILL:when=${nth}`;
        const { outcome, isInflicted } = await world.run(root, call, fault);
        assert.ok(outcome === 0 || outcome === "SIGKILL", `ended with ${outcome} at call ${nth}`);
        await assertRecovers(world, root);
        return isInflicted;
      });
      t.diagnostic(`killed at ${killed} calls`);
      assert.ok(killed >= atLeast, `only ${killed} calls`);
    });
  }
}

for (const moment of ["before", "after"] as const) {
  test(`D6: killed ${moment} the CA hears of any request, the next program has its certificate within a minute and repeats no order`, async (t) => {
    const requests = await sweep(worlds["a first issuance"], async (world, nth) => {
      const root = await world.copy();
      const seen = world.ca.requests.length;
      const child = world.start(root);
      let isKilled = false;
      const killAt = () => {
        if (world.ca.requests.length - seen !== nth) return false;
        isKilled = child.kill("SIGKILL");
        return true;
      };
      world.ca.hooks = {
        before: () => {
          if (moment === "before" && killAt()) throw new Error("Nobody waits for it any more");
        },
        after: (_path, answer) => (moment === "after" && killAt() ? true : answer),
      };
      const outcome = await endOf(child);
      world.ca.hooks = {};
      assert.equal(outcome, isKilled ? "SIGKILL" : 0);
      await assertRecovers(world, root);
      return isKilled;
    });
    t.diagnostic(`killed at ${requests} requests`);
    assert.ok(requests >= 8, `only ${requests} requests`);
  });
}

for (const [name, lanes] of Object.entries(worlds)) {
  for (const moment of ["announce", "acknowledge"] as const) {
    const when = moment === "announce" ? "tells its worker of" : "hears that its worker has";
    test(`D6: killed when it ${when} the certificate of ${name}, the next program has it within a minute and repeats no order`, async () => {
      const [world] = lanes;
      const root = await world?.copy();
      assert.ok(world !== undefined && root !== undefined);
      assert.equal(await endOf(world.start(root, undefined, moment)), "SIGKILL");
      assert.equal((await lookAt(root)).hasNew, true, "it is stored before anybody hears of it");
      await assertRecovers(world, root);
    });
  }
}

for (const { call, error, atLeast } of errors) {
  test(`S4: ${error} at one ${nameOf(call)} of a renewal costs no order that could go on, and no certificate`, async (t) => {
    const failures = await sweep(worlds["a renewal"], async (world, nth) => {
      const root = await world.copy();
      const fault = `error=${error}:when=${nth}`;
      const { outcome, isInflicted } = await world.run(root, call, fault);
      assert.ok(outcome === 0 || outcome === 3, `ended with ${outcome} at call ${nth}`);
      await assertRecoversLater(world, root);
      return isInflicted;
    });
    t.diagnostic(`failed at ${failures} calls`);
    assert.ok(failures >= atLeast, `only ${failures} calls`);
  });
}

/** `?rename,?renameat` → `rename`. */
function nameOf(call: string): string {
  return call.replace(/^\?(\w+).*/, "$1");
}

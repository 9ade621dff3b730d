import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { after, test } from "node:test";
import { systemClock } from "../../src/base/clock.ts";
import { DnsProofs } from "../../src/certificate/dns-proofs.ts";
import type { DnsEntry } from "../../src/config/dns-entry.ts";
import { BIND_KEYS, startBind } from "../support/bind.ts";
import { keptLog, named, openStorage } from "../support/stored.ts";

const bind = await startBind({
  zones: {
    "shop.example": "_acme-challenge.moved CNAME proof.delegated.example.",
    "delegated.example": "",
  },
});
after(() => bind[Symbol.asyncDispose]());
const never = new AbortController().signal;
const host = named("shop.example");
const NAME = "_acme-challenge.shop.example";

function entryOf(key: keyof typeof BIND_KEYS, changes: Partial<DnsEntry> = {}): DnsEntry {
  const { algorithm, secret } = BIND_KEYS[key];
  const provider = {
    kind: "rfc2136",
    server: bind.address,
    keyName: key,
    algorithm,
    secret,
  } as const;
  return { zones: [], authoritative: [bind.address], provider, ...changes };
}

test("N2: a hundred proofs of every outcome leave no record, and no note of one", async () => {
  await using world = await worldOf([entryOf("latchkey")]);
  const outcomes = await Promise.all(
    Array.from({ length: 100 }, async (_, index) => {
      const certificate = index % 2 === 0 ? host : (`*.${host}` as const);
      const stop = new AbortController();
      // Every third is ended somewhere on its way: before, while or after the record is put in place.
      if (index % 3 === 0) setTimeout(() => stop.abort(new Error("stopped")), index);
      const challenge = { type: "dns-01", certificate, value: `value-${index}` } as const;
      try {
        const disarm = await world.proofs.arm(challenge, stop.signal);
        const wasThere = (await bind.txt(NAME)).includes(challenge.value);
        await disarm();
        return wasThere ? "there" : "missing";
      } catch (error) {
        assert.equal(error, stop.signal.reason);
        return "stopped";
      }
    }),
  );
  assert.deepEqual(new Set(outcomes), new Set(["there", "stopped"]));
  assert.deepEqual(await bind.txt(NAME), []);
  assert.deepEqual(await world.notes(), []);
});

test("two values at one name live side by side, and each goes alone", async () => {
  await using world = await worldOf([entryOf("latchkey")]);
  const one = await world.proofs.arm({ type: "dns-01", certificate: host, value: "one" }, never);
  const wildcard = { type: "dns-01", certificate: `*.${host}`, value: "other" } as const;
  const other = await world.proofs.arm(wildcard, never);
  assert.deepEqual([...(await bind.txt(NAME))].sort(), ["one", "other"]);
  await one();
  assert.deepEqual(await bind.txt(NAME), ["other"]);
  await other();
  assert.deepEqual(await bind.txt(NAME), []);
});

test("an alias is followed, and the credentials are those of the zone where it leads", async () => {
  const entries = [entryOf("guest"), entryOf("wide", { zones: ["delegated.example"] })];
  await using world = await worldOf(entries);
  const moved = { type: "dns-01", certificate: named("moved.shop.example"), value: "v" } as const;
  const disarm = await world.proofs.arm(moved, never);
  assert.deepEqual(await bind.txt("proof.delegated.example"), ["v"]);
  await disarm();
  assert.deepEqual(await bind.txt("proof.delegated.example"), []);
  const plain = { type: "dns-01", certificate: host, value: "v" } as const;
  const refused = { code: "DNS_FAILED", message: /REFUSED: the key may not change this name/ };
  await assert.rejects(world.proofs.arm(plain, never), refused);
});

test("a failure where an alias has led says which alias that was", async () => {
  await using world = await worldOf([entryOf("guest")]);
  const moved = { type: "dns-01", certificate: named("moved.shop.example"), value: "v" } as const;
  await assert.rejects(world.proofs.arm(moved, never), {
    code: "DNS_FAILED",
    message:
      /REFUSED: .* \(the CNAME of _acme-challenge\.moved\.shop\.example, maybe by a wildcard, leads to proof\.delegated\.example\)$/,
  });
});

test("N2: what a program that was killed left in DNS is taken away at the next start", async () => {
  await using world = await worldOf([entryOf("latchkey")]);
  await world.proofs.arm({ type: "dns-01", certificate: host, value: "left" }, never);
  assert.deepEqual(await bind.txt(NAME), ["left"]);
  assert.equal((await world.notes()).length, 1);

  const next = world.again([entryOf("latchkey")]);
  await next.proofs.recover();
  assert.deepEqual(await bind.txt(NAME), []);
  assert.deepEqual(await world.notes(), []);
});

test("an order that goes on publishes again what its predecessor left, and takes it away at its end", async () => {
  await using world = await worldOf([entryOf("latchkey")]);
  const challenge = { type: "dns-01", certificate: host, value: "again" } as const;
  await world.proofs.arm(challenge, never);
  const next = world.again([entryOf("latchkey")]);
  await next.proofs.recover();
  const disarm = await next.proofs.arm(challenge, never);
  assert.deepEqual(await bind.txt(NAME), ["again"]);
  await disarm();
  assert.deepEqual(await bind.txt(NAME), []);
  assert.deepEqual(await world.notes(), []);
});

test("N2: a record that cannot be taken away is noted until it can, and the order does not fail by it", async () => {
  await using world = await worldOf([entryOf("latchkey")]);
  const disarm = await world.proofs.arm(
    { type: "dns-01", certificate: host, value: "stays" },
    never,
  );
  world.entries = [entryOf("guest")];
  await disarm();
  world.log.only("dns.leftover");
  assert.deepEqual(await bind.txt(NAME), ["stays"]);
  assert.equal((await world.notes()).length, 1);

  const next = world.again([entryOf("latchkey")]);
  await next.proofs.recover();
  assert.deepEqual(await bind.txt(NAME), []);
  assert.deepEqual(await world.notes(), []);
});

/** Proofs on a storage of their own, with these entries for every name. */
async function worldOf(entries: readonly DnsEntry[]) {
  const { storage, root, ...opened } = await openStorage();
  const again = (now: readonly DnsEntry[]) => {
    const log = keptLog();
    const made = { log, entries: now };
    const proofs = new DnsProofs({
      entriesFor: () => made.entries,
      resolvers: { servers: [bind.address], timeoutMs: 5_000, tries: 2 },
      store: storage.publishedRecords,
      clock: systemClock,
      log,
      signal: ended.signal,
    });
    return Object.assign(made, { proofs });
  };
  const ended = new AbortController();
  return Object.assign(again(entries), {
    again,
    notes: () => readdir(join(root, "dns")),
    [Symbol.asyncDispose]: async () => {
      ended.abort();
      await opened[Symbol.asyncDispose]();
    },
  });
}

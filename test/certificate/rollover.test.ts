import assert from "node:assert/strict";
import { test } from "node:test";
import type { AcmeTransport } from "../../src/acme/transport.ts";
import { systemClock } from "../../src/base/clock.ts";
import { LatchkeyError } from "../../src/base/errors.ts";
import { Accounts, type Endpoint } from "../../src/certificate/account.ts";
import { OrderQueue } from "../../src/certificate/order-queue.ts";
import { rollOver } from "../../src/certificate/rollover.ts";
import type { StoredAccount } from "../../src/storage/accounts.ts";
import { problem, ScriptedCa, urlOf } from "../support/scripted-ca.ts";
import { keptLog } from "../support/stored.ts";

const { signal } = new AbortController();
const unheard = new LatchkeyError("ACME_UNREACHABLE", "Cannot reach ca.test: the line is cut");

/** A CA with an account of ours, the disk that outlives programs, and programs that come one after the other. */
async function world() {
  const ca = new ScriptedCa();
  ca.script("/order", {
    status: 201,
    headers: { location: urlOf("/order/1") },
    body: { status: "pending", authorizations: [], finalize: urlOf("/finalize") },
  });
  const onDisk = new Map<string, StoredAccount>();
  const program = (transport: AcmeTransport = ca) => {
    const log = keptLog();
    const accounts = new Accounts({
      email: undefined,
      clock: systemClock,
      log,
      register: (_directory, work) => work(),
      store: {
        load: async (directory) => onDisk.get(directory),
        save: async (account) => void onDisk.set(account.directory, account),
      },
    });
    const queue = new OrderQueue({
      clock: systemClock,
      signal,
      inFlightMax: 3,
      paceMsOf: () => 0,
    });
    const endpoint: Endpoint = { directory: ca.directory, transport };
    const roll = (...endpoints: readonly Endpoint[]) =>
      rollOver({ accounts, queue, log, signal }, endpoints.length > 0 ? endpoints : [endpoint]);
    return { log, accounts, queue, endpoint, roll };
  };
  const stored = () => onDisk.get(ca.directory) ?? assert.fail("nothing is stored");
  const first = program();
  await first.accounts.clientFor(first.endpoint, signal);
  return { ca, onDisk, program, stored, first };
}

/** A way to the CA that is cut at the key change: before the CA hears of it, or before its answer comes. */
function cut(ca: ScriptedCa, moment: "before" | "after"): AcmeTransport {
  return {
    request: async (asked, each) => {
      if (!asked.url.endsWith("/key-change")) return await ca.request(asked, each);
      if (moment === "after") await ca.request(asked, each);
      throw unheard;
    },
  };
}

/** Does this program's account work, and under which URL? */
async function place({ accounts, endpoint }: Awaited<ReturnType<typeof world>>["first"]) {
  const client = await accounts.clientFor(endpoint, signal);
  await client.newOrder({ names: ["a.example"] }, signal);
  return client.accountUrl;
}

test("an account gets a new key, which is on disk before the CA hears of it, and orders go on", async () => {
  const { ca, program, stored, first } = await world();
  const before = stored();
  let whileAsked: StoredAccount | undefined;
  const watching = program({
    request: async (asked, each) => {
      if (asked.url.endsWith("/key-change")) whileAsked = stored();
      return await ca.request(asked, each);
    },
  });
  const [outcome] = await watching.roll();
  assert.equal(outcome?.outcome, "done");
  const { nextKey, ...old } = whileAsked ?? assert.fail("the CA was not asked");
  assert.deepEqual(old, before);
  assert.notEqual(nextKey, before.key);
  assert.deepEqual(stored(), { ...before, key: nextKey });
  assert.equal(await place(watching), before.url);
  watching.log.only("account.key-changed");
  assert.ok(!JSON.stringify([first.log.events, watching.log.events]).includes("PRIVATE KEY"));
});

test("every way to the CA signs with the new key from then on", async () => {
  const { ca, first } = await world();
  const other: Endpoint = { directory: ca.directory, transport: ca };
  await first.accounts.clientFor(other, signal);
  const [outcome, ...more] = await first.roll(first.endpoint, other);
  assert.deepEqual([outcome?.outcome, more.length], ["done", 0]);
  const client = await first.accounts.clientFor(other, signal);
  await client.newOrder({ names: ["a.example"] }, signal);
});

for (const [moment, counts] of [
  ["before", "the old one"],
  ["after", "the new one"],
] as const) {
  for (const who of ["the same program", "the next program"]) {
    test(`when the line is cut ${moment} the CA changed the key, ${who} goes on with ${counts}, which alone remains`, async () => {
      const { ca, program, stored } = await world();
      const before = stored();
      const interrupted = program(cut(ca, moment));
      const [outcome] = await interrupted.roll();
      assert.equal(outcome?.outcome, "failed");
      assert.match(outcome?.detail ?? "", /^ACME_UNREACHABLE: /);
      const { nextKey } = stored();
      assert.ok(nextKey !== undefined);

      const next = who === "the same program" ? interrupted : program();
      assert.equal(await place(next), before.url);
      assert.equal(next.log.only("account.key-settled")["key"], counts);
      const key = moment === "after" ? nextKey : before.key;
      assert.deepEqual(stored(), { ...before, key });
    });
  }
}

test("a CA that says no keeps the old key, and the new one is forgotten", async () => {
  const { ca, stored, first } = await world();
  const before = stored();
  ca.script("/key-change", problem(403, "unauthorized"));
  const [outcome] = await first.roll();
  assert.equal(outcome?.outcome, "failed");
  assert.deepEqual(stored(), before);
  assert.equal(await place(first), before.url);
});

test("with a CA that knows neither key both stay until a new account takes their place", async () => {
  const { ca, program, stored } = await world();
  await program(cut(ca, "before")).roll();
  const both = stored();
  const unknown = problem(400, "accountDoesNotExist");
  const made = { status: 201, headers: { location: urlOf("/account/new") } };
  ca.script("/account", unknown, unknown, made);
  const next = program();
  const lost = await next.accounts.clientFor(next.endpoint, signal);
  assert.deepEqual(stored(), both);
  await next.accounts.replace(next.endpoint, lost, signal);
  assert.equal(stored().url, urlOf("/account/new"));
  assert.equal(stored().nextKey, undefined);
});

test("a change that lacked only its last step is done without a question to the CA", async () => {
  const { ca, onDisk, program, stored } = await world();
  const before = stored();
  onDisk.set(ca.directory, { ...before, nextKey: before.key });
  const next = program();
  const posts = ca.posts.length;
  await next.accounts.clientFor(next.endpoint, signal);
  assert.deepEqual(stored(), before);
  assert.equal(ca.posts.length, posts);
});

test("what cannot be changed says so, and nothing is asked of the CA", async () => {
  const { ca, onDisk, program, stored } = await world();
  const before = stored();
  ca.script("/directory", {
    body: { newNonce: urlOf("/nonce"), newAccount: urlOf("/account"), newOrder: urlOf("/order") },
  });
  const posts = ca.posts.length;
  const [withoutIt] = await program().roll();
  assert.equal(withoutIt?.outcome, "refused");
  assert.match(withoutIt?.detail ?? "", /does not offer it/);
  assert.deepEqual(stored(), before);
  onDisk.clear();
  const [withoutAccount] = await program().roll();
  assert.equal(withoutAccount?.outcome, "refused");
  assert.match(withoutAccount?.detail ?? "", /no account/);
  assert.equal(ca.posts.length, posts);
});

test("a key changes when the orders of its account are done, for key authorizations hang on it", async () => {
  const { ca, first } = await world();
  const order = Promise.withResolvers<void>();
  const attempt = { name: "a.example", directory: ca.directory, rank: 1, waitFor: () => undefined };
  const running = first.queue.run(attempt, () => order.promise);
  const rolling = first.roll();
  const posts = ca.posts.length;
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(ca.posts.length, posts);
  order.resolve();
  await running;
  assert.equal((await rolling)[0]?.outcome, "done");
});

import assert from "node:assert/strict";
import { once } from "node:events";
import { cp, readFile, rm } from "node:fs/promises";
import { type IncomingMessage, request } from "node:http";
import { join } from "node:path";
import { json } from "node:stream/consumers";
import { after, test } from "node:test";
import { CaWorld, settledRow } from "../support/ca-world.ts";
import { pathsOf } from "../support/folders.ts";
import type { Latchkey } from "../support/latchkey.ts";

const HOST = "a.shop.example";

const world = await CaWorld.start({ validitySeconds: 90 * 86_400 });
after(() => world[Symbol.asyncDispose]());
const config = `workers: 1
acme: { issuers: [${world.issuer()}] }
hosts: { ${HOST}: { respond: ok }, shop.internal: { respond: ok, issuer: internal } }`;

/** The answer to a POST on the admin socket. */
async function post(latchkey: Latchkey, path: string) {
  const socketPath = join(latchkey.storage, "admin.sock");
  const asking = request({ socketPath, method: "POST", path }).end();
  const [response]: IncomingMessage[] = await once(asking, "response");
  const answer = await json(response ?? assert.fail());
  return { status: response?.statusCode, answer: Object(answer) };
}

/** The PEM of every key of the account with the CA, by its file. */
async function keysOf(storage: string): Promise<Readonly<Record<string, string>>> {
  const files = (await pathsOf(storage)).filter((path) =>
    /^accounts\/localhost.*\.key$/.test(path),
  );
  const entries = files.map(async (path) => [
    path.split("/").at(-1),
    await readFile(join(storage, path), "utf8"),
  ]);
  return Object.fromEntries(await Promise.all(entries));
}

const outcomesIn = ({ accounts }: { accounts: { directory: string; outcome: string }[] }) =>
  accounts.map(({ directory, outcome }) => [directory === world.directory, outcome]);

test("an operator gives the accounts new keys: a real CA agrees, the internal authority cannot, and renewals go on", async () => {
  await using latchkey = await world.start(config);
  await latchkey.event("certificate.swapped", ({ host }) => host === HOST);
  const before = await keysOf(latchkey.storage);
  const { accounts } = world.asked;

  const all = await post(latchkey, "/accounts/rollover");
  assert.equal(all.status, 200);
  assert.deepEqual(outcomesIn(all.answer).sort(), [
    [false, "refused"],
    [true, "done"],
  ]);
  const changed = await keysOf(latchkey.storage);
  assert.deepEqual(Object.keys(changed), ["account.key"]);
  assert.notEqual(changed["account.key"], before["account.key"]);

  const query = new URLSearchParams({ directory: world.directory });
  const one = await post(latchkey, `/accounts/rollover?${query}`);
  assert.deepEqual([one.status, outcomesIn(one.answer)], [200, [[true, "done"]]]);

  const renewed = await post(latchkey, `/hosts/${HOST}/renew`);
  assert.equal(renewed.answer.outcome, "done", JSON.stringify(renewed.answer));
  assert.equal(world.asked.accounts, accounts);
  assert.equal((await settledRow(latchkey, HOST)).state, "valid");
});

test("killed before the CA heard of the new key, the next program asks which one counts, and keeps that one", async () => {
  const storage = join(world.folder, "killed");
  let before: Readonly<Record<string, string>>;
  {
    await using latchkey = await world.start(config, { storage });
    await latchkey.event("certificate.swapped", ({ host }) => host === HOST);
    before = await keysOf(storage);
    world.gate.shut();
    const { status, answer } = await post(latchkey, "/accounts/rollover");
    assert.equal(status, 502, JSON.stringify(answer));
    assert.deepEqual(Object.keys(await keysOf(storage)).sort(), ["account.key", "next.key"]);
    await latchkey.stop("SIGKILL");
  }
  world.gate.open();
  const { accounts } = world.asked;
  await using latchkey = await world.start(config, { storage });
  const renewed = await post(latchkey, `/hosts/${HOST}/renew`);
  assert.equal(renewed.answer.outcome, "done", JSON.stringify(renewed.answer));
  assert.deepEqual(await keysOf(storage), before);
  assert.equal(world.asked.accounts, accounts);
});

test("C14: a key of before, which a backup has brought back, gives way to one new account, and renewals go on", async () => {
  const storage = join(world.folder, "restored");
  const [current, backup] = [join(storage, "accounts"), join(world.folder, "backup")];
  {
    await using latchkey = await world.start(config, { storage });
    await latchkey.event("certificate.swapped", ({ host }) => host === HOST);
    await cp(current, backup, { recursive: true });
    assert.equal((await post(latchkey, "/accounts/rollover")).status, 200);
  }
  await rm(current, { recursive: true });
  await cp(backup, current, { recursive: true });
  const { accounts } = world.asked;
  await using latchkey = await world.start(config, { storage });
  const renewed = await post(latchkey, `/hosts/${HOST}/renew`);
  assert.equal(renewed.answer.outcome, "done", JSON.stringify(renewed.answer));
  assert.equal(latchkey.count("account.lost"), 1);
  assert.equal(world.asked.accounts, accounts + 1);
});

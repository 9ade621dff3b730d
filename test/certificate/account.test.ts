import assert from "node:assert/strict";
import { test } from "node:test";
import { systemClock } from "../../src/base/clock.ts";
import { LatchkeyError } from "../../src/base/errors.ts";
import { Accounts, type Endpoint } from "../../src/certificate/account.ts";
import type { StoredAccount } from "../../src/storage/accounts.ts";
import { ScriptedCa, urlOf } from "../support/scripted-ca.ts";
import { keptLog } from "../support/stored.ts";

/** One CA, reached in three ways: two that trust its TLS, and one that does not. */
function world() {
  const ca = new ScriptedCa();
  const made = ["/account/1", "/account/2"];
  ca.script(
    "/account",
    ...made.map((path) => ({ status: 201, headers: { location: urlOf(path) } })),
  );
  const log = keptLog();
  const onDisk = new Map<string, StoredAccount>();
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
  const way = (): Endpoint => ({
    directory: ca.directory,
    transport: { request: (asked, signal) => ca.request(asked, signal) },
  });
  const untrusting: Endpoint = {
    directory: ca.directory,
    transport: {
      request: async () => {
        throw new LatchkeyError("ACME_UNREACHABLE", "Cannot reach the CA: it is not trusted");
      },
    },
  };
  const signal = AbortSignal.timeout(10_000);
  return { ca, log, accounts, ways: [way(), way()] as const, untrusting, signal };
}

test("issuers with one directory and another trust each go their own way, at the same time too", async () => {
  const { accounts, ways, untrusting, signal } = world();
  const [refused, served] = await Promise.allSettled([
    accounts.clientFor(untrusting, signal),
    accounts.clientFor(ways[0], signal),
  ]);
  assert.equal(refused.status, "rejected");
  assert.equal(served.status, "fulfilled");

  const client = await accounts.clientFor(untrusting, signal);
  await assert.rejects(client.directory(signal), { code: "ACME_UNREACHABLE" });
});

test("the ways to one directory share one account, which the first of them makes", async () => {
  const { ca, log, accounts, ways, signal } = world();
  const [one, other] = await Promise.all(ways.map((way) => accounts.clientFor(way, signal)));
  assert.notEqual(one, other);
  log.only("account.created");
  assert.equal(ca.posts.length, 1);
});

test("an account that one way found lost is replaced once for all of them", async () => {
  const { ca, log, accounts, ways, signal } = world();
  const [one, other] = [
    await accounts.clientFor(ways[0], signal),
    await accounts.clientFor(ways[1], signal),
  ];
  const [first, second] = await Promise.all([
    accounts.replace(ways[0], one, signal),
    accounts.replace(ways[1], other, signal),
  ]);
  assert.equal(first.accountUrl, urlOf("/account/2"));
  assert.equal(second.accountUrl, urlOf("/account/2"));
  assert.equal(ca.posts.length, 2);
  log.only("account.lost");
});

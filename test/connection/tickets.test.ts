import assert from "node:assert/strict";
import { test } from "node:test";
import { sessionScope } from "../../src/connection/tickets.ts";
import { hostname, makeHost } from "../support/tls-door.ts";

const master = Buffer.alloc(32, 1);
const wildcard = makeHost("*.example");
const a = hostname("a.example");

test("a session scope has the sizes that Node and OpenSSL ask for", () => {
  const { ticketKeys, sessionIdContext } = sessionScope(master, wildcard, a);
  assert.equal(ticketKeys.length, 48);
  assert.equal(sessionIdContext.length, 32);
});

test("a session scope is the same in every worker with the same master", () => {
  const sameEntry = makeHost("*.example");
  assert.deepEqual(sessionScope(master, wildcard, a), sessionScope(master, sameEntry, a));
});

const others: readonly [what: string, scope: ReturnType<typeof sessionScope>][] = [
  ["another host of the same route", sessionScope(master, wildcard, hostname("b.example"))],
  ["the same host under another route", sessionScope(master, makeHost("a.example"), a)],
  ["the same host under the catch-all", sessionScope(master, makeHost("*"), a)],
];

for (const [what, scope] of others) {
  test(`${what} has a session scope of its own`, () => {
    const own = sessionScope(master, wildcard, a);
    assert.notDeepEqual(scope.ticketKeys, own.ticketKeys);
    assert.notEqual(scope.sessionIdContext, own.sessionIdContext);
  });
}

test("another master changes the ticket keys", () => {
  const changed = sessionScope(Buffer.alloc(32, 2), wildcard, a);
  assert.notDeepEqual(changed.ticketKeys, sessionScope(master, wildcard, a).ticketKeys);
});

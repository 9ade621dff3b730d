import assert from "node:assert/strict";
import { after, test } from "node:test";
import { CaWorld, settledRow } from "../support/ca-world.ts";
import { pathsOf } from "../support/folders.ts";

const HOST = "a.shop.example";
/** Pebble refuses keys of less than 32 bytes. */
const HMAC = Buffer.from("a key that the website of the CA gave out").toString("base64url");

const members = await CaWorld.start({ bindings: { "kid-1": HMAC } });
after(() => members[Symbol.asyncDispose]());

test("an account is made with the key that the CA's website gave out, which stands in the environment", async () => {
  const issuer = members.issuer("eab: { kid: env:TEST_KID, hmac: env:TEST_HMAC }");
  await using latchkey = await members.start(
    `acme: { issuers: [${issuer}] }\nhosts: { ${HOST}: { respond: ok } }`,
    { env: { TEST_KID: "kid-1", TEST_HMAC: HMAC } },
  );
  assert.equal((await settledRow(latchkey, HOST)).state, "valid");
  assert.ok(!JSON.stringify(latchkey.lines).includes(HMAC));
});

test("without the key nothing is asked of a CA that wants it, and the host says what to do", async () => {
  const { accounts } = members.asked;
  await using latchkey = await members.start(
    `acme: { issuers: [${members.issuer()}] }\nhosts: { ${HOST}: { respond: ok } }`,
  );
  const row = await settledRow(latchkey, HOST);
  assert.equal(row.state, "failed");
  assert.equal(row.lastError?.type, "ACME_ACCOUNT_BINDING");
  assert.match(row.lastError?.hint ?? "", /eab: \{ kid, hmac \}/);
  assert.equal(members.asked.accounts, accounts);
  assert.deepEqual(
    (await pathsOf(latchkey.storage)).filter((path) => path.endsWith("account.key")).length,
    1,
  );
});

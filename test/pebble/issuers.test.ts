import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
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

for (const [what, kid, hmac] of [
  ["name", "kid-2", HMAC],
  ["secret", "kid-1", Buffer.alloc(32).toString("base64url")],
] as const) {
  test(`a key whose ${what} the CA does not take waits for a person, who is told of eab`, async () => {
    const issuer = members.issuer(`eab: { kid: ${kid}, hmac: ${hmac} }`);
    await using latchkey = await members.start(
      `acme: { issuers: [${issuer}] }\nhosts: { ${HOST}: { respond: ok } }`,
    );
    const { lastError, nextAttemptAt } = await settledRow(latchkey, HOST);
    assert.match(lastError?.hint ?? "", /^Correct eab: /);
    assert.ok(Date.parse(nextAttemptAt ?? "") > Date.now() + 3_600_000);
  });
}

/** Puts the next attempt of a name into the past, as if the program had waited for it. */
async function letTimePass(storage: string): Promise<void> {
  const file = join(storage, "attempts", `${HOST}.json`);
  const memory = JSON.parse(await readFile(file, "utf8"));
  await writeFile(file, JSON.stringify({ ...memory, nextAttemptAt: "2026-01-01T00:00:00Z" }));
}

test("C16: the second CA takes over when the first is down, and the first has the next renewal when it is back", async () => {
  await using first = await CaWorld.start({ validitySeconds: 3_600 });
  await using second = await CaWorld.start({ validitySeconds: 60 }, first);
  const storage = join(first.folder, "storage");
  const config = `workers: 1
acme: { issuers: [${first.issuer()}, ${second.issuer()}] }
renewal: { checkEvery: 1s, at: 90% }
hosts: { ${HOST}: { respond: ok } }`;
  first.gate.shut();
  {
    await using latchkey = await first.start(config, { storage });
    await latchkey.event("certificate.failed");
    assert.equal(second.asked.orders, 0);
  }
  await letTimePass(storage);
  await using latchkey = await first.start(config, { storage });
  const switched = await latchkey.event("issuer.switched");
  assert.deepEqual([switched["from"], switched["to"]], [first.directory, second.directory]);
  await latchkey.event("certificate.issued", ({ issuer }) => issuer === second.directory);
  first.gate.open();
  await latchkey.event("certificate.issued", ({ issuer }) => issuer === first.directory);
  assert.deepEqual([first.asked.orders, second.asked.orders], [1, 1]);
});

test("a CA that wants a key that nobody gave it is passed over at once", async () => {
  await using other = await CaWorld.start({}, members);
  await using latchkey = await members.start(
    `acme: { issuers: [${members.issuer()}, ${other.issuer()}] }\nhosts: { ${HOST}: { respond: ok } }`,
  );
  await latchkey.event("certificate.issued", ({ issuer }) => issuer === other.directory);
});

for (const challenge of ["http-01", "tls-alpn-01"]) {
  test(`an address gets its certificate by ${challenge}, under the profile for addresses`, async () => {
    await using ca = await CaWorld.start({ profiles: { long: 7_776_000, shortlived: 576_000 } });
    await using latchkey = await ca.start(`workers: 1
acme: { issuers: [${ca.issuer()}], challenges: [${challenge}] }
hosts: { 127.0.0.1: { respond: ok } }`);
    const row = await settledRow(latchkey, "127.0.0.1");
    assert.equal(row.state, "valid", JSON.stringify(row.lastError));
    assert.equal(row.servedSerial, row.serial);
    const life = Date.parse(row.notAfter ?? "") - Date.parse(row.notBefore ?? "");
    assert.equal(Math.round(life / 1_000 / 3_600), 160);
    assert.ok((await pathsOf(latchkey.storage)).includes("certificates/127.0.0.1/current"));
  });
}

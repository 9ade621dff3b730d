import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { after, test } from "node:test";
import { startBind } from "../support/bind.ts";
import { CaWorld, settledRow } from "../support/ca-world.ts";
import { startNameServer } from "../support/name-server.ts";
import { browse, handshake } from "../support/visit.ts";

const bind = await startBind({ zones: { "shop.example": "" } });
const world = await CaWorld.start({ asks: bind.address });
const root = await world.pebble.roots();
after(async () => {
  await world[Symbol.asyncDispose]();
  await bind[Symbol.asyncDispose]();
});

const NAME = "_acme-challenge.shop.example";
const env = { TSIG_SECRET: bind.secret };

/** Our CA, our name server, and the key for its zone; `more` of the keys of `acme`. */
function acme(authoritative: string, more = ""): string {
  return `acme:
  issuers: [${world.issuer()}]
  resolvers: ["${bind.address}"]
  dns: { provider: rfc2136, server: "${bind.address}", keyName: latchkey, secret: env:TSIG_SECRET, authoritative: ["${authoritative}"] }${more}`;
}

test("a wildcard host has one certificate for all its names, an exact host under it its own", async () => {
  await using latchkey = await world.start(
    `${acme(bind.address, "\n  challenges: [dns-01]")}
hosts:
  shop.example: { respond: apex }
  "*.shop.example": { respond: wildcard }
  own.shop.example: { respond: own }`,
    { env, http: false },
  );
  for (const host of ["shop.example", "*.shop.example", "own.shop.example"])
    assert.equal((await settledRow(latchkey, host)).state, "valid", host);

  const { certificate } = await handshake(world.httpsPort, "a.shop.example", root);
  assert.equal(certificate.subjectAltName, "DNS:*.shop.example");
  const one = await browse(world.httpsPort, "a.shop.example", root);
  const other = await browse(world.httpsPort, "b.shop.example", root);
  assert.deepEqual([one.body, other.body], ["wildcard", "wildcard"]);
  assert.equal(one.serial, other.serial);
  assert.equal((await browse(world.httpsPort, "own.shop.example", root)).body, "own");
  assert.equal((await browse(world.httpsPort, "shop.example", root)).body, "apex");
  const own = await handshake(world.httpsPort, "own.shop.example", root);
  assert.equal(own.certificate.subjectAltName, "DNS:own.shop.example");

  assert.deepEqual((await readdir(join(latchkey.storage, "certificates"))).sort(), [
    "_.shop.example",
    "own.shop.example",
    "shop.example",
  ]);
  const proofs = latchkey.lines.filter(({ event }) => event === "challenge.valid");
  assert.deepEqual(
    proofs.map(({ challenge }) => challenge),
    ["dns-01", "dns-01", "dns-01"],
  );
  assert.equal(world.asked.issued, 3);
  await assertNothingLeft(latchkey.storage);
});

test("a wildcard is proven in DNS although hosts that can be reached are proven by http-01", async () => {
  await using latchkey = await world.start(
    `${acme(bind.address)}\nhosts: { "*.shop.example": { respond: ok } }`,
    { env },
  );
  assert.equal((await settledRow(latchkey, "*.shop.example")).state, "valid");
  assert.equal((await browse(world.httpsPort, "c.shop.example", root)).body, "ok");
});

test("a name that DNS has no address for is proven in DNS at once, whatever its challenges begin with", async () => {
  await using latchkey = await world.start(
    `${acme(bind.address)}\nhosts: { inner.shop.example: { respond: ok } }`,
    { env },
  );
  const hopeless = await latchkey.event("challenge.hopeless");
  assert.deepEqual([hopeless["challenge"], hopeless["code"]], ["http-01", "NAME_NOT_FOUND"]);
  assert.equal((await settledRow(latchkey, "inner.shop.example")).state, "valid");
  assert.equal(latchkey.count("order.started"), 1);
  assert.equal(latchkey.count("certificate.failed"), 0);
  await assertNothingLeft(latchkey.storage);
});

test("a program that stops while it waits for name servers leaves nothing in DNS", async () => {
  await using blind = await startNameServer(() => ({ rcode: "NXDOMAIN" }));
  await using latchkey = await world.start(
    `${acme(blind.address)}\nhosts: { "*.shop.example": { respond: ok } }`,
    { env },
  );
  await latchkey.event("dns.published");
  assert.equal((await bind.txt(NAME)).length, 1);
  assert.equal(await latchkey.stop(), 0);
  await assertNothingLeft(latchkey.storage);
});

test("a program that is killed while its record is in DNS takes it away at the next start, and goes on with the order", async () => {
  const config = (seenAt: string) =>
    `${acme(seenAt)}\nhosts: { "*.shop.example": { respond: killed } }`;
  const storage = join(world.folder, "killed");
  const { accounts, orders, issued } = world.asked;
  await using blind = await startNameServer(() => ({ rcode: "NXDOMAIN" }));
  await using first = await world.start(config(blind.address), { env, storage });
  await first.event("dns.published");
  const [left] = await bind.txt(NAME);
  assert.equal((await readdir(join(storage, "dns"))).length, 1);
  await first.kill();
  assert.deepEqual(await bind.txt(NAME), [left]);

  await using second = await world.start(config(bind.address), { env, storage });
  await second.event("order.resumed");
  assert.equal((await settledRow(second, "*.shop.example")).state, "valid");
  assert.equal((await browse(world.httpsPort, "d.shop.example", root)).body, "killed");
  await assertNothingLeft(storage);
  assert.deepEqual(world.asked, {
    accounts: accounts + 1,
    orders: orders + 1,
    issued: issued + 1,
  });
});

test("a provider that refuses is told with what to do, and the CA was not bothered", async () => {
  const { issued } = world.asked;
  const wrong = { TSIG_SECRET: Buffer.from("wrong").toString("base64") };
  await using latchkey = await world.start(
    `${acme(bind.address)}\nhosts: { "*.shop.example": { respond: ok } }`,
    { env: wrong },
  );
  const { lastError, state } = await settledRow(latchkey, "*.shop.example");
  assert.equal(state, "failed");
  assert.equal(lastError?.type, "DNS_FAILED");
  assert.match(lastError?.detail ?? "", /BADSIG: the secret of the key is another one there$/);
  assert.match(lastError?.hint ?? "", /^Check `acme\.dns`/);
  assert.ok(!latchkey.lines.some(({ event }) => event === "challenge.armed"));
  assert.equal(world.asked.issued, issued);
});

async function assertNothingLeft(storage: string): Promise<void> {
  assert.deepEqual(await bind.txt(NAME), []);
  assert.deepEqual(await readdir(join(storage, "dns")), []);
}

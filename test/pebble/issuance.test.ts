import assert from "node:assert/strict";
import { createPrivateKey } from "node:crypto";
import { after, test } from "node:test";
import { CaWorld, settledRow } from "../support/ca-world.ts";
import { entriesOf } from "../support/folders.ts";
import { browse, handshake } from "../support/visit.ts";

const world = await CaWorld.start({
  profiles: { short: 3_600, long: 7_776_000, longer: 8_640_000 },
});
const root = await world.pebble.roots();
after(() => world[Symbol.asyncDispose]());

const HOST = "a.shop.example";
const site = `hosts: { ${HOST}: { respond: ok } }`;
/** Pebble picks any of its profiles for an order that names none. */
const issuer = () => world.issuer("profile: long");

const ways = [
  {
    name: "http-01 alone",
    acme: "challenges: [http-01], keyType: ecdsa-p384",
    http: true,
    proof: "http-01",
    key: { namedCurve: "secp384r1" },
  },
  {
    name: "tls-alpn-01 alone",
    acme: "challenges: [tls-alpn-01], keyType: rsa-2048",
    http: false,
    proof: "tls-alpn-01",
    key: { modulusLength: 2_048, publicExponent: 65_537n },
  },
  {
    name: "http-01 with the largest key",
    acme: "challenges: [http-01], keyType: rsa-4096",
    http: true,
    proof: "http-01",
    key: { modulusLength: 4_096, publicExponent: 65_537n },
  },
  {
    name: "the challenge that is left without port 80",
    acme: "challenges: [http-01, tls-alpn-01]",
    http: false,
    proof: "tls-alpn-01",
    key: { namedCurve: "prime256v1" },
  },
  {
    name: "http-01 unless told otherwise",
    acme: "issue: at-start",
    http: true,
    proof: "http-01",
    key: { namedCurve: "prime256v1" },
  },
];

for (const { name, acme, http, proof, key } of ways) {
  test(`a listed host gets a certificate for the key it asks for, by ${name}`, async () => {
    await using latchkey = await world.start(`acme: { issuers: [${issuer()}], ${acme} }\n${site}`, {
      http,
    });
    await latchkey.event("certificate.swapped");
    const armed = latchkey.lines.filter(({ event }) => event === "challenge.armed");
    assert.deepEqual(
      armed.map(({ challenge }) => challenge),
      [proof],
    );
    const { certificate } = await handshake(world.httpsPort, HOST, root);
    assert.deepEqual(certificate.publicKey.asymmetricKeyDetails, key);
    assert.equal((await browse(world.httpsPort, HOST, root)).body, "ok");
  });
}

test("a profile that is asked for decides how long certificates live", async () => {
  await using latchkey = await world.start(`workers: 1
acme: { issuers: [${world.issuer("profile: short")}] }
hosts: { a.shop.example: { respond: ok }, b.shop.example: { respond: ok }, c.shop.example: { respond: ok } }`);
  for (const host of ["a.shop.example", "b.shop.example", "c.shop.example"]) {
    const { notBefore, notAfter } = await settledRow(latchkey, host);
    const lifeSeconds = (Date.parse(notAfter ?? "") - Date.parse(notBefore ?? "")) / 1_000;
    assert.ok(lifeSeconds >= 3_599 && lifeSeconds <= 3_600, `${host}: ${lifeSeconds}`);
  }
});

test("storage, status and the handshake agree, and storage is laid out as promised", async () => {
  await using latchkey = await world.start(`acme: { issuers: [${issuer()}] }\n${site}`);
  await latchkey.event("certificate.swapped");
  await latchkey.event("renewal-info.received");
  const row = await settledRow(latchkey, HOST);
  const { serial, certificate } = await handshake(world.httpsPort, HOST, root);
  assert.equal(row.state, "valid");
  assert.equal(row.issuer, world.directory);
  assert.deepEqual([row.serial, row.servedSerial], [serial, serial]);
  assert.equal(Date.parse(row.notAfter ?? ""), certificate.validToDate.getTime());

  const entries = await entriesOf(latchkey.storage);
  const account = entries.find(({ path }) => path.startsWith("accounts/"))?.path ?? "";
  assert.deepEqual(
    entries.map(({ path, kind, mode }) => `${path} ${kind} ${mode.toString(8)}`),
    [
      "FORMAT file 600",
      "accounts folder 700",
      `${account} folder 700`,
      `${account}/account.json file 600`,
      `${account}/account.key file 600`,
      "admin.sock other 600",
      "attempts folder 700",
      "authority folder 700",
      "budgets.json file 600",
      "certificates folder 700",
      `certificates/${HOST} folder 700`,
      `certificates/${HOST}/000001 folder 700`,
      `certificates/${HOST}/000001/chain.pem file 600`,
      `certificates/${HOST}/000001/key.pem file 600`,
      `certificates/${HOST}/000001/meta.json file 600`,
      `certificates/${HOST}/current link 777`,
      `certificates/${HOST}/renewal.json file 600`,
      "dns folder 700",
      "lock file 600",
      "orders folder 700",
      "quarantine folder 700",
    ],
  );
  const contentOf = (path: string) => entries.find((entry) => entry.path === path)?.content ?? "";
  assert.equal(contentOf(`certificates/${HOST}/current`), "000001");
  assert.equal(JSON.parse(contentOf(`certificates/${HOST}/000001/meta.json`)).serial, serial);
  const key = contentOf(`certificates/${HOST}/000001/key.pem`);
  assert.ok(certificate.checkPrivateKey(createPrivateKey(key)));
});

test("three hosts and a redirect get theirs at once from a CA that refuses every second nonce", async () => {
  await using shy = await CaWorld.start({ nonceReject: 50 });
  const hosts = ["a.shop.example", "b.shop.example", "c.shop.example"];
  await using latchkey = await shy.start(`acme: { issuers: [${shy.issuer()}] }
hosts:
  ${hosts.map((host) => `${host}: { respond: ${host} }`).join("\n  ")}
  www.shop.example: { redirect: a.shop.example }`);
  for (const host of [...hosts, "www.shop.example"])
    await latchkey.event("certificate.swapped", (line) => line["host"] === host);
  const itsRoot = await shy.pebble.roots();
  for (const host of hosts) assert.equal((await browse(shy.httpsPort, host, itsRoot)).body, host);
  const moved = await browse(shy.httpsPort, "www.shop.example", itsRoot);
  assert.equal(moved.status, 308);
  assert.equal(moved.location, `https://a.shop.example:${shy.httpsPort}/`);
  assert.deepEqual(shy.asked, { accounts: 1, orders: 4, issued: 4 });
});

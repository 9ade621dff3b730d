import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { test } from "node:test";
import { createCsr } from "../../src/acme/csr.ts";
import { createKey } from "../../src/acme/keys.ts";
import type { Authority } from "../../src/authority/authority.ts";
import { DAY_MS, openWorld } from "../support/authority-world.ts";
import { type ChallengeStand, startChallengeStand } from "../support/internal-order.ts";
import { RawAcmeClient, type RequestFaults, refusalIn } from "../support/raw-acme-client.ts";

const HOUR_MS = 3_600_000;
const otherKey = generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey;
const weakKey = generateKeyPairSync("rsa", { modulusLength: 1_024 }).privateKey;
const oddKey = generateKeyPairSync("ec", { namedCurve: "P-384" }).privateKey;

test("the directory, newNonce and every answer carry what RFC 8555 asks for", async () => {
  const { authority } = await openWorld();
  const client = new RawAcmeClient(authority);
  const directory = await client.fetch(authority.directory);
  assert.equal(directory.status, 200);
  const names = ["meta", "newAccount", "newNonce", "newOrder", "renewalInfo"];
  assert.deepEqual(Object.keys(JSON.parse(directory.body)).sort(), names);

  const { newNonce = "", newAccount = "" } = await client.directory();
  const head = await client.fetch(newNonce, "HEAD");
  const get = await client.fetch(newNonce, "GET");
  assert.deepEqual([head.status, get.status], [200, 204]);
  assert.equal(get.headers["cache-control"], "no-store");
  const refused = await client.fetch(newAccount, "GET");
  const nonces = [directory, head, get, refused].map(({ headers }) => headers["replay-nonce"]);
  assert.equal(new Set(nonces).size, 4);
  for (const nonce of nonces) assert.match(nonce ?? "", /^[A-Za-z0-9_-]{22}$/);
  for (const { headers } of [head, refused]) {
    assert.equal(headers["link"], `<${authority.directory}>;rel="index"`);
  }
});

test("newAccount answers 201 to a new key and 200 to a known one, with the same URL", async () => {
  const { authority } = await openWorld();
  const client = new RawAcmeClient(authority);
  const first = await client.register({ contact: ["mailto:ops@shop.example"] });
  client.kid = undefined;
  const second = await client.register({ onlyReturnExisting: true });
  assert.deepEqual([first.status, second.status], [201, 200]);
  assert.equal(first.headers["location"], second.headers["location"]);
  assert.deepEqual(JSON.parse(first.body).contact, ["mailto:ops@shop.example"]);
  const account = await client.post(client.kid ?? "", { contact: [] });
  assert.deepEqual([account.status, JSON.parse(account.body).status], [200, "valid"]);
});

test("an order, its authorization and its challenge are read by POST-as-GET", async () => {
  const { authority } = await openWorld();
  const client = new RawAcmeClient(authority);
  await client.register();
  const placed = await client.order(["Shop.Test", "b.localhost", "shop.test"]);
  assert.equal(placed.status, 201);
  const order = JSON.parse(placed.body);
  assert.equal(order.status, "pending");
  const identifiers = ["shop.test", "b.localhost"].map((value) => ({ type: "dns", value }));
  assert.deepEqual(order.identifiers, identifiers);
  const read = await client.post(placed.headers["location"] ?? "");
  assert.deepEqual(JSON.parse(read.body), order);

  const [url] = order.authorizations;
  const authorization = JSON.parse((await client.post(url)).body);
  assert.deepEqual(authorization.identifier, identifiers[0]);
  const challenge = await client.post(authorization.challenges[0].url);
  assert.equal(JSON.parse(challenge.body).status, "pending", "reading does not start it");
  assert.match(challenge.headers["link"] ?? "", new RegExp(`^<${url}>;rel="up", `));
});

/** One fault in an otherwise good newOrder, and the answer. */
const requestFaults: readonly (RequestFaults & { what: string; answer: string })[] = [
  { what: "a nonce nobody gave", header: { nonce: "bm9uY2U" }, answer: "400 badNonce" },
  { what: "no nonce", dropHeader: ["nonce"], answer: "400 malformed" },
  { what: "a broken signature", breakSignature: true, answer: "400 malformed" },
  { what: "a signature by another key", signWith: otherKey, answer: "400 malformed" },
  { what: "an empty signature", envelope: { signature: "" }, answer: "400 malformed" },
  {
    what: "the URL of another resource",
    header: { url: "https://authority.latchkey.internal/new-account" },
    answer: "403 unauthorized",
  },
  { what: "no URL", dropHeader: ["url"], answer: "400 malformed" },
  { what: "both jwk and kid", header: { jwk: { kty: "EC" } }, answer: "400 malformed" },
  { what: "neither jwk nor kid", dropHeader: ["kid"], answer: "400 malformed" },
  {
    what: "a kid that is no account",
    header: { kid: "https://authority.latchkey.internal/account/ec.AA.BB" },
    answer: "400 accountDoesNotExist",
  },
  {
    what: "a kid of another CA",
    header: { kid: "https://acme.example/account/1" },
    answer: "400 accountDoesNotExist",
  },
  { what: "no algorithm", dropHeader: ["alg"], answer: "400 malformed" },
  { what: "the algorithm none", header: { alg: "none" }, answer: "400 badSignatureAlgorithm" },
  { what: "an HMAC algorithm", header: { alg: "HS256" }, answer: "400 badSignatureAlgorithm" },
  {
    what: "the algorithm of another kind of key",
    header: { alg: "RS256" },
    answer: "400 badSignatureAlgorithm",
  },
  { what: "critical extensions", header: { crit: ["exp"], exp: 1 }, answer: "400 malformed" },
  { what: "an unprotected header", envelope: { header: {} }, answer: "400 malformed" },
  { what: "several signatures", envelope: { signatures: [] }, answer: "400 malformed" },
  { what: "padded base64url", envelope: { payload: "e30=" }, answer: "400 malformed" },
  {
    what: "a payload that is not an object",
    envelope: { payload: "W10" },
    answer: "400 malformed",
  },
  { what: "a payload that was not signed", envelope: { payload: "e30" }, answer: "400 malformed" },
  { what: "another content type", contentType: "application/json", answer: "415 malformed" },
  { what: "a body that is not JSON", body: "{", answer: "400 malformed" },
  { what: "a body that is null", body: "null", answer: "400 malformed" },
  { what: "an empty body", body: "", answer: "400 malformed" },
  { what: "a body beyond 64 KiB", body: " ".repeat(65_537), answer: "413 malformed" },
  { what: "GET", method: "GET", answer: "405 malformed" },
];

for (const { what, answer, ...faults } of requestFaults) {
  test(`a request with ${what} is answered ${answer}`, async () => {
    const { authority, log } = await openWorld();
    const client = new RawAcmeClient(authority);
    await client.register();
    const { newOrder = "" } = await client.directory();
    const payload = { identifiers: [{ type: "dns", value: "a.test" }] };
    const refused = await client.post(newOrder, payload, faults);
    assert.equal(refusalIn(refused), answer);
    assert.match(refused.headers["replay-nonce"] ?? "", /^[A-Za-z0-9_-]{22}$/);
    assert.ok(!log.events().includes("authority.failed"));
  });
}

test("a nonce is good for one request, and the refusal brings a fresh one that is good", async () => {
  const { authority } = await openWorld();
  const client = new RawAcmeClient(authority);
  const { newAccount = "" } = await client.directory();
  const nonce = await client.nonce();
  const first = await client.post(newAccount, {}, { header: { nonce } });
  const second = await client.post(newAccount, {}, { header: { nonce } });
  assert.deepEqual([first.status, refusalIn(second)], [201, "400 badNonce"]);
  const fresh = { header: { nonce: second.headers["replay-nonce"] } };
  assert.equal((await client.post(newAccount, {}, fresh)).status, 200);
});

test("a refused algorithm comes with the list of those that are accepted", async () => {
  const { authority } = await openWorld();
  const client = new RawAcmeClient(authority);
  const { newAccount = "" } = await client.directory();
  const { body } = await client.post(newAccount, {}, { header: { alg: "EdDSA" } });
  assert.deepEqual(JSON.parse(body).algorithms, ["ES256", "RS256"]);
});

/** Keys that cannot have an account. */
const badKeys = [
  { what: "an EC key on P-384", key: oddKey, header: { alg: "ES256" }, answer: "400 badPublicKey" },
  { what: "an RSA key of 1,024 bits", key: weakKey, answer: "400 badPublicKey" },
  { what: "a private key", jwk: { d: "AA" }, answer: "400 badPublicKey" },
  { what: "a point off the curve", jwk: { x: "A".repeat(43) }, answer: "400 badPublicKey" },
  {
    what: "a coordinate with padding",
    jwk: { x: `${"A".repeat(43)}=` },
    answer: "400 badPublicKey",
  },
  { what: "a symmetric key", jwk: { kty: "oct", k: "AA" }, answer: "400 badPublicKey" },
];

for (const { what, key, jwk, header, answer } of badKeys) {
  test(`newAccount with ${what} is answered ${answer}`, async () => {
    const { authority } = await openWorld();
    const client = new RawAcmeClient(authority, key);
    const { newAccount = "" } = await client.directory();
    const faults = { header: { ...header, jwk: { ...client.jwk, ...jwk } } };
    assert.equal(refusalIn(await client.post(newAccount, {}, faults)), answer);
  });
}

test("newAccount wants a jwk, everything else a kid", async () => {
  const { authority } = await openWorld();
  const client = new RawAcmeClient(authority);
  const { newAccount = "", newOrder = "" } = await client.directory();
  assert.equal(refusalIn(await client.post(newOrder, {})), "400 malformed");
  await client.register();
  assert.equal(refusalIn(await client.post(newAccount, {})), "400 malformed");
  client.kid = undefined;
  assert.equal(refusalIn(await client.post(newAccount, { contact: "x" })), "400 invalidContact");
  assert.equal(refusalIn(await client.post(newAccount)), "400 malformed");
});

/** newOrder payloads, and the answer. */
const orders = [
  { what: "no identifiers", payload: {}, answer: "400 malformed" },
  { what: "an empty list", names: [], answer: "400 malformed" },
  {
    what: "101 names",
    names: Array.from({ length: 101 }, (_, n) => `n${n}.test`),
    answer: "400 malformed",
  },
  {
    what: "an IP identifier that is not permitted",
    payload: { identifiers: [{ type: "ip", value: "127.0.0.1" }] },
    answer: "400 rejectedIdentifier",
  },
  {
    what: "an identifier of another type",
    payload: { identifiers: [{ type: "email", value: "a@b.test" }] },
    answer: "400 unsupportedIdentifier",
  },
  {
    what: "an identifier without value",
    payload: { identifiers: [{ type: "dns" }] },
    answer: "400 malformed",
  },
  { what: "a wildcard", names: ["*.shop.test"], answer: "400 rejectedIdentifier" },
  {
    what: "a name outside the suffixes",
    names: ["shop.example"],
    answer: "400 rejectedIdentifier",
  },
  {
    what: "a name that only ends like one",
    names: ["nottest", "x.mylocalhost"],
    answer: "400 rejectedIdentifier",
  },
  { what: "an address as a name", names: ["127.0.0.1"], answer: "400 rejectedIdentifier" },
  { what: "a trailing dot", names: ["a.test."], answer: "400 rejectedIdentifier" },
  { what: "an underscore", names: ["_a.test"], answer: "400 rejectedIdentifier" },
  { what: "Unicode", names: ["bücher.test"], answer: "400 rejectedIdentifier" },
  { what: "an empty name", names: [""], answer: "400 rejectedIdentifier" },
  {
    what: "a chosen end",
    names: ["a.test"],
    more: { notAfter: "2030-01-01T00:00:00Z" },
    answer: "400 malformed",
  },
  {
    what: "a profile",
    names: ["a.test"],
    more: { profile: "shortlived" },
    answer: "400 invalidProfile",
  },
  {
    what: "a replaces that is no CertID",
    names: ["a.test"],
    more: { replaces: "x" },
    answer: "400 malformed",
  },
  {
    what: "a replaces that is a number",
    names: ["a.test"],
    more: { replaces: 1 },
    answer: "400 malformed",
  },
  { what: "a suffix of its own", names: ["localhost", "a.home.arpa"], answer: "201 no problem" },
  { what: "a permitted suffix", names: ["a.shop.lan", "shop.lan"], answer: "201 no problem" },
  {
    what: "a replaces from before the restart",
    names: ["a.test"],
    more: { replaces: "AAAA.BBBB" },
    answer: "201 no problem",
  },
];

for (const { what, names = [], payload, more, answer } of orders) {
  test(`an order with ${what} is answered ${answer}`, async () => {
    const { authority } = await openWorld({ permit: ["shop.lan"] });
    const client = new RawAcmeClient(authority);
    await client.register();
    const { newOrder = "" } = await client.directory();
    const answered = payload
      ? await client.post(newOrder, payload)
      : await client.order(names, more);
    assert.equal(refusalIn(answered), answer);
  });
}

test("a name outside the suffixes is refused with the key that would permit it", async () => {
  const { authority } = await openWorld();
  const client = new RawAcmeClient(authority);
  await client.register();
  const { body } = await client.order(["a.test", "shop.example", "*.b.test"]);
  const { detail, subproblems } = JSON.parse(body);
  assert.match(detail, /authority\.permit/);
  assert.deepEqual(
    subproblems.map(({ identifier }: { identifier: { value: string } }) => identifier.value),
    ["shop.example", "*.b.test"],
  );
});

test("what one account ordered is no other account's to read or finish", async () => {
  const { authority } = await openWorld();
  const owner = new RawAcmeClient(authority);
  const other = new RawAcmeClient(authority);
  await owner.register();
  await other.register();
  const placed = await owner.order(["a.test"]);
  const { authorizations, finalize } = JSON.parse(placed.body);
  const [authorization] = authorizations;
  const { challenges } = JSON.parse((await owner.post(authorization)).body);
  const attempts = [
    other.post(placed.headers["location"] ?? ""),
    other.post(authorization),
    other.post(challenges[0].url, {}),
    other.post(finalize, { csr: "" }),
    other.post(owner.kid ?? ""),
  ];
  for (const answer of await Promise.all(attempts)) {
    assert.equal(refusalIn(answer), "403 unauthorized");
  }
});

test("unknown resources are answered 404, known ones with the wrong method 405", async () => {
  const { authority } = await openWorld();
  const client = new RawAcmeClient(authority);
  await client.register();
  const order = (await client.order(["a.test"])).headers["location"] ?? "";
  const origin = new URL(authority.directory).origin;
  const [id = ""] = order.split("/").slice(-1);
  const signed = [
    `/order/none`,
    `/authorization/${id}/1`,
    `/authorization/${id}/-1`,
    `/authorization/${id}/00`,
    `/challenge/${id}/0/dns-01`,
    `/certificate/${id}`,
    `/order/${id}?x`,
    `/order/${id}/`,
    `/key-change`,
    `/`,
  ];
  for (const path of signed) {
    assert.equal(refusalIn(await client.post(origin + path)), "404 malformed", path);
  }
  const { newNonce = "", renewalInfo = "" } = await client.directory();
  assert.equal(refusalIn(await client.fetch(newNonce, "POST")), "405 malformed");
  assert.equal(refusalIn(await client.fetch(authority.directory, "POST")), "405 malformed");
  assert.equal(refusalIn(await client.fetch(`${renewalInfo}/AAAA.BBBB`)), "404 malformed");
  assert.equal(refusalIn(await client.fetch(`${renewalInfo}/AAAA`)), "400 malformed");
  assert.equal(refusalIn(await client.post(order, {})), "400 malformed");
  assert.equal(
    refusalIn(await client.post(client.kid ?? "", { status: "deactivated" })),
    "400 malformed",
  );
});

/** An order that is ready, at an authority that really validated it. */
async function readyOrder(authority: Authority, stand: ChallengeStand, names: readonly string[]) {
  const client = new RawAcmeClient(authority);
  await client.register();
  const placed = await client.order(names);
  const url = placed.headers["location"] ?? "";
  const { authorizations, finalize } = JSON.parse(placed.body);
  for (const authorization of authorizations) {
    const { challenges } = JSON.parse((await client.post(authorization)).body);
    const { token, url: challenge } = challenges[0];
    stand.bodies.set(`/.well-known/acme-challenge/${token}`, `${token}.${client.thumbprint}`);
    await client.post(challenge, {});
    while (JSON.parse((await client.post(authorization)).body).status === "pending");
  }
  return { client, url, finalize: String(finalize) };
}

test("an order that is not proven cannot be finalized", async () => {
  const { authority } = await openWorld();
  const client = new RawAcmeClient(authority);
  await client.register();
  const { finalize } = JSON.parse((await client.order(["a.test"])).body);
  const csr = createCsr(["a.test"], await createKey("ecdsa-p256")).toString("base64url");
  assert.equal(refusalIn(await client.post(finalize, { csr })), "403 orderNotReady");
});

test("a refused CSR leaves the order ready, and the right one makes it valid", async () => {
  await using stand = await startChallengeStand();
  const { authority } = await openWorld({ reach: stand.reach });
  const { client, url, finalize } = await readyOrder(authority, stand, ["a.test", "b.test"]);
  const key = await createKey("ecdsa-p256");
  const accountKey = client.key.export({ type: "pkcs8", format: "pem" }).toString();
  const encode = (csr: Buffer) => csr.toString("base64url");
  const good = createCsr(["b.test", "a.test"], key);
  const broken = Buffer.from(good);
  broken.writeUInt8(broken.readUInt8(broken.length - 1) ^ 1, broken.length - 1);
  const refused = [
    { csr: encode(createCsr(["a.test"], key)), answer: "400 badCSR" },
    { csr: encode(createCsr(["a.test", "b.test", "c.test"], key)), answer: "400 badCSR" },
    { csr: encode(createCsr(["a.test", "c.test"], key)), answer: "400 badCSR" },
    { csr: encode(createCsr(["a.test", "b.test"], accountKey)), answer: "400 badCSR" },
    { csr: encode(broken), answer: "400 badCSR" },
    { csr: "", answer: "400 badCSR" },
    { csr: `${encode(good)}==`, answer: "400 malformed" },
    { csr: 1, answer: "400 malformed" },
  ];
  for (const { csr, answer } of refused) {
    assert.equal(refusalIn(await client.post(finalize, { csr })), answer);
    assert.equal(JSON.parse((await client.post(url)).body).status, "ready");
  }
  const done = JSON.parse((await client.post(finalize, { csr: encode(good) })).body);
  assert.equal(done.status, "valid");
  const chain = await client.post(done.certificate);
  assert.equal(chain.headers["content-type"], "application/pem-certificate-chain");
  assert.equal(chain.body.match(/BEGIN CERTIFICATE/g)?.length, 2);
  const again = await client.post(finalize, { csr: encode(good) });
  assert.equal(refusalIn(again), "403 orderNotReady");
});

test("an order is invalid after a day", async () => {
  await using stand = await startChallengeStand();
  const { authority, clock } = await openWorld({ reach: stand.reach });
  const { client, url, finalize } = await readyOrder(authority, stand, ["a.test"]);
  clock.advance(DAY_MS);
  assert.equal(JSON.parse((await client.post(url)).body).status, "invalid");
  const csr = createCsr(["a.test"], await createKey("ecdsa-p256")).toString("base64url");
  assert.equal(refusalIn(await client.post(finalize, { csr })), "403 orderNotReady");
});

test("a store that fails when a CA has ended is a 500 that tells nothing, and the order stays ready", async () => {
  await using stand = await startChallengeStand();
  const { authority, clock, store, log } = await openWorld({ reach: stand.reach });
  // Half an hour before the intermediate ends, which began an hour before now.
  clock.advance(365 * DAY_MS - 1.5 * HOUR_MS);
  const { client, finalize } = await readyOrder(authority, stand, ["a.test"]);
  clock.advance(0.75 * HOUR_MS);
  store.beforeWrite = () => {
    throw new Error("ENOSPC");
  };
  const csr = createCsr(["a.test"], await createKey("ecdsa-p256")).toString("base64url");
  const failed = await client.post(finalize, { csr });
  assert.equal(refusalIn(failed), "500 serverInternal");
  assert.ok(!failed.body.includes("ENOSPC"));
  assert.ok(log.events().includes("authority.failed"));
  store.beforeWrite = () => {};
  assert.equal(JSON.parse((await client.post(finalize, { csr })).body).status, "valid");
});

test("a flood of nonces and orders stays within its tables, and the newest still work", async () => {
  const { authority } = await openWorld();
  const client = new RawAcmeClient(authority);
  await client.register();
  const first = (await client.order(["a.test"])).headers["location"] ?? "";
  const oldNonce = await client.nonce();
  const { newNonce = "" } = await client.directory();
  for (let count = 0; count < 1_000; count += 1) await client.fetch(newNonce, "HEAD");
  const stale = await client.post(first, undefined, { header: { nonce: oldNonce } });
  assert.equal(refusalIn(stale), "400 badNonce");
  let last = "";
  for (let count = 0; count < 1_000; count += 1) {
    last = (await client.order(["a.test"])).headers["location"] ?? "";
  }
  assert.equal(refusalIn(await client.post(first)), "404 malformed");
  assert.equal((await client.post(last)).status, 200);
});

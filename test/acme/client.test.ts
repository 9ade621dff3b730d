import assert from "node:assert/strict";
import { createHmac, createPublicKey } from "node:crypto";
import { test } from "node:test";
import { AcmeClient, type AcmeClientOptions } from "../../src/acme/client.ts";
import { createKey } from "../../src/acme/keys.ts";
import { verdictOf } from "../../src/acme/problem.ts";
import { thumbprintOf } from "../../src/acme/thumbprint.ts";
import { makeAuthority, makeCertificate } from "../support/certificates.ts";
import { problem, ScriptedCa, urlOf } from "../support/scripted-ca.ts";

const NOW = Date.parse("2026-11-23T12:00:00Z");
const unending = new AbortController().signal;
const accountKey = await createKey("ecdsa-p256");

const pending = {
  status: "pending",
  authorizations: [urlOf("/authz/1")],
  finalize: urlOf("/order/1/finalize"),
};
const placed = { status: 201, headers: { location: urlOf("/order/1") }, body: pending };

test("making an account agrees to the terms and leaves the address", async () => {
  const ca = new ScriptedCa();
  const url = await clientOf(ca).createAccount({ email: "ops@shop.example" }, unending);
  assert.match(url, /^https:\/\/ca\.test\/account\//);
  assert.deepEqual(ca.requests, ["GET /directory", "HEAD /nonce", "POST /account"]);
  assert.deepEqual(ca.posts[0]?.payload, {
    termsOfServiceAgreed: true,
    contact: ["mailto:ops@shop.example"],
  });
});

test("an account is bound to one of the CA's website with the key it gave out (RFC 8555 §7.3.4)", async () => {
  const ca = new ScriptedCa();
  const hmac = Buffer.from("a secret of the website").toString("base64url");
  await clientOf(ca, { binding: { kid: "kid-1", hmac } }).createAccount({}, unending);
  const { payload } = ca.posts[0] ?? assert.fail();
  const binding = Object(payload).externalAccountBinding;
  const decode = (part: string) => JSON.parse(Buffer.from(part, "base64url").toString());
  assert.deepEqual(decode(binding.protected), {
    alg: "HS256",
    url: urlOf("/account"),
    kid: "kid-1",
  });
  const { kty, crv } = createPublicKey(accountKey).export({ format: "jwk" });
  assert.deepEqual(
    { kty: decode(binding.payload).kty, crv: decode(binding.payload).crv },
    { kty, crv },
  );
  assert.equal(
    thumbprintOf(accountKey),
    thumbprintOf(
      createPublicKey({ key: decode(binding.payload), format: "jwk" })
        .export({ type: "spki", format: "pem" })
        .toString(),
    ),
  );
  const mac = createHmac("sha256", Buffer.from(hmac, "base64url"))
    .update(`${binding.protected}.${binding.payload}`)
    .digest("base64url");
  assert.equal(binding.signature, mac);
});

test("a CA that wants a binding is not asked for an account without one", async () => {
  const ca = new ScriptedCa();
  const directory = {
    newNonce: urlOf("/nonce"),
    newAccount: urlOf("/account"),
    newOrder: urlOf("/order"),
    meta: { externalAccountRequired: true },
  };
  ca.script("/directory", { body: directory });
  const asked = clientOf(ca).createAccount({}, unending);
  await assert.rejects(asked, (error) => {
    assert.deepEqual(verdictOf(error), { kind: "wait" });
    return Object(error).code === "ACME_ACCOUNT_BINDING";
  });
  assert.deepEqual(ca.requests, ["GET /directory"]);
});

test("a CA that wants a binding no longer is asked for an account without one", async () => {
  const ca = new ScriptedCa();
  const [open, closed] = [false, true].map((externalAccountRequired) => ({
    body: { ...bareDirectory(""), meta: { externalAccountRequired } },
  }));
  assert.ok(open && closed);
  ca.script("/directory", closed, open);
  let now = NOW;
  const client = clientOf(ca, { clock: { now: () => now, sleep: () => Promise.resolve() } });
  await assert.rejects(client.createAccount({}, unending), { code: "ACME_ACCOUNT_BINDING" });
  now += 60_000;
  assert.equal(await client.createAccount({}, unending), client.accountUrl);
});

test("a key that has an account gets that account, by one request", async () => {
  const ca = new ScriptedCa();
  const url = await clientOf(ca).createAccount({}, unending);
  assert.equal(await clientOf(ca).createAccount({}, unending), url);
  const found = await clientOf(ca).createAccount({ onlyReturnExisting: true }, unending);
  assert.equal(found, url);
  assert.equal(ca.posts.length, 3);
  assert.deepEqual(ca.posts[2]?.payload, { onlyReturnExisting: true });
});

test("a key without an account is told so when none may be made", async () => {
  const ca = new ScriptedCa();
  await assert.rejects(clientOf(ca).createAccount({ onlyReturnExisting: true }, unending), {
    code: "ACME_PROBLEM",
    type: "urn:ietf:params:acme:error:accountDoesNotExist",
    status: 400,
  });
});

test("an account that the CA gives no URL for makes no sense", async () => {
  const ca = new ScriptedCa();
  ca.script("/account", { status: 201 });
  await assert.rejects(clientOf(ca).createAccount({}, unending), { code: "ACME_PROTOCOL" });
});

test("an order without an account is a mistake of the caller", async () => {
  await assert.rejects(clientOf(new ScriptedCa()).newOrder({ names: ["a.example"] }, unending), {
    name: "TypeError",
  });
});

test("an order names its names, its profile and the certificate it replaces", async () => {
  const { ca, client } = await registered();
  ca.script("/order", placed);
  const names = ["a.example", "b.example"];
  const order = await client.newOrder({ names, profile: "shortlived", replaces: "a.b" }, unending);
  assert.deepEqual(order, {
    url: urlOf("/order/1"),
    ...pending,
    certificate: undefined,
    expires: undefined,
    error: undefined,
    retryAfterMs: undefined,
  });
  assert.deepEqual(ca.posts.at(-1)?.payload, {
    identifiers: [
      { type: "dns", value: "a.example" },
      { type: "dns", value: "b.example" },
    ],
    profile: "shortlived",
    replaces: "a.b",
  });
});

test("a plain order names nothing but its names", async () => {
  const { ca, client } = await registered();
  ca.script("/order", placed);
  await client.newOrder({ names: ["a.example"] }, unending);
  assert.deepEqual(ca.posts.at(-1)?.payload, {
    identifiers: [{ type: "dns", value: "a.example" }],
  });
});

test("a client that knows its account's URL asks for no account", async () => {
  const { ca, accountUrl } = await registered();
  ca.script("/order", placed);
  await clientOf(ca, { accountUrl }).newOrder({ names: ["a.example"] }, unending);
  assert.deepEqual(ca.posts.at(-1)?.kid, accountUrl);
  assert.equal(ca.posts.filter(({ path }) => path === "/account").length, 1);
});

test("every request uses the nonce of the answer before, and only the first asks for one", async () => {
  const { ca, client } = await registered();
  ca.script("/order/1", { body: pending });
  for (let round = 0; round < 3; round += 1) await client.order(urlOf("/order/1"), unending);
  const used = ca.posts.map(({ nonce }) => nonce);
  assert.deepEqual(used, ["nonce-1", "nonce-2", "nonce-3", "nonce-4"]);
  assert.equal(ca.requests.filter((request) => request.startsWith("HEAD")).length, 1);
});

test("requests side by side never share a nonce", async () => {
  const { ca, client } = await registered();
  ca.script("/order/1", { body: pending });
  const asked = Array.from({ length: 8 }, () => client.order(urlOf("/order/1"), unending));
  await Promise.all(asked);
  const used = ca.posts.map(({ nonce }) => nonce);
  assert.equal(new Set(used).size, 9);
  assert.equal(used.length, 9);
});

test("a refused nonce is replaced by the one of the refusal itself", async () => {
  const { ca, client } = await registered();
  ca.script("/order/1", { body: pending });
  ca.refuseNonces(2);
  await client.order(urlOf("/order/1"), unending);
  const used = ca.posts.slice(1).map(({ nonce }) => nonce);
  assert.deepEqual(used, ["nonce-2", "nonce-3", "nonce-4"]);
  assert.equal(ca.requests.filter((request) => request.startsWith("HEAD")).length, 1);
});

test("C4: as many refused nonces as are allowed are survived, and one more is not", async () => {
  const { ca, client } = await registered({ badNonceRetries: 10 });
  ca.script("/order/1", { body: pending });
  ca.refuseNonces(10);
  await client.order(urlOf("/order/1"), unending);
  assert.equal(ca.posts.length, 1 + 11);

  ca.refuseNonces(11);
  await assert.rejects(client.order(urlOf("/order/1"), unending), {
    code: "ACME_PROBLEM",
    type: "urn:ietf:params:acme:error:badNonce",
  });
  assert.equal(ca.posts.length, 1 + 11 + 11);
});

test("a CA that gives no nonce makes no sense", async () => {
  const ca = new ScriptedCa();
  ca.script("/nonce", { headers: { "replay-nonce": "no such thing" } });
  await assert.rejects(clientOf(ca).createAccount({}, unending), { code: "ACME_PROTOCOL" });
});

test("an authorization is read with its challenges, known or not", async () => {
  const { ca, client } = await registered();
  const url = urlOf("/challenge/1");
  ca.script("/authz/1", {
    headers: { "retry-after": "3" },
    body: {
      status: "pending",
      identifier: { type: "dns", value: "store.shop.example" },
      challenges: [
        { type: "http-01", url, status: "pending", token: "DGyRejmCefe7v4NfDGDKfA" },
        { type: "dns-persist-01", url, status: "pending", "issuer-domain-names": ["ca.test"] },
        { type: "tls-alpn-01", url, status: "pending", token: "../../../etc/passwd" },
      ],
    },
  });
  const authorization = await client.authorization(urlOf("/authz/1"), unending);
  assert.equal(authorization.host, "store.shop.example");
  assert.equal(authorization.retryAfterMs, 3_000);
  const offered = authorization.challenges.map(({ type, token }) => [type, token]);
  assert.deepEqual(offered, [
    ["http-01", "DGyRejmCefe7v4NfDGDKfA"],
    ["dns-persist-01", undefined],
  ]);
});

test("a challenge is answered with an empty object, a resource is read without one", async () => {
  const { ca, client } = await registered();
  ca.script("/challenge/1", { body: { type: "http-01" } });
  ca.script("/order/1", { body: pending });
  await client.answerChallenge(urlOf("/challenge/1"), unending);
  await client.order(urlOf("/order/1"), unending);
  const payloads = ca.posts.slice(1).map(({ payload }) => payload);
  assert.deepEqual(payloads, [{}, undefined]);
});

test("finalizing hands in the CSR and gives the order as it then stands", async () => {
  const { ca, client } = await registered();
  ca.script("/order", placed);
  ca.script("/order/1/finalize", {
    headers: { "retry-after": "Mon, 23 Nov 2026 12:00:05 GMT" },
    body: { ...pending, status: "processing" },
  });
  const order = await client.newOrder({ names: ["a.example"] }, unending);
  const finalized = await client.finalize(order, Buffer.from([0x30, 0xff, 0xfe]), unending);
  assert.deepEqual(ca.posts.at(-1)?.payload, { csr: "MP_-" });
  assert.deepEqual(
    [finalized.url, finalized.status, finalized.retryAfterMs],
    [order.url, "processing", 5_000],
  );
});

test("a certificate is downloaded as the CA sends it, if it is nothing else", async () => {
  const { ca, client } = await registered();
  const { chain, key } = makeCertificate({ names: ["a.example"], issuer: makeAuthority() });
  const headers = { "content-type": "application/pem-certificate-chain" };
  const valid = { ...pending, status: "valid", certificate: urlOf("/certificate/1") };
  ca.script("/order/1", { body: valid });
  ca.script("/certificate/1", { headers, body: chain }, { headers, body: chain + key });
  const order = await client.order(urlOf("/order/1"), unending);
  assert.equal((await client.certificate(order, unending)).chain, chain);
  await assert.rejects(client.certificate(order, unending), { code: "ACME_PROTOCOL" });
});

test("other chains of a certificate are found by their links and read like its own", async () => {
  const { ca, client } = await registered();
  const { chain, key } = makeCertificate({ names: ["a.example"], issuer: makeAuthority() });
  const link =
    '<https://ca.test/directory>;rel="index", </other/1>;rel="alternate", <https://ca.test/other/2>;rel="alternate"';
  ca.script("/order/1", {
    body: { ...pending, status: "valid", certificate: urlOf("/certificate/1") },
  });
  ca.script("/certificate/1", { headers: { link }, body: chain });
  ca.script("/other/1", { body: chain });
  ca.script("/other/2", { body: chain + key });
  const order = await client.order(urlOf("/order/1"), unending);
  const { alternates } = await client.certificate(order, unending);
  assert.deepEqual(alternates, [urlOf("/other/1"), urlOf("/other/2")]);
  assert.equal(await client.chain(urlOf("/other/1"), unending), chain);
  assert.deepEqual(ca.posts.at(-1)?.payload, undefined);
  await assert.rejects(client.chain(urlOf("/other/2"), unending), { code: "ACME_PROTOCOL" });
});

test("an order that is not valid has no certificate to download", async () => {
  const { ca, client } = await registered();
  ca.script("/order/1", { body: pending });
  const order = await client.order(urlOf("/order/1"), unending);
  await assert.rejects(client.certificate(order, unending), { code: "ACME_PROTOCOL" });
});

test("an account changes its key, which the CA then knows it by (RFC 8555 §7.3.5)", async () => {
  const { ca, client, accountUrl } = await registered();
  const nextKey = await createKey("ecdsa-p256");
  await client.changeKey(nextKey, unending);
  assert.deepEqual([ca.posts.at(-1)?.path, ca.posts.at(-1)?.kid], ["/key-change", accountUrl]);
  const asked = { onlyReturnExisting: true };
  const next = clientOf(ca, { accountKey: nextKey });
  assert.equal(await next.createAccount(asked, unending), accountUrl);
  await assert.rejects(clientOf(ca).createAccount(asked, unending), {
    type: "urn:ietf:params:acme:error:accountDoesNotExist",
  });
});

test("a key that another account has is refused, and the old one goes on", async () => {
  const { ca, client } = await registered();
  const taken = await createKey("ecdsa-p256");
  await clientOf(ca, { accountKey: taken }).createAccount({}, unending);
  await assert.rejects(client.changeKey(taken, unending), { status: 409 });
  ca.script("/order", placed);
  assert.equal((await client.newOrder({ names: ["a.example"] }, unending)).status, "pending");
});

const answers = [
  { what: "nothing", body: "", agrees: true },
  { what: "null", body: "null\n", agrees: true },
  { what: "an account", body: { status: "valid" }, agrees: true },
  { what: "the page of a gateway", body: "<html>Welcome</html>", agrees: false },
];

for (const { what, body, agrees } of answers) {
  test(`${what} with a status of 200 ${agrees ? "is a yes" : "is no yes"} to another key and to a revocation`, async () => {
    const { ca, client } = await registered();
    const { chain } = makeCertificate({ names: ["a.example"], issuer: makeAuthority() });
    const directory = {
      ...bareDirectory(""),
      keyChange: urlOf("/change"),
      revokeCert: urlOf("/revoke"),
    };
    ca.script("/directory", { body: directory });
    for (const path of ["/change", "/revoke"]) ca.script(path, { body });
    const asker = clientOf(ca, { accountUrl: client.accountUrl });
    for (const asked of [
      asker.changeKey(await createKey("ecdsa-p256"), unending),
      asker.revoke(chain, 1, unending),
    ]) {
      if (agrees) await asked;
      else await assert.rejects(asked, { code: "ACME_PROTOCOL" });
    }
  });
}

test("a CA without key changes is asked for none", async () => {
  const ca = new ScriptedCa();
  ca.script("/directory", { body: bareDirectory("") });
  const client = clientOf(ca, { accountUrl: urlOf("/account/1") });
  await assert.rejects(client.changeKey(accountKey, unending), { code: "ACME_PROTOCOL" });
  assert.deepEqual(ca.requests, ["GET /directory"]);
});

test("a key authorization is the token and the thumbprint of the account's key", () => {
  const client = clientOf(new ScriptedCa());
  assert.equal(client.keyAuthorization("token"), `token.${thumbprintOf(accountKey)}`);
});

/** What a CA says in place of an order, and what becomes of it. */
const refusals = [
  {
    what: "a certificate that is replaced already",
    answer: problem(409, "alreadyReplaced"),
    error: {
      code: "ACME_PROBLEM",
      type: "urn:ietf:params:acme:error:alreadyReplaced",
      status: 409,
    },
    verdict: { kind: "retry", afterMs: undefined },
  },
  {
    what: "a rate limit that ends after seconds",
    answer: problem(429, "rateLimited", {
      headers: { "retry-after": "3600", link: '<https://ca.test/limits>;rel="help"' },
    }),
    error: { code: "ACME_PROBLEM", retryAfterMs: 3_600_000, help: "https://ca.test/limits" },
    verdict: { kind: "retry", afterMs: 3_600_000 },
  },
  {
    what: "a rate limit that ends at a time",
    answer: problem(429, "rateLimited", {
      headers: { "retry-after": "Mon, 23 Nov 2026 13:00:00 GMT" },
    }),
    error: { code: "ACME_PROBLEM", retryAfterMs: 3_600_000 },
    verdict: { kind: "retry", afterMs: 3_600_000 },
  },
  {
    what: "the HTML of a load balancer",
    answer: { status: 503, headers: { "retry-after": "30" }, body: "<h1>Busy</h1>" },
    error: { code: "ACME_PROTOCOL", facts: { status: 503, retryAfterMs: 30_000 } },
    verdict: { kind: "unreachable", afterMs: 30_000 },
  },
  {
    what: "the HTML of a web server",
    answer: { status: 404, body: "<h1>Not found</h1>" },
    error: { code: "ACME_PROTOCOL" },
    verdict: { kind: "retry", afterMs: undefined },
  },
  {
    what: "a name that the CA does not certify",
    answer: problem(400, "rejectedIdentifier"),
    error: { code: "ACME_PROBLEM" },
    verdict: { kind: "wait" },
  },
  {
    what: "a redirect",
    answer: { status: 307, headers: { location: urlOf("/elsewhere") } },
    error: {
      code: "ACME_PROTOCOL",
      message: `Cannot order a certificate for a.example: the CA answered with status 307 and sends us to ${urlOf("/elsewhere")}`,
    },
    verdict: { kind: "retry", afterMs: undefined },
  },
  {
    what: "an order without a URL",
    answer: { status: 201, body: pending },
    error: { code: "ACME_PROTOCOL" },
    verdict: { kind: "retry", afterMs: undefined },
  },
  {
    what: "an order that is none",
    answer: { ...placed, body: { status: "pending" } },
    error: { code: "ACME_PROTOCOL" },
    verdict: { kind: "retry", afterMs: undefined },
  },
];

for (const { what, answer, error, verdict } of refusals) {
  test(`${what} in place of an order is said by its type, after one request`, async () => {
    const { ca, client } = await registered();
    ca.script("/order", answer);
    const thrown = await client.newOrder({ names: ["a.example"] }, unending).catch((e) => e);
    assert.throws(() => {
      throw thrown;
    }, error);
    assert.deepEqual(verdictOf(thrown), verdict);
    assert.equal(ca.posts.length, 2);
  });
}

test("a client that is aborted asks nothing and gives the reason", async () => {
  const { ca, client } = await registered();
  const reason = new Error("shutting down");
  const before = ca.requests.length;
  await assert.rejects(client.order(urlOf("/order/1"), AbortSignal.abort(reason)), reason);
  assert.equal(ca.requests.length, before);
});

test("a directory without meta, renewal information or revocation is a whole one", async () => {
  const ca = new ScriptedCa();
  ca.script("/directory", { body: bareDirectory("") });
  assert.deepEqual(await clientOf(ca).directory(unending), {
    newNonceUrl: urlOf("/nonce"),
    newAccountUrl: urlOf("/account"),
    newOrderUrl: urlOf("/order"),
    revokeCertUrl: undefined,
    keyChangeUrl: undefined,
    renewalInfoUrl: undefined,
    termsOfService: undefined,
    website: undefined,
    caaIdentities: [],
    externalAccountRequired: false,
    profiles: {},
  });
});

for (const type of ["text/plain", "application/octet-stream", "text/html; charset=utf-8", ""]) {
  test(`orders, chains and refusals are known by what they are, sent as "${type}"`, async () => {
    const { ca, client } = await registered();
    const headers = { "content-type": type };
    const { chain } = makeCertificate({ names: ["a.example"], issuer: makeAuthority() });
    ca.script("/order/1", {
      headers,
      body: JSON.stringify({ ...pending, status: "valid", certificate: urlOf("/certificate/1") }),
    });
    ca.script("/certificate/1", { headers, body: chain });
    ca.refuseNonces(1);
    const order = await client.order(urlOf("/order/1"), unending);
    assert.equal((await client.certificate(order, unending)).chain, chain);

    const { body } = problem(400, "rejectedIdentifier");
    ca.script("/order", { status: 400, headers, body: JSON.stringify(body) });
    await assert.rejects(client.newOrder({ names: ["a.example"] }, unending), {
      type: "urn:ietf:params:acme:error:rejectedIdentifier",
    });
  });
}

test("a Location may be relative to what was asked (RFC 9110 §10.2.2)", async () => {
  const ca = new ScriptedCa();
  ca.script("/account", { status: 201, headers: { location: "account/1" } });
  assert.equal(await clientOf(ca).createAccount({}, unending), urlOf("/account/1"));
  ca.script("/account", { status: 201, headers: { location: "/deep/2" } });
  assert.equal(await clientOf(ca).createAccount({}, unending), urlOf("/deep/2"));
});

test("a Location that is not https, which nothing is ever asked of, is refused at once", async () => {
  const { ca, client } = await registered();
  const headers = { location: "http://ca.example/1" };
  ca.script("/order", { status: 201, headers, body: pending });
  ca.script("/account", { status: 201, headers });
  const refused = { code: "ACME_PROTOCOL", message: /its answer has no Location of https/ };
  await assert.rejects(client.newOrder({ names: ["shop.example"] }, unending), refused);
  await assert.rejects(clientOf(ca).createAccount({}, unending), refused);
});

test("a relative URL in JSON, where RFC 8555 wants a whole one, is named", async () => {
  const { ca, client } = await registered();
  ca.script("/order/1", { body: { ...pending, finalize: "/order/1/finalize" } });
  await assert.rejects(client.order(urlOf("/order/1"), unending), {
    code: "ACME_PROTOCOL",
    message: 'Cannot understand the CA: "finalize" of its answer is not a URL',
  });
});

test("C12: a CA that has moved is followed: what is not found is asked for where its directory says", async () => {
  const { ca, client } = await registered();
  ca.script("/directory", { body: bareDirectory("/v2") });
  ca.script("/order", problem(404, "malformed"));
  ca.script("/v2/order", placed);
  const order = await client.newOrder({ names: ["a.example"] }, unending);
  assert.equal(order.url, urlOf("/order/1"));
  const since = ca.requests.slice(ca.requests.indexOf("POST /order"));
  assert.deepEqual(since, ["POST /order", "GET /directory", "POST /v2/order"]);
});

test("a CA that has moved its nonces is followed", async () => {
  const ca = new ScriptedCa();
  ca.script("/directory", { body: bareDirectory("") }, { body: bareDirectory("/v2") });
  ca.script("/nonce", { status: 404, headers: { "replay-nonce": "none here" } });
  ca.script("/v2/nonce", {});
  ca.script("/v2/account", { status: 201, headers: { location: urlOf("/account/1") } });
  assert.equal(await clientOf(ca).createAccount({}, unending), urlOf("/account/1"));
});

test("what is not found where the directory still says is asked for once", async () => {
  const { ca, client } = await registered();
  ca.script("/order/1", problem(404, "malformed"));
  await assert.rejects(client.order(urlOf("/order/1"), unending), { status: 404 });
  assert.deepEqual(ca.requests.slice(3), ["POST /order/1", "GET /directory"]);
});

test("a page of HTML is no directory", async () => {
  const ca = new ScriptedCa();
  ca.script("/directory", { body: "<html></html>" });
  await assert.rejects(clientOf(ca).directory(unending), { code: "ACME_PROTOCOL" });
});

/** What RFC 8555 §7.1.1 cannot do without, below a path. */
function bareDirectory(below: string) {
  return {
    newNonce: urlOf(`${below}/nonce`),
    newAccount: urlOf(`${below}/account`),
    newOrder: urlOf(`${below}/order`),
  };
}

function clientOf(ca: ScriptedCa, changes: Partial<AcmeClientOptions> = {}): AcmeClient {
  return new AcmeClient({
    directory: ca.directory,
    transport: ca,
    accountKey,
    clock: { now: () => NOW, sleep: () => Promise.resolve() },
    badNonceRetries: 10,
    noncePoolMax: 32,
    ...changes,
  });
}

async function registered(changes: Partial<AcmeClientOptions> = {}) {
  const ca = new ScriptedCa();
  const client = clientOf(ca, changes);
  const accountUrl = await client.createAccount({}, unending);
  return { ca, client, accountUrl };
}

import assert from "node:assert/strict";
import { createPrivateKey } from "node:crypto";
import { test } from "node:test";
import { createKey } from "../../src/acme/keys.ts";
import { systemClock } from "../../src/base/clock.ts";
import { readCredential } from "../../src/base/credential.ts";
import { Accounts } from "../../src/certificate/account.ts";
import { issue, type Predecessor, predecessorOf } from "../../src/certificate/issue.ts";
import { heldOf, newHolding } from "../../src/certificate/records.ts";
import type { StoredAccount } from "../../src/storage/accounts.ts";
import type { StoredOrder } from "../../src/storage/orders.ts";
import { makeAuthority, makeCertificate } from "../support/certificates.ts";
import { problem, type ScriptedAnswer, ScriptedCa, urlOf } from "../support/scripted-ca.ts";
import { keptLog, named } from "../support/stored.ts";

const host = named("shop.example");
const key = await createKey("ecdsa-p256");
const { chain } = makeCertificate({
  names: [host],
  key: createPrivateKey(key),
  issuer: makeAuthority(),
});
const issuer = {
  kind: "acme",
  directory: urlOf("/directory"),
  trust: undefined,
  eab: undefined,
  profile: undefined,
  preferredChain: undefined,
} as const;

const order = { authorizations: [urlOf("/authz")], finalize: urlOf("/finalize"), status: "ready" };
const isDone = { body: { ...order, status: "valid", certificate: urlOf("/certificate") } };
const pem = { headers: { "content-type": "application/pem-certificate-chain" }, body: chain };

const placed = { status: 201, headers: { location: urlOf("/order/new") }, body: order };

/** A CA that issues at once, and a storage that remembers one interrupted order, `/order/old`. */
function worldOf(holds: "an order" | "nothing" = "an order") {
  const stored = holds === "an order" ? storedOrder() : undefined;
  const ca = new ScriptedCa();
  ca.script("/order", placed);
  ca.script("/order/new", isDone);
  ca.script("/order/old", isDone);
  ca.script("/finalize", isDone);
  ca.script("/certificate", pem);
  const log = keptLog();
  const unissued: unknown[] = [];
  const accountsOnDisk = new Map<string, StoredAccount>();
  const orders = new Map<string, StoredOrder>(stored && [[host, stored]]);
  const accounts = new Accounts({
    email: undefined,
    clock: systemClock,
    log,
    register: (_directory, work) => work(),
    store: {
      load: async (directory) => accountsOnDisk.get(directory),
      save: async (account) => void accountsOnDisk.set(account.directory, account),
    },
  });
  const purposes: string[] = [];
  let minded = 0;
  const revoked = new Set<string>();
  const signal = AbortSignal.timeout(10_000);
  const obtain = (predecessor?: Predecessor) =>
    issue(
      {
        accounts,
        clock: systemClock,
        log,
        keyType: "ecdsa-p256",
        challengeTypes: ["http-01"],
        findPersisted: async () => undefined,
        isRevoked: (each) => revoked.has(each),
        arm: async () => () => {},
        endpointOf: () => ({ directory: ca.directory, transport: ca }),
        probe: async () => {},
        budgets: {
          place: ({ purpose }, work) => {
            purposes.push(purpose);
            return work();
          },
          failed: async () => {},
          unissued: async (planned) => void unissued.push(planned),
        },
        predecessor,
        replacingFailed: () => {
          minded += 1;
        },
        orders: {
          load: async (name) => orders.get(name),
          save: async (saved) => void orders.set(saved.host, saved),
          remove: async (name) => void orders.delete(name),
        },
      },
      host,
      issuer,
      signal,
    );
  const endpoint = { directory: ca.directory, transport: ca };
  return {
    ca,
    log,
    accounts,
    accountsOnDisk,
    endpoint,
    orders,
    purposes,
    revoked,
    obtain,
    signal,
    unissued,
    minded: () => minded,
  };
}

function storedOrder(): StoredOrder {
  return { host, directory: urlOf("/directory"), orderUrl: urlOf("/order/old"), key, createdAt: 0 };
}

test("D6: an interrupted order goes on with its own key, and no new one is placed", async () => {
  const { ca, obtain } = worldOf();
  const { credential } = await obtain();
  assert.equal(credential.key, key);
  assert.ok(!ca.requests.includes("POST /order"));
});

const lost: readonly { readonly what: string; readonly answer: ScriptedAnswer }[] = [
  { what: "a problem of status 404", answer: problem(404, "malformed") },
  { what: "a bare 404", answer: { status: 404, body: "" } },
  { what: "another account's order", answer: problem(403, "unauthorized") },
  { what: "an invalid order", answer: { body: { ...order, status: "invalid" } } },
];

for (const { what, answer } of lost) {
  test(`an interrupted order that the CA answers with ${what} gives way to a new one`, async () => {
    const { ca, log, orders, obtain } = worldOf();
    ca.script("/order/old", answer);
    // The new order's key is made on the way: the certificate of this CA cannot fit it.
    await assert.rejects(obtain(), { code: "CERTIFICATE_INVALID" });
    assert.ok(ca.requests.includes("POST /order"));
    log.only("order.lost");
    assert.equal(orders.size, 0);
  });
}

test("an interrupted order whose key was revoked meanwhile is not gone on with", async () => {
  const { ca, log, obtain, revoked } = worldOf();
  revoked.add(key);
  await assert.rejects(obtain(), { code: "CERTIFICATE_INVALID" });
  assert.ok(!ca.requests.includes("POST /order/old"));
  assert.equal(log.only("order.lost")["code"], "KEY_REVOKED");
});

const kept: readonly { readonly what: string; readonly answer: ScriptedAnswer }[] = [
  { what: "that it has trouble of its own", answer: problem(500, "serverInternal") },
  { what: "that we ask too often", answer: problem(429, "rateLimited") },
  { what: "by the page of a gateway", answer: { status: 503, body: "<html>" } },
];

for (const { what, answer } of kept) {
  test(`an interrupted order is kept when the CA answers ${what}`, async () => {
    const { ca, orders, obtain } = worldOf();
    ca.script("/order/old", answer);
    await assert.rejects(obtain());
    assert.ok(!ca.requests.includes("POST /order"));
    assert.equal(orders.get(host)?.orderUrl, urlOf("/order/old"));
  });

  test(`an order under way is kept when the CA answers ${what}`, async () => {
    const { ca, orders, obtain } = worldOf();
    ca.script("/order/old", { body: { ...order, status: "ready" } });
    ca.script("/finalize", answer);
    await assert.rejects(obtain());
    assert.equal(orders.get(host)?.orderUrl, urlOf("/order/old"));
  });
}

test("an order whose certificate makes no sense is asked about once more, then given up", async () => {
  const { ca, orders, obtain } = worldOf("nothing");
  ca.script("/certificate", { body: "<html>Sign in to the network</html>" });
  await assert.rejects(obtain(), { code: "ACME_PROTOCOL" });
  assert.equal(orders.get(host)?.orderUrl, urlOf("/order/new"));
  await assert.rejects(obtain(), { code: "ACME_PROTOCOL" });
  assert.equal(orders.size, 0);
  assert.equal(ca.requests.filter((request) => request === "POST /order").length, 1);
});

test("K3: a certificate that is not valid yet by this machine's clock is fetched again later, not ordered again", async () => {
  const { ca, orders, obtain, unissued } = worldOf();
  const inAnHour = { notBefore: Date.now() + 3_600_000, notAfter: Date.now() + 90_000_000 };
  const early = makeCertificate({
    names: [host],
    key: createPrivateKey(key),
    issuer: makeAuthority(),
    ...inAnHour,
  });
  ca.script("/certificate", { ...pem, body: early.chain });
  for (let attempt = 0; attempt < 3; attempt += 1)
    await assert.rejects(obtain(), { code: "CERTIFICATE_NOT_YET_VALID" });
  assert.equal(orders.size, 1);
  ca.script("/certificate", pem);
  assert.equal((await obtain()).credential.key, key);
  assert.ok(!ca.requests.includes("POST /order"));
  assert.deepEqual(unissued, []);
});

const endings: readonly {
  readonly what: string;
  readonly status: "invalid" | "valid";
  readonly givesBack: boolean;
}[] = [
  { what: "the CA made invalid", status: "invalid", givesBack: true },
  { what: "brought a certificate that does not fit", status: "valid", givesBack: false },
];
for (const { what, status, givesBack } of endings) {
  test(`an order that ${what} ${givesBack ? "gives back" : "keeps"} what it took of the budgets`, async () => {
    const { ca, obtain, unissued } = worldOf("nothing");
    ca.script("/order/new", { body: { ...order, status, certificate: urlOf("/certificate") } });
    ca.script("/finalize", { body: { ...order, status: "processing" } });
    await assert.rejects(obtain());
    assert.equal(unissued.length, givesBack ? 1 : 0);
  });
}

test("C14: an account that several orders find lost is made anew once", async () => {
  const { ca, log, accounts, endpoint, signal } = worldOf();
  const client = await accounts.clientFor(endpoint, signal);
  const first = await accounts.replace(endpoint, client, signal);
  const second = await accounts.replace(endpoint, client, signal);
  assert.equal(second, first);
  log.only("account.lost");
  assert.equal(ca.requests.filter((request) => request === "POST /account").length, 2);
});

/** A CA at which the account that is on disk is as `account` says, and is refused. */
async function worldOfAccount(account: ScriptedAnswer, ...orders: readonly ScriptedAnswer[]) {
  const world = worldOf("nothing");
  const { ca, accounts, endpoint, signal } = world;
  const { accountUrl = "" } = await accounts.clientFor(endpoint, signal);
  ca.script(new URL(accountUrl).pathname, account);
  ca.script("/order", ...orders);
  // A certificate of this CA does not fit the key of a new order.
  const outcome = await world.obtain().catch((error: unknown) => error);
  const count = (request: string) => ca.requests.filter((each) => each === request).length;
  return { ...world, outcome, accountUrl, count };
}

const unauthorized = problem(403, "unauthorized");

const closed: readonly { readonly what: string; readonly answer: ScriptedAnswer }[] = [
  { what: "that it is deactivated", answer: { body: { status: "deactivated" } } },
  { what: "that it is revoked", answer: { body: { status: "revoked" } } },
  { what: "as it answered the order", answer: unauthorized },
  { what: "that it knows none", answer: problem(400, "accountDoesNotExist") },
];

for (const { what, answer } of closed) {
  test(`an unauthorized order makes one new account when the CA says of the old one ${what}`, async () => {
    const { ca, log, outcome, accountUrl, count } = await worldOfAccount(
      answer,
      unauthorized,
      placed,
    );
    assert.equal(Object(outcome).code, "CERTIFICATE_INVALID");
    assert.equal(log.only("account.lost")["issuer"], ca.directory);
    assert.equal(count("POST /account"), 2);
    const [first, second] = ca.posts.filter(({ path }) => path === "/order");
    assert.equal(first?.kid, accountUrl);
    assert.notEqual(second?.kid, accountUrl);
  });
}

const open: readonly { readonly what: string; readonly answer: ScriptedAnswer }[] = [
  { what: "that it is valid", answer: { body: { status: "valid" } } },
  { what: "nothing of its status", answer: { body: {} } },
  { what: "that it has trouble of its own", answer: problem(500, "serverInternal") },
  { what: "by a page", answer: { status: 404, body: "<html>" } },
];

for (const { what, answer } of open) {
  test(`an unauthorized order keeps the account when the CA says of it ${what}`, async () => {
    const { outcome, count } = await worldOfAccount(answer, unauthorized);
    assert.equal(Object(outcome).type, "urn:ietf:params:acme:error:unauthorized");
    assert.deepEqual([count("POST /account"), count("POST /order")], [1, 1]);
  });
}

test("an order that a new account is refused as well ends the attempt", async () => {
  const { outcome, count } = await worldOfAccount(unauthorized, unauthorized);
  assert.equal(Object(outcome).type, "urn:ietf:params:acme:error:unauthorized");
  assert.deepEqual([count("POST /account"), count("POST /order")], [2, 2]);
});

test("a key whose account is closed gives way to a new one of a new key", async () => {
  const { ca, log, accounts, accountsOnDisk, endpoint, signal } = worldOf();
  const closed = { directory: ca.directory, key, url: undefined, createdAt: 0 };
  accountsOnDisk.set(ca.directory, closed);
  const location = urlOf("/account/new");
  ca.script("/account", unauthorized, { status: 201, headers: { location } });
  assert.equal((await accounts.clientFor(endpoint, signal)).accountUrl, location);
  assert.equal(log.only("account.lost")["issuer"], ca.directory);
  assert.notEqual(accountsOnDisk.get(ca.directory)?.key, key);
});

test("a key of a CA's website that is refused is not tried with another key of ours", async () => {
  const { ca, accounts, accountsOnDisk, endpoint, signal } = worldOf();
  accountsOnDisk.set(ca.directory, { directory: ca.directory, key, url: undefined, createdAt: 0 });
  ca.script("/account", unauthorized);
  const bound = { ...endpoint, binding: { kid: "kid-1", hmac: "c2VjcmV0" } };
  await assert.rejects(accounts.clientFor(bound, signal), {
    type: "urn:ietf:params:acme:error:unauthorized",
  });
  assert.equal(accountsOnDisk.get(ca.directory)?.key, key);
});

test("a certificate that comes alone, of an issuer that nobody here knows, goes live and is told of", async () => {
  const { obtain, log } = worldOf();
  await obtain();
  assert.deepEqual(log.only("certificate.alone"), { host, issuer: urlOf("/directory") });
});

test("an order refused for another reason asks nothing about the account", async () => {
  const { accountUrl, count } = await worldOfAccount(unauthorized, problem(400, "caa"));
  assert.equal(count(`POST ${new URL(accountUrl).pathname}`), 0);
});

const predecessor: Predecessor = { issuer: urlOf("/directory"), certId: "aki.serial" };

/** What the orders of a world without an interrupted one said, by what the CA answers to each. */
async function ordersOf(replaced: Predecessor | undefined, ...answers: readonly ScriptedAnswer[]) {
  const { ca, log, orders, purposes, obtain, minded } = worldOf();
  orders.clear();
  ca.script("/order", ...answers);
  // The new order's key is made on the way: the certificate of this CA cannot fit it.
  await assert.rejects(obtain(replaced));
  const payloads = ca.posts.filter(({ path }) => path === "/order").map(({ payload }) => payload);
  return { ca, log, purposes, payloads, minded: minded() };
}

const identifiers = [{ type: "dns", value: host }];

test("a renewal with the CA of before says which certificate it replaces, of the same name", async () => {
  const { payloads } = await ordersOf(predecessor, placed);
  assert.deepEqual(payloads, [{ identifiers, replaces: "aki.serial" }]);
});

const silent: readonly { readonly what: string; readonly predecessor: Predecessor | undefined }[] =
  [
    { what: "a first certificate", predecessor: undefined },
    {
      what: "a certificate of another CA",
      predecessor: { ...predecessor, issuer: urlOf("/other") },
    },
    { what: "a certificate without a CertID", predecessor: { ...predecessor, certId: undefined } },
  ];

for (const { what, predecessor: replaced } of silent) {
  test(`an order after ${what} says nothing of what it replaces`, async () => {
    const { payloads } = await ordersOf(replaced, placed);
    assert.deepEqual(payloads, [{ identifiers }]);
  });
}

test("a CA without renewal information is not told what an order replaces", async () => {
  const { ca, orders, obtain } = worldOf();
  orders.clear();
  const [newNonce, newAccount, newOrder] = ["/nonce", "/account", "/order"].map(urlOf);
  ca.script("/directory", { body: { newNonce, newAccount, newOrder } });
  await assert.rejects(obtain(predecessor), { code: "CERTIFICATE_INVALID" });
  assert.deepEqual(ca.posts.find(({ path }) => path === "/order")?.payload, { identifiers });
});

const minded = [
  problem(409, "alreadyReplaced"),
  problem(404, "malformed"),
  problem(403, "unauthorized"),
];

for (const answer of minded) {
  test(`what a CA answers to replaces with status ${answer.status} is ordered again at once without it, out of the budgets of a renewal`, async () => {
    const { log, purposes, payloads } = await ordersOf(predecessor, answer, placed);
    assert.deepEqual(payloads, [{ identifiers, replaces: "aki.serial" }, { identifiers }]);
    assert.equal(log.only("order.not-replacing")["replaces"], "aki.serial");
    assert.equal(log.only("order.created")["replaces"], undefined);
    assert.deepEqual(purposes, ["advised", "renewal"]);
  });
}

const final: readonly { readonly answer: ScriptedAnswer; readonly minded: number }[] = [
  { answer: problem(429, "rateLimited"), minded: 0 },
  { answer: problem(400, "caa"), minded: 0 },
  { answer: problem(403, "rejectedIdentifier"), minded: 0 },
  { answer: problem(500, "serverInternal"), minded: 1 },
  { answer: { status: 503, body: "<html>" }, minded: 1 },
  { answer: problem(422, "conflict"), minded: 1 },
];

for (const { answer, minded } of final) {
  const then = minded === 0 ? "no reason to say less" : "the next one says nothing of replaces";
  test(`an order that the CA answers with status ${answer.status} is not placed twice, and ${then}`, async () => {
    const { payloads, ...world } = await ordersOf(predecessor, answer, placed);
    assert.equal(payloads.length, 1);
    assert.equal(world.minded, minded);
    assert.equal((await ordersOf(undefined, answer, placed)).minded, 0);
  });
}

test("after an order that failed by its replaces, or failures in a row, a successor is a renewal that replaces nothing", () => {
  const holding = newHolding(host, true);
  assert.equal(predecessorOf(holding), undefined);
  const credential = readCredential(chain, key);
  const issued = { credential, issuer: urlOf("/directory") };
  const certId = "aki.serial";
  const held = heldOf(issued, 1, { checkEveryMs: 1, at: "auto" }, true);
  holding.certificate = { ...held, certId };
  assert.equal(predecessorOf(holding)?.certId, certId);
  holding.attempts = 1;
  assert.equal(predecessorOf(holding)?.certId, certId);
  holding.replacingFailedAt = 1;
  const silent = { issuer: urlOf("/directory"), certId: undefined };
  assert.deepEqual(predecessorOf(holding), silent);
  Object.assign(holding, { attempts: 2, replacingFailedAt: undefined });
  assert.deepEqual(predecessorOf(holding), silent);
});

test("an order that the CA refuses without replaces as well is not placed a third time", async () => {
  const { payloads } = await ordersOf(predecessor, problem(409, "alreadyReplaced"));
  assert.equal(payloads.length, 2);
});

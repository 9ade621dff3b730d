import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { type AcmeChallenge, AcmeClient } from "../../src/acme/client.ts";
import { createKey } from "../../src/acme/keys.ts";
import { thumbprintOf } from "../../src/acme/thumbprint.ts";
import type { Clock } from "../../src/base/clock.ts";
import { LatchkeyError } from "../../src/base/errors.ts";
import type { Challenge, DnsChallenge } from "../../src/certificate/challenge.ts";
import { judge } from "../../src/certificate/judge.ts";
import { completeOrder, type OrderSteps } from "../../src/certificate/order.ts";
import type { ChallengeType } from "../../src/config/config.ts";
import { limits } from "../../src/config/limits.ts";
import { makeCertificate } from "../support/certificates.ts";
import { ScriptedCa, urlOf } from "../support/scripted-ca.ts";
import { keptLog, named } from "../support/stored.ts";

const host = named("shop.example");
const unending = new AbortController().signal;
const accountKey = await createKey("ecdsa-p256");
const key = await createKey("ecdsa-p256");
const { chain } = makeCertificate({ names: [host] });

const challenges = [
  {
    type: "dns-01",
    url: urlOf("/challenge/dns"),
    status: "pending",
    token: "dns-token-0123456789abcdef",
  },
  {
    type: "tls-alpn-01",
    url: urlOf("/challenge/tls"),
    status: "pending",
    token: "tls-token-0123456789abcdef",
  },
  {
    type: "http-01",
    url: urlOf("/challenge/http"),
    status: "pending",
    token: "http-token-0123456789abcdef",
  },
];
const authorization = { status: "pending", identifier: { type: "dns", value: host }, challenges };
const order = {
  status: "pending",
  authorizations: [urlOf("/authz")],
  finalize: urlOf("/finalize"),
};
const isValid = { body: { ...authorization, status: "valid" } };
const isPending = { body: order };
const isReady = { body: { ...order, status: "ready" } };
const isProcessing = { body: { ...order, status: "processing" } };
const isDone = { body: { ...order, status: "valid", certificate: urlOf("/certificate") } };

/** A CA that issues at once, a program that answers challenges, and a clock on which no wait takes time. */
async function worldOf() {
  const ca = new ScriptedCa();
  ca.script("/authz", { body: authorization }, isValid);
  ca.script("/order", { status: 201, headers: { location: urlOf("/order/1") }, body: order });
  ca.script("/order/1", isReady);
  for (const kind of ["dns", "tls", "http"]) ca.script(`/challenge/${kind}`, {});
  ca.script("/finalize", isDone);
  ca.script("/certificate", {
    headers: { "content-type": "application/pem-certificate-chain" },
    body: chain,
  });
  const waits: number[] = [];
  const clock: Clock = {
    now: () => Date.now(),
    sleep: async (ms, signal) => {
      signal.throwIfAborted();
      waits.push(ms);
    },
  };
  const client = new AcmeClient({
    directory: ca.directory,
    transport: ca,
    accountKey,
    clock,
    badNonceRetries: 1,
    noncePoolMax: 8,
  });
  await client.createAccount({}, unending);
  const armed: (Challenge | DnsChallenge)[] = [];
  let live = 0;
  const hopeless = new Map<string, Error>();
  const arm = async (challenge: Challenge | DnsChallenge) => {
    armed.push(challenge);
    const failure = hopeless.get(challenge.type);
    if (failure !== undefined) throw failure;
    live += 1;
    return async () => {
      await setImmediate();
      live -= 1;
    };
  };
  let persisted: AcmeChallenge["type"] | undefined;
  const complete = async (types: readonly ChallengeType[] = ["http-01", "tls-alpn-01"]) => {
    const placed = await client.newOrder({ names: [host] }, unending);
    ca.requests.length = 0;
    const findPersisted: OrderSteps["findPersisted"] = async (_asked, offered) =>
      offered.find(({ type }) => type === persisted);
    const isRevoked = () => false;
    const given = { isRevoked, challengeTypes: types, arm, findPersisted };
    const steps = { client, clock, log: keptLog(), ...given };
    return await completeOrder(steps, host, key, placed, AbortSignal.timeout(10_000));
  };
  return {
    ...{ ca, waits, armed, complete, hopeless },
    live: () => live,
    persist: (type: string) => {
      persisted = type;
    },
  };
}

test("an order goes from its challenge to its chain, each thing asked once", async () => {
  const { ca, waits, armed, complete, live } = await worldOf();
  assert.equal((await complete()).chain, chain);
  assert.deepEqual(ca.requests, [
    "POST /authz",
    "POST /challenge/http",
    "POST /authz",
    "POST /order/1",
    "POST /finalize",
    "POST /certificate",
  ]);
  assert.deepEqual(waits, []);
  assert.deepEqual(
    armed.map(({ type }) => type),
    ["http-01"],
  );
  assert.equal(live(), 0);
});

test("by dns-01 the value is the digest of the key authorization, and the record is gone at the end", async () => {
  const { ca, armed, complete, live } = await worldOf();
  await complete(["dns-01", "http-01"]);
  assert.ok(ca.requests.includes("POST /challenge/dns"));
  const [challenge, ...others] = armed;
  const token = "dns-token-0123456789abcdef";
  const digest = createHash("sha256").update(`${token}.${thumbprintOf(accountKey)}`);
  assert.deepEqual(challenge, {
    type: "dns-01",
    certificate: host,
    value: digest.digest("base64url"),
  });
  assert.deepEqual(others, []);
  assert.equal(live(), 0);
});

test("an order that fails waits for its record to be taken away before it says so", async () => {
  const { ca, complete, live } = await worldOf();
  ca.script("/challenge/dns", {
    status: 400,
    body: { type: "urn:ietf:params:acme:error:malformed" },
  });
  await assert.rejects(complete(["dns-01"]), { code: "ACME_PROBLEM" });
  assert.equal(live(), 0);
});

test("what the operator has answered for good is preferred, and nothing is armed", async () => {
  const { ca, armed, complete, persist } = await worldOf();
  persist("tls-alpn-01");
  await complete(["http-01"]);
  assert.ok(ca.requests.includes("POST /challenge/tls"));
  assert.deepEqual(armed, []);
});

test("the challenge that the program wants most is answered, whatever the CA's order", async () => {
  const { armed, complete } = await worldOf();
  await complete(["tls-alpn-01", "http-01"]);
  assert.deepEqual(
    armed.map(({ type }) => type),
    ["tls-alpn-01"],
  );
});

const noAddress = failure("NAME_NOT_FOUND");
const astray = failure("CHALLENGE_UNANSWERED");
const refusing = failure("DNS_FAILED");
const noProvider = failure("DNS_FAILED", { provider: "none" });
const everyType: readonly ChallengeType[] = ["http-01", "tls-alpn-01", "dns-01"];

function failure(code: "NAME_NOT_FOUND" | "CHALLENGE_UNANSWERED" | "DNS_FAILED", facts = {}) {
  return new LatchkeyError(code, `Cannot prove it: ${code}`, facts);
}

const sights: readonly {
  readonly what: string;
  readonly types?: readonly ChallengeType[];
  readonly seen: readonly (readonly [ChallengeType, Error])[];
  readonly armed: readonly ChallengeType[];
  /** What the order ends with; none: its certificate. */
  readonly error?: Error;
}[] = [
  {
    what: "a name without an address is proven by a record at once",
    seen: [["http-01", noAddress]],
    armed: ["http-01", "dns-01"],
  },
  {
    what: "a door of somebody else's has the next challenge tried at once",
    seen: [["http-01", astray]],
    armed: ["http-01", "tls-alpn-01"],
  },
  {
    what: "without anybody for records a name without an address fails at the first look",
    types: ["http-01", "tls-alpn-01"],
    seen: [["http-01", noAddress]],
    armed: ["http-01"],
    error: noAddress,
  },
  {
    what: "with records for other names alone a name without an address fails by that",
    seen: [
      ["http-01", noAddress],
      ["dns-01", noProvider],
    ],
    armed: ["http-01", "dns-01"],
    error: noAddress,
  },
  {
    what: "a provider that fails is what a name without an address fails by",
    seen: [
      ["http-01", noAddress],
      ["dns-01", refusing],
    ],
    armed: ["http-01", "dns-01"],
    error: refusing,
  },
  {
    what: "a record that fails first is told at once",
    types: ["dns-01", "http-01"],
    seen: [["dns-01", refusing]],
    armed: ["dns-01"],
    error: refusing,
  },
];

for (const { what, types = everyType, seen, armed: wanted, error } of sights) {
  test(`before the CA is told anything: ${what}`, async () => {
    const { ca, armed, complete, live, hopeless } = await worldOf();
    for (const [type, why] of seen) hopeless.set(type, why);
    if (error === undefined) assert.equal((await complete(types)).chain, chain);
    else await assert.rejects(complete(types), (thrown) => thrown === error);
    assert.deepEqual(
      armed.map(({ type }) => type),
      wanted,
    );
    const told = ca.requests.filter((request) => request.startsWith("POST /challenge/"));
    assert.equal(told.length, error === undefined ? 1 : 0);
    assert.equal(live(), 0);
  });
}

test("C13: an authorization that is valid already is not proven again", async () => {
  const { ca, armed, complete } = await worldOf();
  ca.script("/authz", isValid);
  assert.equal((await complete()).chain, chain);
  assert.deepEqual(armed, []);
});

test("a challenge that the CA is looking at is armed, and not answered a second time", async () => {
  const { ca, armed, complete } = await worldOf();
  const looking = challenges.map((challenge) => ({ ...challenge, status: "processing" }));
  ca.script("/authz", { body: { ...authorization, challenges: looking } }, isValid);
  assert.equal((await complete()).chain, chain);
  assert.equal(armed.length, 1);
  assert.ok(!ca.requests.includes("POST /challenge/http"));
});

test("C7: looks at an order in processing are 250 ms apart, doubling to 15 s", async () => {
  const { ca, waits, complete } = await worldOf();
  ca.script("/finalize", isProcessing);
  ca.script("/order/1", isReady, ...Array(8).fill(isProcessing), isDone);
  assert.equal((await complete()).chain, chain);
  assert.deepEqual(waits, [250, 500, 1_000, 2_000, 4_000, 8_000, 15_000, 15_000, 15_000]);
});

const retryAfters = [
  { text: "3", waitMs: 3_000 },
  { text: "0", waitMs: 250 },
  { text: "86400", waitMs: 15_000 },
];

for (const { text, waitMs } of retryAfters) {
  test(`an order in processing with Retry-After: ${text} is looked at again after ${waitMs} ms`, async () => {
    const { ca, waits, complete } = await worldOf();
    ca.script("/finalize", { ...isProcessing, headers: { "retry-after": text } });
    ca.script("/order/1", isReady, isDone);
    assert.equal((await complete()).chain, chain);
    assert.deepEqual(waits, [waitMs]);
  });
}

test("C7: an order that stays pending although its name is proven is not asked about without a pause", async () => {
  const { ca, waits, complete } = await worldOf();
  ca.script("/order/1", isPending, isPending, isPending, isReady);
  assert.equal((await complete()).chain, chain);
  assert.deepEqual(waits, [250, 500, 1_000]);
});

test("C7: an order that stays ready although it was finalized is not asked about without a pause", async () => {
  const { ca, waits, complete } = await worldOf();
  ca.script("/finalize", isReady);
  await assert.rejects(complete(), { code: "ACME_UNFINISHED" });
  assert.deepEqual(waits.slice(0, 3), [250, 500, 1_000]);
  assert.equal(waits.length, limits.acmePollsMax);
});

test("an order that the CA finds not ready when it is to be finalized is looked at again, as RFC 8555 §7.4 says", async () => {
  const { ca, waits, complete } = await worldOf();
  const notReady = { type: "urn:ietf:params:acme:error:orderNotReady", detail: "it is processing" };
  const headers = { "content-type": "application/problem+json" };
  ca.script("/finalize", { status: 403, headers, body: notReady }, isDone);
  ca.script("/order/1", isReady, isProcessing, isDone);
  assert.equal((await complete()).chain, chain);
  assert.deepEqual(waits, [250, 500]);

  ca.script("/finalize", { status: 403, headers, body: notReady });
  ca.script("/order/1", isReady);
  await assert.rejects(complete(), { code: "ACME_PROBLEM", message: /it is processing/ });
  assert.equal(waits.length, 2 + limits.acmePollsMax);
});

test("what the CA found wrong with the challenge is the error of the order, and the challenge is disarmed", async () => {
  const { ca, complete, live } = await worldOf();
  const error = { type: "urn:ietf:params:acme:error:unauthorized", detail: "404", status: 403 };
  const looked = challenges.map((challenge) =>
    challenge.type === "http-01" ? { ...challenge, status: "invalid", error } : challenge,
  );
  ca.script(
    "/authz",
    { body: authorization },
    { body: { ...authorization, status: "invalid", challenges: looked } },
  );
  await assert.rejects(complete(), { code: "ACME_PROBLEM", type: error.type, detail: "404" });
  assert.equal(live(), 0);
});

/** What a look at the authorization shows while the CA has found this at the challenge, in this state. */
function lookWith(status: string, detail: string) {
  const error = { type: "urn:ietf:params:acme:error:connection", detail };
  const looked = challenges.map((challenge) =>
    challenge.type === "http-01" ? { ...challenge, status, error } : challenge,
  );
  return { body: { ...authorization, challenges: looked } };
}

const doubts = [
  { status: "pending", what: "in 8 looks, since no CA tries a pending one by itself", looks: 8 },
  { status: "processing", what: "when patience ends, since the CA goes on trying", looks: 21 },
];

for (const { status, what, looks } of doubts) {
  test(`what a CA found wrong with a ${status} challenge is the error of the order ${what}`, async () => {
    const { ca, waits, complete, live } = await worldOf();
    ca.script("/authz", { body: authorization }, lookWith(status, "first"), lookWith(status, "No"));
    const error = await complete().catch((thrown: unknown) => thrown);
    const { kind, type, detail, challenge, hint } = judge(error);
    assert.deepEqual(
      [kind, type, detail, challenge],
      ["refused", "urn:ietf:params:acme:error:connection", "No", "http-01"],
    );
    assert.match(hint, /^Open ports 80 and 443/);
    assert.equal(waits.length, looks - 1);
    assert.equal(live(), 0);
  });
}

test("what a CA found wrong at a look of before costs nothing when it finds it right in the end", async () => {
  const { ca, complete } = await worldOf();
  const doubtful = Array(6).fill(lookWith("pending", "of before"));
  const better = { body: authorization };
  ca.script("/authz", better, ...doubtful, better, ...doubtful, isValid);
  assert.equal((await complete()).chain, chain);
});

/** Types that nobody has heard of, and one without a token. */
const strange = [
  {
    type: "dns-account-01",
    url: urlOf("/challenge/1"),
    status: "pending",
    token: "0123456789abcdefghij",
  },
  { type: "quantum-02", url: urlOf("/challenge/2"), status: "pending", entangled: true },
];

test("challenges of unknown types beside ours do no harm", async () => {
  const { ca, armed, complete } = await worldOf();
  const offered = { ...authorization, challenges: [...strange, "no object", ...challenges] };
  ca.script("/authz", { body: offered }, isValid);
  assert.equal((await complete()).chain, chain);
  assert.deepEqual(
    armed.map(({ type }) => type),
    ["http-01"],
  );
});

const unanswerable = [
  ["types that nobody knows", strange, "dns-account-01, quantum-02"],
  ["a type that we cannot answer", challenges.slice(0, 1), "dns-01"],
  ["nothing", [], "no challenge"],
] as const;

for (const [what, offered, told] of unanswerable) {
  test(`a CA that offers ${what} is told nothing, and the operator what to do`, async () => {
    const { ca, armed, complete } = await worldOf();
    ca.script("/authz", { body: { ...authorization, challenges: offered } });
    const error = await complete().catch((thrown: unknown) => thrown);
    const { kind, type, detail, hint } = judge(error);
    assert.deepEqual([kind, type], ["person", "ACME_CHALLENGE_UNKNOWN"]);
    const answerable = "this program can answer http-01, tls-alpn-01";
    assert.ok(detail.endsWith(`: the CA offers ${told}, ${answerable}`), detail);
    assert.match(hint, /acme\.challenges/);
    assert.deepEqual(armed, []);
    assert.deepEqual(ca.requests, ["POST /authz"]);
  });
}

test("an order that the CA made invalid ends with the CA's reason, or with ours when it gives none", async () => {
  const { ca, complete } = await worldOf();
  const error = { type: "urn:ietf:params:acme:error:caa", detail: "CAA forbids it" };
  ca.script("/order/1", { body: { ...order, status: "invalid", error } });
  await assert.rejects(complete(), { code: "ACME_PROBLEM", type: error.type });
  ca.script("/order/1", { body: { ...order, status: "invalid" } });
  await assert.rejects(complete(), { code: "ACME_CHALLENGE_FAILED" });
});

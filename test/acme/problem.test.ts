import assert from "node:assert/strict";
import { test } from "node:test";
import { AcmeProblem, hintFor, problemIn, readProblem, verdictOf } from "../../src/acme/problem.ts";
import { PROBLEM_TYPES } from "../../src/acme/problem-types.ts";
import { LatchkeyError } from "../../src/base/errors.ts";

const PREFIX = "urn:ietf:params:acme:error:";
const NOW = Date.parse("2026-11-23T12:00:00Z");

test("a problem is read with its subproblems and the names they are about", () => {
  const read = readProblem({
    type: `${PREFIX}malformed`,
    detail: "Some of the identifiers requested were rejected",
    status: 400,
    instance: "https://ca.test/terms",
    subproblems: [
      {
        type: `${PREFIX}rejectedIdentifier`,
        detail: "This CA will not issue for it",
        identifier: { type: "dns", value: "example.net" },
      },
      "nonsense",
      { detail: 3 },
    ],
  });
  assert.deepEqual(read, {
    type: `${PREFIX}malformed`,
    detail: "Some of the identifiers requested were rejected",
    status: 400,
    instance: "https://ca.test/terms",
    subproblems: [
      {
        type: `${PREFIX}rejectedIdentifier`,
        detail: "This CA will not issue for it",
        identifier: "example.net",
      },
      { type: "about:blank", detail: "", identifier: undefined },
    ],
  });
});

const tolerated = [
  { what: "an unknown type", value: { type: "tag:new", detail: "d" }, type: "tag:new" },
  { what: "no type", value: { detail: "d" }, type: "about:blank" },
  { what: "no detail", value: { type: "tag:new" }, type: "tag:new" },
  {
    what: "members of other types",
    value: { type: 3, detail: "d", status: "4", subproblems: {} },
    type: "about:blank",
  },
];

for (const { what, value, type } of tolerated) {
  test(`a problem with ${what} is survived`, () => {
    assert.equal(readProblem(value)?.type, type);
  });
}

for (const value of [undefined, "text", 3, [], {}, { error: "x" }, JSON.parse("null")]) {
  test(`${JSON.stringify(value)} is no problem document`, () => {
    assert.equal(readProblem(value), undefined);
  });
}

test("subproblems within subproblems are not followed, however deep", () => {
  const depth = 20_000;
  const nested = `${'{"type":"t","subproblems":['.repeat(depth)}${"]}".repeat(depth)}`;
  assert.equal(readProblem(JSON.parse(nested))?.subproblems.length, 1);
});

test("a detail is one line, of bounded length, without the key authorization that it quotes", () => {
  const token = "DGyRejmCefe7v4NfDGDKfA";
  const thumbprint = "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs";
  const detail = `Expected "${token}.${thumbprint}" (got\r\n\u001b[31m "${"x".repeat(10_000)}`;
  const read = readProblem({ type: "t", detail })?.detail ?? "";
  assert.match(read, /^Expected "\[key authorization\]" \(got \[31m "x+$/);
  assert.equal(read.length, 1_024);
});

test("a detail that names the URL of a challenge goes without its token", () => {
  const url = "http://shop.example/.well-known/acme-challenge/90JEPV-4tq2Lr_nQ0c1xGg";
  const detail = `192.0.2.1: Fetching ${url}: Connection refused`;
  const read = readProblem({ type: "t", detail, subproblems: [{ type: "t", detail }] });
  const seen = detail.replace("90JEPV-4tq2Lr_nQ0c1xGg", "[token]");
  assert.deepEqual([read?.detail, read?.subproblems[0]?.detail], [seen, seen]);
});

const unexplained = [
  [
    307,
    { location: "https://other.example/\n\u001b[31m" },
    /307 and sends us to https:\/\/other\.example\/ \[31m$/,
    /no redirect/,
  ],
  [302, {}, /302 and no reason$/, /no redirect/],
  [503, {}, /503 and no reason$/, /down or overloaded/],
  [404, {}, /404 and no reason$/, /directory URL is right/],
  [429, {}, /429 and no reason$/, /^Wait: /],
] as const;

for (const [status, headers, says, hint] of unexplained) {
  test(`an answer of status ${status} without a problem says so, with what to do`, () => {
    const thrown = problemIn("order a certificate", { status, headers, body: "<html>" }, NOW);
    assert.equal(thrown.code, "ACME_PROTOCOL");
    assert.match(thrown.message, says);
    assert.match(hintFor(thrown.code, thrown.message) ?? "", hint);
  });
}

test("an error answer carries its status, its wait and its page of help", () => {
  const thrown = problemIn(
    "order a certificate",
    {
      status: 429,
      headers: { "retry-after": "60", link: '<https://a/>;rel="index", <https://b/>; rel="help"' },
      body: JSON.stringify({ type: `${PREFIX}rateLimited`, detail: "too many" }),
    },
    NOW,
  );
  assert.ok(thrown instanceof AcmeProblem);
  assert.ok(thrown instanceof LatchkeyError);
  assert.equal(thrown.status, 429);
  assert.equal(thrown.retryAfterMs, 60_000);
  assert.equal(thrown.help, "https://b/");
  assert.equal(
    thrown.message,
    "Cannot order a certificate: too many (urn:ietf:params:acme:error:rateLimited)",
  );
});

const verdicts = [
  { type: "caa", kind: "wait" },
  { type: "rejectedIdentifier", kind: "wait" },
  { type: "unsupportedIdentifier", kind: "wait" },
  { type: "userActionRequired", kind: "wait" },
  { type: "externalAccountRequired", kind: "wait" },
  { type: "invalidContact", kind: "wait" },
  { type: "invalidProfile", kind: "wait" },
  { type: "badPublicKey", kind: "wait" },
  { type: "rateLimited", kind: "retry" },
  { type: "serverInternal", kind: "retry" },
  { type: "connection", kind: "retry" },
  { type: "dns", kind: "retry" },
  { type: "unauthorized", kind: "retry" },
  { type: "badNonce", kind: "retry" },
  { type: "accountDoesNotExist", kind: "retry" },
  { type: "neverHeardOf", kind: "retry" },
  { type: "toString", kind: "retry" },
];

for (const { type, kind } of verdicts) {
  test(`the verdict on ${type} is to ${kind}`, () => {
    assert.equal(verdictOf(problemOf(type)).kind, kind);
  });
}

test("a type that only looks like one of RFC 8555 has no verdict of its own", () => {
  const problem = readProblem({ type: "caa", detail: "d" });
  assert.ok(problem);
  assert.equal(verdictOf(new AcmeProblem("test", problem)).kind, "retry");
});

test("a name that the CA paused waits for a person, another rate limit does not", () => {
  const detail = "Your account is temporarily prevented from requesting certificates for a.example";
  assert.deepEqual(verdictOf(problemOf("rateLimited", detail)), { kind: "wait" });
  assert.match(hintFor(`${PREFIX}rateLimited`, detail) ?? "", /paused/);
  assert.doesNotMatch(hintFor(`${PREFIX}rateLimited`, "too many certificates") ?? "", /paused/);
});

const bindings = [
  ["unauthorized", "external account binding JWS verification error"],
  ["malformed", "[External Account Binding] Invalid MAC on JWS request"],
  ["unauthorized", "EAB key is unknown"],
] as const;

for (const [type, detail] of bindings) {
  test(`a binding that a CA refuses as ${type} (${detail}) waits for a person, who is told of eab`, () => {
    assert.deepEqual(verdictOf(problemOf(type, detail)), { kind: "wait" });
    assert.match(hintFor(`${PREFIX}${type}`, detail) ?? "", /^Correct eab: /);
  });
}

const noBindings = [
  ["malformed", "Error creating new order :: hmac.shop.example is not fit", undefined],
  ["malformed", "no such name: shop.eab", undefined],
  ["unauthorized", "the page said: EAB is wrong", "http-01"],
] as const;

for (const [type, detail, challenge] of noBindings) {
  test(`what a CA says of a host or a page (${detail}) is no refused binding`, () => {
    const problem = readProblem({ type: `${PREFIX}${type}`, detail });
    assert.ok(problem);
    assert.notEqual(verdictOf(new AcmeProblem("test", problem, { challenge })).kind, "wait");
    assert.doesNotMatch(hintFor(`${PREFIX}${type}`, detail, challenge) ?? "", /^Correct eab: /);
  });
}

const lookups = [
  { type: "unauthorized", challenge: "dns-01", hint: /TXT record.*acme\.dns/ },
  { type: "incorrectResponse", challenge: "dns-01", hint: /TXT record.*acme\.dns/ },
  { type: "dns", detail: "NXDOMAIN", challenge: "dns-persist-01", hint: /TXT record.*acme\.dns/ },
  { type: "dns", detail: "SERVFAIL", challenge: "dns-01", hint: /DNSSEC/ },
  { type: "caa", challenge: "dns-01", hint: /CAA record/ },
  { type: "unauthorized", challenge: "http-01", hint: /A and AAAA records/ },
  {
    type: "unauthorized",
    detail: "Not for this account",
    hint: /^The CA does not let this account/,
  },
  ...[undefined, "http-01", "tls-alpn-01"].flatMap((challenge) =>
    [
      { type: "connection", detail: 'could not resolve URL "http://a.example/"' },
      { type: "malformed", detail: 'Could not resolve URL "http://a.example/"' },
      { type: "connection", detail: "dial tcp: lookup a.example on 192.0.2.53:53: no such host" },
      { type: "connection", detail: "lookup a.example on [2001:db8::53]:53: server misbehaving" },
    ].map((each) => ({ ...each, challenge, hint: /found no address.*name servers/ })),
  ),
  { type: "connection", detail: "10.0.0.1: Timeout during connect", hint: /ports 80 and 443/ },
  { type: "malformed", detail: "JWS has no nonce", hint: /newer release/ },
];

for (const { type, detail = "No TXT records found", challenge, hint } of lookups) {
  test(`the hint at ${type} (${detail}) of ${challenge ?? "no challenge"} says ${hint.source}`, () => {
    assert.match(hintFor(`${PREFIX}${type}`, detail, challenge) ?? "", hint);
  });
}

test("one name of several that needs a person makes the whole problem wait", () => {
  const subproblems = [{ type: `${PREFIX}dns` }, { type: `${PREFIX}caa` }];
  const document = readProblem({ type: `${PREFIX}compound`, detail: "several", subproblems });
  assert.ok(document);
  assert.deepEqual(verdictOf(new AcmeProblem("test", document)), { kind: "wait" });
});

test("an error without an opinion is judged by its cause", () => {
  const cause = problemOf("caa");
  const failed = new LatchkeyError("ACME_CHALLENGE_FAILED", "Cannot issue", {}, { cause });
  assert.deepEqual(verdictOf(failed), { kind: "wait" });
  assert.deepEqual(
    verdictOf(new Error("late", { cause: new LatchkeyError("ACME_UNREACHABLE", "x") })),
    {
      kind: "unreachable",
      afterMs: undefined,
    },
  );
});

for (const thrown of [new Error("anything"), "text", undefined]) {
  test(`${thrown} is tried again`, () => {
    assert.deepEqual(verdictOf(thrown), { kind: "retry", afterMs: undefined });
  });
}

for (const type of Object.keys(PROBLEM_TYPES)) {
  test(`the hint for ${type} is one sentence for a person`, () => {
    const hint = hintFor(PREFIX + type, "") ?? "";
    assert.match(hint, /^[A-Z][^\n]{20,160}[^.]$/);
  });
}

const dnsHints = [
  { detail: "DNS problem: NXDOMAIN looking up A for a.example", hint: /does not exist/ },
  { detail: "DNS problem: SERVFAIL looking up A; DNSSEC: bogus", hint: /DNSSEC/ },
  { detail: "No valid IP addresses found for a.example", hint: /A or AAAA record/ },
];

for (const { detail, hint } of dnsHints) {
  test(`the hint for "${detail}" fits it`, () => {
    assert.match(hintFor(`${PREFIX}dns`, detail) ?? "", hint);
  });
}

test("our own codes have hints, types that nobody described have none", () => {
  assert.match(hintFor("ACME_UNREACHABLE", "") ?? "", /network/);
  const untrusted = "Cannot reach the CA: its TLS certificate is not trusted (self-signed)";
  assert.match(hintFor("ACME_UNREACHABLE", untrusted) ?? "", /trust of the issuer/);
  const other =
    "Cannot reach the CA: its TLS certificate is not trusted (it is for another name: x)";
  assert.match(hintFor("ACME_UNREACHABLE", other) ?? "", /directory URL with a name/);
  const expired = "Cannot reach the CA: its TLS certificate is not trusted (it has expired)";
  assert.match(hintFor("ACME_UNREACHABLE", expired) ?? "", /clock/);
  assert.match(hintFor("ACME_PROTOCOL", "") ?? "", /directory URL/);
  assert.equal(hintFor(`${PREFIX}neverHeardOf`, ""), undefined);
  assert.equal(hintFor("about:blank", ""), undefined);
});

function problemOf(type: string, detail = "because"): AcmeProblem {
  const document = readProblem({ type: PREFIX + type, detail });
  assert.ok(document);
  return new AcmeProblem("order a certificate", document);
}

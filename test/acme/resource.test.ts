import assert from "node:assert/strict";
import { test } from "node:test";
import {
  readAuthorization,
  readDirectory,
  readOrder,
  readRenewalInfo,
} from "../../src/acme/resource.ts";

const url = "https://ca.test/1";

const directory = { newNonce: `${url}/n`, newAccount: `${url}/a`, newOrder: `${url}/o` };
const order = { status: "ready", authorizations: [`${url}/z`], finalize: `${url}/f` };
const challenge = { type: "http-01", url, status: "pending", token: "DGyRejmCefe7v4NfDGDKfA" };
const authorization = {
  status: "pending",
  identifier: { type: "dns", value: "Store.Shop.Example" },
  challenges: [challenge],
};
const suggestedWindow = { start: "2026-12-01T00:00:00Z", end: "2026-12-02T00:00:00Z" };

test("a directory is read with what it says of itself", () => {
  const meta = {
    termsOfService: "https://ca.test/terms",
    website: "https://ca.test/",
    caaIdentities: ["ca.test", 7],
    externalAccountRequired: true,
    profiles: { shortlived: "six days", default: "https://ca.test/default" },
  };
  assert.deepEqual(readDirectory({ ...directory, renewalInfo: `${url}/r`, meta, xyz: 1 }), {
    newNonceUrl: `${url}/n`,
    newAccountUrl: `${url}/a`,
    newOrderUrl: `${url}/o`,
    revokeCertUrl: undefined,
    keyChangeUrl: undefined,
    renewalInfoUrl: `${url}/r`,
    termsOfService: "https://ca.test/terms",
    website: "https://ca.test/",
    caaIdentities: ["ca.test"],
    externalAccountRequired: true,
    profiles: meta.profiles,
  });
});

test("a directory without a word on itself is read", () => {
  const read = readDirectory(directory);
  assert.equal(read.renewalInfoUrl, undefined);
  assert.equal(read.termsOfService, undefined);
  assert.deepEqual([read.caaIdentities, read.profiles], [[], {}]);
});

test("an invalid order is read with its reason", () => {
  const error = { type: "urn:ietf:params:acme:error:caa", detail: "CAA says no" };
  const read = readOrder(
    { ...order, status: "invalid", error, expires: "2026-12-01T00:00:00Z" },
    url,
    3_000,
  );
  assert.equal(read.error?.type, error.type);
  assert.equal(read.error?.code, "ACME_PROBLEM");
  assert.equal(read.expires, Date.parse("2026-12-01T00:00:00Z"));
  assert.equal(read.retryAfterMs, 3_000);
});

test("a challenge is read with what the CA found", () => {
  const error = { type: "urn:ietf:params:acme:error:connection", detail: "refused", status: 400 };
  const challenges = [{ ...challenge, status: "invalid", error }];
  const read = readAuthorization(
    { ...authorization, status: "invalid", challenges },
    url,
    undefined,
  );
  assert.equal(read.host, "store.shop.example");
  assert.equal(read.challenges[0]?.error?.detail, "refused");
  assert.equal(read.challenges[0]?.error?.status, 400);
});

/** Tokens become a path of ours and a line of an answer: who sends an odd one is not answered. */
const tokens = [
  { token: "DGyRejmCefe7v4NfDGDKfA", isOffered: true },
  { token: "a".repeat(16), isOffered: true },
  { token: "_-".repeat(64), isOffered: true },
  { token: undefined, isOffered: true },
  { token: "a".repeat(15), isOffered: false },
  { token: "a".repeat(129), isOffered: false },
  { token: "", isOffered: false },
  { token: "../../../../etc/passwd", isOffered: false },
  { token: "DGyRejmCefe7v4NfDGDKfA==", isOffered: false },
  { token: "DGyRejmCefe7v4NfDGDKfA\n", isOffered: false },
  { token: "<script>alert(1)</script>", isOffered: false },
  { token: 12_345_678_901_234_567n.toString(), isOffered: true },
  { token: 1234567890123456, isOffered: false },
];

for (const { token, isOffered } of tokens) {
  test(`a challenge with token ${JSON.stringify(token)} is ${isOffered ? "" : "not "}offered`, () => {
    const challenges = [{ ...challenge, token }];
    const read = readAuthorization({ ...authorization, challenges }, url, undefined);
    assert.deepEqual(
      read.challenges.map((offered) => offered.token),
      isOffered ? [token] : [],
    );
  });
}

const ignored = [
  { what: "without a type", value: { ...challenge, type: undefined } },
  { what: "without a URL", value: { ...challenge, url: "challenge" } },
  { what: "of an unknown status", value: { ...challenge, status: "odd" } },
  { what: "that is text", value: "http-01" },
];

for (const { what, value } of ignored) {
  test(`a challenge ${what} is passed over, the others stay`, () => {
    const challenges = [value, { ...challenge, type: "dns-01" }];
    const read = readAuthorization({ ...authorization, challenges }, url, undefined);
    assert.deepEqual(
      read.challenges.map(({ type }) => type),
      ["dns-01"],
    );
  });
}

const senseless = [
  { what: "directory: nothing", read: () => readDirectory(undefined) },
  { what: "directory: a list", read: () => readDirectory([directory]) },
  {
    what: "directory: no newOrder",
    read: () => readDirectory({ ...directory, newOrder: undefined }),
  },
  {
    what: "directory: newNonce no URL",
    read: () => readDirectory({ ...directory, newNonce: "/n" }),
  },
  { what: "order: a string", read: () => readOrder("<html>", url, undefined) },
  {
    what: "order: unknown status",
    read: () => readOrder({ ...order, status: "odd" }, url, undefined),
  },
  { what: "order: no finalize", read: () => readOrder({ ...order, finalize: 3 }, url, undefined) },
  {
    what: "order: authorizations no list",
    read: () => readOrder({ ...order, authorizations: url }, url, undefined),
  },
  {
    what: "order: authorizations no URLs",
    read: () => readOrder({ ...order, authorizations: [url, 3] }, url, undefined),
  },
  {
    what: "order: valid without a certificate",
    read: () => readOrder({ ...order, status: "valid" }, url, undefined),
  },
  {
    what: "order: expires at no time",
    read: () => readOrder({ ...order, expires: "tomorrow" }, url, undefined),
  },
  {
    what: "authorization: no identifier",
    read: () => readAuthorization({ ...authorization, identifier: undefined }, url, undefined),
  },
  {
    what: "authorization: a name that is none",
    read: () =>
      readAuthorization(
        { ...authorization, identifier: { type: "dns", value: "a b" } },
        url,
        undefined,
      ),
  },
  {
    what: "authorization: no challenges",
    read: () => readAuthorization({ ...authorization, challenges: {} }, url, undefined),
  },
  { what: "renewal: no window", read: () => readRenewalInfo({}, undefined) },
  {
    what: "renewal: an end before the start",
    read: () =>
      readRenewalInfo(
        { suggestedWindow: { start: suggestedWindow.end, end: suggestedWindow.start } },
        undefined,
      ),
  },
  {
    what: "renewal: an empty window",
    read: () =>
      readRenewalInfo(
        { suggestedWindow: { ...suggestedWindow, end: suggestedWindow.start } },
        undefined,
      ),
  },
  {
    what: "renewal: a date without a time",
    read: () =>
      readRenewalInfo({ suggestedWindow: { ...suggestedWindow, start: "2026-12-01" } }, undefined),
  },
];

for (const { what, read } of senseless) {
  test(`an answer makes no sense: ${what}`, () => {
    assert.throws(read, { code: "ACME_PROTOCOL" });
  });
}

const explanations = [
  { what: "a page", written: "https://ca.test/why", read: "https://ca.test/why" },
  { what: "no address", written: "why not", read: undefined },
  { what: "a script", written: "javascript:alert(1)", read: undefined },
  { what: "a number", written: 7, read: undefined },
  { what: "a megabyte", written: `https://ca.test/${"x".repeat(1_048_576)}`, read: undefined },
];

for (const { what, written, read } of explanations) {
  test(`a renewal window holds with ${what} as its explanation`, () => {
    const info = readRenewalInfo({ suggestedWindow, explanationURL: written }, undefined);
    assert.equal(info.start, Date.parse(suggestedWindow.start));
    assert.equal(info.explanationUrl, read);
  });
}

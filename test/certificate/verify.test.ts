import assert from "node:assert/strict";
import { test } from "node:test";
import { provenHost } from "../../src/base/certificate-name.ts";
import { isAloneOfUnknown, verifyCredential } from "../../src/certificate/verify.ts";
import { makeAuthority, makeCertificate } from "../support/certificates.ts";
import { named } from "../support/stored.ts";

const host = named("shop.example");
const HOUR = 3_600_000;
const now = Date.now();
const authority = makeAuthority();
const intermediate = makeAuthority({ name: "Test intermediate", parent: authority });
const good = makeCertificate({ names: ["shop.example"], issuer: intermediate });
const other = makeCertificate({ names: ["shop.example"], issuer: intermediate });

test("verifyCredential accepts the certificate that was asked for, with its intermediate", () => {
  const credential = verifyCredential(good.chain, good.key, host, now);
  assert.deepEqual(credential.names, ["shop.example"]);
  assert.match(credential.serial, /^(?:[0-9a-f]{2})+$/);
});

test("verifyCredential wants the very name that was ordered, also of a wildcard", () => {
  const wildcard = makeCertificate({ names: ["*.shop.example"], issuer: intermediate });
  const base = provenHost(`*.${host}`);
  assert.doesNotThrow(() => verifyCredential(wildcard.chain, wildcard.key, `*.${base}`, now));
  for (const name of [named("a.shop.example"), base, `*.${named("a.shop.example")}`] as const) {
    assert.throws(() => verifyCredential(wildcard.chain, wildcard.key, name, now), {
      code: "CERTIFICATE_INVALID",
    });
  }
});

const lone = makeCertificate({ names: ["shop.example"], issuer: { ...intermediate, path: "" } });
const direct = makeCertificate({ names: ["shop.example"], issuer: authority });
const befores = [
  { what: "a lone leaf of the intermediate before", ...lone, before: good.chain, isCut: true },
  { what: "a lone leaf of an issuer unknown", ...lone, before: undefined, isCut: false },
  { what: "a lone leaf after one", ...lone, before: lone.chain, isCut: false },
  {
    what: "a lone leaf of a root that came along before",
    ...{ ...direct, before: direct.chain + authority.certificate, isCut: false },
  },
  {
    what: "a lone leaf of a root, after one of an intermediate",
    ...direct,
    before: good.chain,
    isCut: false,
  },
];

for (const { what, chain, key, before, isCut } of befores) {
  test(`verifyCredential ${isCut ? "refuses" : "accepts"} ${what}`, () => {
    const verify = () => verifyCredential(chain, key, host, now, before);
    if (isCut) assert.throws(verify, { message: /its chain lacks the intermediate/ });
    else assert.doesNotThrow(verify);
  });
}

const alones = [
  { what: "a lone leaf of an intermediate", ...lone, roots: authority.certificate, isAlone: true },
  { what: "a lone leaf of a root that nobody named", ...direct, roots: undefined, isAlone: true },
  {
    what: "a lone leaf of a root that was named",
    ...direct,
    roots: authority.certificate,
    isAlone: false,
  },
  { what: "a leaf with its intermediate", ...good, roots: undefined, isAlone: false },
];

for (const { what, chain, roots, isAlone } of alones) {
  test(`${what} ${isAlone ? "may lack something" : "lacks nothing"}`, () => {
    assert.equal(isAloneOfUnknown(chain, roots), isAlone);
  });
}

const bad = [
  { name: "the key of another certificate", chain: good.chain, key: other.key },
  { name: "no key at all", chain: good.chain, key: "" },
  { name: "an empty answer", chain: "", key: good.key },
  { name: "a page of HTML", chain: "<html><body>404</body></html>", key: good.key },
  { name: "a key in the chain", chain: good.chain + good.key, key: good.key },
  { name: "another name", ...makeCertificate({ names: ["other.example"] }) },
  { name: "one name too many", ...makeCertificate({ names: ["shop.example", "other.example"] }) },
  { name: "no name", ...makeCertificate({ names: [] }) },
  {
    name: "a certificate that has ended",
    ...makeCertificate({
      names: ["shop.example"],
      notBefore: now - 2 * HOUR,
      notAfter: now - HOUR,
    }),
  },
  {
    name: "a certificate of tomorrow",
    ...makeCertificate({
      names: ["shop.example"],
      notBefore: now + HOUR,
      notAfter: now + 2 * HOUR,
    }),
  },
  {
    name: "a chain in the wrong order",
    chain: intermediate.certificate + good.chain,
    key: good.key,
  },
  {
    name: "an intermediate that did not issue it",
    chain: good.chain + makeAuthority().certificate,
    key: good.key,
  },
  { name: "a certificate cut off in its middle", chain: good.chain.slice(0, 300), key: good.key },
  { name: "a chain of 300 KiB", chain: good.chain.repeat(200), key: good.key },
];

for (const { name, chain, key } of bad) {
  test(`verifyCredential refuses ${name}`, () => {
    assert.throws(() => verifyCredential(chain, key, host, now), { code: "CERTIFICATE_INVALID" });
  });
}

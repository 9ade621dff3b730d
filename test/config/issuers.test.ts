import assert from "node:assert/strict";
import { test } from "node:test";
import { namedIssuer, nameOf, refusalOf } from "../../src/config/issuers.ts";
import { configOf, FILE, faultsOf } from "../support/config-text.ts";

const names = ["letsencrypt", "letsencrypt-staging", "zerossl", "google", "internal"] as const;
const own = {
  kind: "acme",
  directory: "https://ca.example/d",
  trust: undefined,
  eab: undefined,
  profile: undefined,
  preferredChain: undefined,
} as const;

test("an issuer is shown by the name it was written with", () => {
  assert.deepEqual(
    names.map((name) => nameOf(namedIssuer(name))),
    names,
  );
  assert.equal(nameOf(own), "https://ca.example/d");
});

/** A name, and which of the issuers above, then our own with `lan` permitted, certify it. */
const cases: readonly (readonly [string, string])[] = [
  ["a.example", "yes yes yes yes no yes"],
  ["localhost", "no no no no yes yes"],
  ["a.localhost", "no no no no yes yes"],
  ["notlocalhost", "no no no no no yes"],
  ["a.b.home.arpa", "no no no no yes yes"],
  ["a.internal", "no no no no yes yes"],
  ["a.lan", "yes yes yes yes yes yes"],
  ["a.local", "no no no no no yes"],
  ["a.onion", "no no no no no yes"],
  ["203.0.113.7", "yes yes yes yes no yes"],
  ["10.0.0.7", "no no no no yes yes"],
  ["10.0.0.8", "no no no no no yes"],
  ["127.0.0.1", "no no no no no yes"],
  ["2001:db8::1", "yes yes yes yes no yes"],
  ["fd00::1", "no no no no no yes"],
  ["fe80::1", "no no no no no yes"],
];

for (const [name, expected] of cases) {
  test(`${name} is certified by ${names.join(", ")}, a CA of one's own: ${expected}`, () => {
    const issuers = [...names.map(namedIssuer), own];
    const told = issuers.map((issuer) =>
      refusalOf(issuer, name, ["lan", "10.0.0.7"]) === undefined ? "yes" : "no",
    );
    assert.equal(told.join(" "), expected);
  });
}

const HOSTS = "hosts: { a.example: 3001 }";

/** A plain name whose CA makes no account without a key of its website. */
for (const name of ["zerossl", "google"]) {
  test(`${name} by its name alone is told in which form its key is written`, () => {
    const variable = name.toUpperCase();
    const form = `{ directory: ${name}, eab: { kid: env:${variable}_KID, hmac: env:${variable}_HMAC } }`;
    for (const text of [
      `acme: { issuers: [${name}] }\n${HOSTS}`,
      `hosts: { a.example: { to: 3001, issuer: ${name} } }`,
    ]) {
      const [fault, ...others] = faultsOf(text);
      assert.ok(fault?.message.endsWith(`wanted ${form}`), fault?.message ?? "no fault");
      assert.deepEqual(others, []);
    }
    const environment = { [`${variable}_KID`]: "kid-1", [`${variable}_HMAC`]: "c2VjcmV0" };
    const [issuer] = configOf(`acme: { issuers: [${form}] }\n${HOSTS}`, FILE, environment).acme
      .issuers;
    assert.deepEqual(issuer, {
      ...namedIssuer(name === "google" ? "google" : "zerossl"),
      eab: { kid: "kid-1", hmac: "c2VjcmV0" },
    });
  });
}

/** What stands under `directory`, and what is told about it. */
const directories: readonly (readonly [string, RegExp | undefined])[] = [
  ["letsencrypt", undefined],
  ["google", undefined],
  ["internal", /^has no directory, wanted `internal` without a mapping$/],
  ["zerosll", /\(nearest: zerossl\)$/],
  ["http://ca.example/", /^is not such a URL, wanted one such as https:/],
];

for (const [directory, says] of directories) {
  test(`directory: ${directory} is ${says === undefined ? "an issuer" : "a fault"}`, () => {
    const [fault] = faultsOf(`acme: { issuers: [{ directory: ${directory} }] }\n${HOSTS}`);
    if (says === undefined) assert.equal(fault, undefined);
    else assert.match(fault?.message ?? "", says);
  });
}

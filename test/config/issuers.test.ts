import assert from "node:assert/strict";
import { test } from "node:test";
import { namedIssuer, nameOf, refusalOf } from "../../src/config/issuers.ts";

const names = ["letsencrypt", "letsencrypt-staging", "internal"] as const;
const own = {
  kind: "acme",
  directory: "https://ca.example/d",
  trust: undefined,
  profile: undefined,
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
  ["a.example", "yes yes no yes"],
  ["localhost", "no no yes yes"],
  ["a.localhost", "no no yes yes"],
  ["notlocalhost", "no no no yes"],
  ["a.b.home.arpa", "no no yes yes"],
  ["a.internal", "no no yes yes"],
  ["a.lan", "yes yes yes yes"],
  ["a.local", "no no no yes"],
  ["a.onion", "no no no yes"],
];

for (const [name, expected] of cases) {
  test(`${name} is certified by ${names.join(", ")}, a CA of one's own: ${expected}`, () => {
    const issuers = [...names.map(namedIssuer), own];
    const told = issuers.map((issuer) =>
      refusalOf(issuer, name, ["lan"]) === undefined ? "yes" : "no",
    );
    assert.equal(told.join(" "), expected);
  });
}

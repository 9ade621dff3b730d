import assert from "node:assert/strict";
import { test } from "node:test";
import { permits } from "../../src/dns/persist-record.ts";

const accountUrl = "https://ca.example/acct/1";
const wanted = {
  issuers: ["ca.example", "other.example"],
  accountUrl,
  isWildcard: false,
  nowSeconds: 1_000,
};

/** What the record says, and whether it permits a host and its wildcard. */
const records: readonly (readonly [string, boolean, boolean])[] = [
  [`ca.example; accounturi=${accountUrl}`, true, false],
  [`CA.example. ;accounturi=${accountUrl};`, true, false],
  [`other.example; accounturi=${accountUrl}; policy=wildcard`, true, true],
  [`ca.example; POLICY=Wildcard; AccountURI=${accountUrl}`, true, true],
  [`ca.example; accounturi=${accountUrl}; policy=exact`, true, false],
  [`ca.example; accounturi=${accountUrl}; persistUntil=1001`, true, false],
  [`ca.example; accounturi=${accountUrl}; unknown=1`, true, false],
  [`ca.example; accounturi=${accountUrl}; persistUntil=1000`, false, false],
  [`ca.example; accounturi=${accountUrl}; persistUntil=soon`, false, false],
  [`ca.example; accounturi=${accountUrl}0; policy=wildcard`, false, false],
  [`ca.example; accounturi=${accountUrl}; accounturi=x`, false, false],
  [`third.example; accounturi=${accountUrl}; policy=wildcard`, false, false],
  ["ca.example", false, false],
  [`ca.example; ${accountUrl}`, false, false],
  [`; accounturi=${accountUrl}`, false, false],
  ["", false, false],
];

for (const [text, host, wildcard] of records) {
  test(`"${text}" permits ${host ? (wildcard ? "both" : "the host alone") : "nothing"}`, () => {
    assert.equal(permits(text, wanted), host);
    assert.equal(permits(text, { ...wanted, isWildcard: true }), wildcard);
  });
}

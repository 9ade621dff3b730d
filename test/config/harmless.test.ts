import assert from "node:assert/strict";
import { test } from "node:test";
import { configOf, faultsOf } from "../support/config-text.ts";

/** Text of a whole file with a key (or value) of the contract that is not built yet, and its path. */
const later: readonly (readonly [string, string])[] = [
  ["listen: { dashboard: 127.0.0.1:9180 }", "listen.dashboard"],
];

for (const [text, path] of later) {
  test(`${text} is not supported yet, and is not taken for a misspelling`, () => {
    const [fault, ...others] = faultsOf(withHosts(text));
    assert.equal(fault?.path, path);
    assert.match(fault?.message ?? "", /not supported yet, /);
    assert.deepEqual(others, []);
  });
}

const harmless = [
  "watch: false",
  "watch: off",
  "listen: { dashboard: off }",
  "listen: { dashboard: false }",
  "listen: { proxyProtocol: [] }",
  "hosts: { a.example: { to: 3001, compress: false } }",
  "hosts: { a.example: { to: 3001, certificateOnly: off } }",
  "hosts: { a.example: { redirect: b.example, compress: off } }",
  "hosts: { a.example: { respond: ok, auth: off } }",
  "hosts: { a.example: { to: 3001, balance: round-robin } }",
];

for (const text of harmless) {
  test(`${text} means the same as leaving it out`, () => {
    assert.equal(configOf(withHosts(text)).hosts.length, 1);
  });
}

function withHosts(text: string): string {
  return text.startsWith("hosts:") ? text : `${text}\nhosts:\n  b.example: 3001\n`;
}

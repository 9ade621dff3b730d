import assert from "node:assert/strict";
import { test } from "node:test";
import { configOf } from "../support/config-text.ts";

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

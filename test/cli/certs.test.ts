import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import { stripVTControlCharacters } from "node:util";
import type { CertificateRecord } from "../../src/base/certificate-record.ts";
import { describeRecords } from "../../src/cli/certs.ts";
import { formatPattern } from "../../src/config/host-pattern.ts";
import { configOf } from "../support/config-text.ts";

const before = process.env["FORCE_COLOR"];
afterEach(() => {
  if (before === undefined) delete process.env["FORCE_COLOR"];
  else process.env["FORCE_COLOR"] = before;
});

const recordOf = (host: string, state: CertificateRecord["state"]): CertificateRecord => ({
  ...{ host, state, issuer: null, serial: null, notBefore: null, notAfter: null, renewAt: null },
  ...{ renewalInfo: null, attempts: 0, nextAttemptAt: null, lastError: null, servedSerial: null },
});
const config = configOf("hosts: { good.example: 3001, late.example: 3001, bad.example: 3001 }");
const records = [
  recordOf("good.example", "valid"),
  recordOf("late.example", "failing"),
  recordOf("bad.example", "failed"),
];

function linesWith(forced: "0" | "1"): readonly string[] {
  process.env["FORCE_COLOR"] = forced;
  return describeRecords(records, 0, config.hosts).trimEnd().split("\n");
}

test("what a host without a certificate waits for is a visitor only where each name has its own", () => {
  const { hosts } = configOf(`
acme: { dns: { provider: exec, command: [/bin/true] } }
onDemand: { allow: [a.shop.example] }
hosts:
  "*.dns.example": 3001
  "*.shop.example": { to: 3001, onDemand: { allow: [a.shop.example] } }
  "*": { to: 3001, onDemand: { ask: "http://127.0.0.1:1/" } }
  one.example: 3001
`);
  const waiting = hosts.map(({ pattern }) => recordOf(formatPattern(pattern), "waiting"));
  const steps = describeRecords(waiting, 0, hosts).trimEnd().split("\n").slice(1);
  assert.deepEqual(
    steps.map((line) => line.trim().split(/ {2,}/)).map((cells) => [cells.at(0), cells.at(-1)]),
    [
      ["*.dns.example", "waits for its turn"],
      ["*.shop.example", "waits for a visitor"],
      ["*", "waits for a visitor"],
      ["one.example", "waits for its turn"],
    ],
  );
});

test("certs shows on a terminal what is failed in red and what is failing in yellow", () => {
  const [, good = "", late = "", bad = ""] = linesWith("1");
  assert.ok(bad.startsWith("\u001b[31mbad.example"), bad);
  assert.ok(late.startsWith("\u001b[33mlate.example"), late);
  assert.ok(good.startsWith("good.example"), good);
});

test("certs that are piped are plain, and the same lines", () => {
  const plain = linesWith("0");
  assert.deepEqual(plain, linesWith("1").map(stripVTControlCharacters));
  assert.ok(plain.every((line) => !line.includes("\u001b")));
});

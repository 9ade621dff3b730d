import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import { stripVTControlCharacters } from "node:util";
import type { CertificateRecord } from "../../src/base/certificate-record.ts";
import { describeRecords } from "../../src/cli/certs.ts";

const before = process.env["FORCE_COLOR"];
afterEach(() => {
  if (before === undefined) delete process.env["FORCE_COLOR"];
  else process.env["FORCE_COLOR"] = before;
});

const recordOf = (host: string, state: CertificateRecord["state"]): CertificateRecord => ({
  ...{ host, state, issuer: null, serial: null, notBefore: null, notAfter: null, renewAt: null },
  ...{ renewalInfo: null, attempts: 0, nextAttemptAt: null, lastError: null, servedSerial: null },
});
const records = [
  recordOf("good.example", "valid"),
  recordOf("late.example", "failing"),
  recordOf("bad.example", "failed"),
];

function linesWith(forced: "0" | "1"): readonly string[] {
  process.env["FORCE_COLOR"] = forced;
  return describeRecords(records, 0).trimEnd().split("\n");
}

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

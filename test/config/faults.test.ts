import assert from "node:assert/strict";
import { test } from "node:test";
import { type Fault, formatFault, formatPath, sortFaults } from "../../src/config/faults.ts";

const fault: Fault = { file: "a.yaml", line: 2, column: 3, path: "log.level", message: "is odd" };

test("a fault is one line whatever is in it", () => {
  assert.equal(formatFault(fault), "a.yaml:2:3: log.level: is odd");
  const hostile = { ...fault, file: "a\nb.yaml", message: "x\u001b[31m\u2028y\r\u009b" };
  assert.equal(
    formatFault(hostile),
    "a\\u{a}b.yaml:2:3: log.level: x\\u{1b}[31m\\u{2028}y\\u{d}\\u{9b}",
  );
});

test("paths quote the keys that are not plain, and cut long ones", () => {
  const paths = [
    [],
    ["acme", "issuers", 1, "trust"],
    ["hosts", "*.a.example", "to", 0],
    ["hosts", 'a"\\\n'],
    ["x".repeat(100)],
  ].map(formatPath);
  assert.deepEqual(paths, [
    "file",
    "acme.issuers[1].trust",
    'hosts["*.a.example"].to[0]',
    'hosts["a\\"\\\\\\u{a}"]',
    `${"x".repeat(80)}…`,
  ]);
});

test("faults are told in the order of the file, equal ones once", () => {
  const first = { ...fault, line: 1 };
  const later = { ...fault, column: 9 };
  assert.deepEqual(sortFaults([later, fault, first, { ...fault }]), [first, fault, later]);
});

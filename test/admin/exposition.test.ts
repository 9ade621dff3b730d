import assert from "node:assert/strict";
import { test } from "node:test";
import { type Table, writeExposition } from "../../src/admin/exposition.ts";
import { numberOf, readExposition } from "../support/exposition-reader.ts";

test("a metric is written with its help, its type, and a line for each row", async () => {
  const tables: Table[] = [
    { name: "latchkey_info", rows: [{ labels: ["1.2.3"], value: 1 }] },
    { name: "latchkey_workers", rows: [] },
    { name: "latchkey_certificates_left_out", rows: [{ labels: [], value: 0 }] },
  ];
  assert.equal(
    await writeExposition(tables),
    [
      "# HELP latchkey_info Always 1; says the version of the program",
      "# TYPE latchkey_info gauge",
      'latchkey_info{version="1.2.3"} 1',
      "# HELP latchkey_certificates_left_out Hosts that have no rows here because there are too many",
      "# TYPE latchkey_certificates_left_out gauge",
      "latchkey_certificates_left_out 0",
      "",
    ].join("\n"),
  );
});

const hostile = ['"', "\\", "\n", '\\"} 1\nlatchkey_workers{state="', "ü", "", "\\n", "a,b={}"];

test("no value of a label ends its line, its label or its metric", async () => {
  const rows = hostile.map((value) => ({ labels: [value, "valid"], value: 1 }));
  const families = readExposition(
    await writeExposition([{ name: "latchkey_certificate_state", rows }]),
  );
  assert.equal(families.size, 1);
  for (const host of hostile)
    assert.equal(numberOf(families, "latchkey_certificate_state", { host, state: "valid" }), 1);
});

test("a series that comes twice is written once: Prometheus refuses an answer with two", async () => {
  const rows = [1, 0].map((value) => ({ labels: ["a.example", "/", "http://b"], value }));
  const families = readExposition(await writeExposition([{ name: "latchkey_backend_up", rows }]));
  const labels = { host: "a.example", path: "/", backend: "http://b" };
  assert.equal(numberOf(families, "latchkey_backend_up", labels), 1);
});

test("thousands of rows leave others their turn while they are written", async () => {
  let turns = 0;
  const turning = setInterval(() => {
    turns += 1;
  }, 0);
  const rows = Array.from({ length: 50_000 }, (_, index) => ({
    labels: [`h${index}.example`, "valid"],
    value: 1,
  }));
  const text = await writeExposition([{ name: "latchkey_certificate_state", rows }]);
  clearInterval(turning);
  assert.ok(turns >= 10, `${turns} turns`);
  assert.equal(text.split("\n").length, rows.length + 3);
});

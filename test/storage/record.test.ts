import assert from "node:assert/strict";
import { test } from "node:test";
import { formatTime } from "../../src/base/format-time.ts";
import { formatRecord, parseRecord } from "../../src/storage/record.ts";

const good = {
  name: "store",
  count: 3,
  at: formatTime(1_700_000_000_123),
  host: "*.shop.example",
  inner: { detail: "…" },
};

function parse(text: string | Uint8Array) {
  return parseRecord(typeof text === "string" ? Buffer.from(text) : text, "record.json");
}

test("a record reads back what was written, and ignores keys it does not know", () => {
  const fields = parse(formatRecord({ ...good, added: "by a newer program" }));
  assert.equal(fields.text("name"), "store");
  assert.equal(fields.count("count"), 3);
  assert.equal(fields.time("at"), 1_700_000_000_123);
  assert.equal(fields.name("host"), "*.shop.example");
  assert.equal(fields.object("inner").text("detail"), "…");
  assert.equal(fields.optionalText("absent"), undefined);
});

const broken: readonly { readonly name: string; readonly text: string | Uint8Array }[] = [
  { name: "nothing", text: "" },
  { name: "a brace", text: "{" },
  { name: "half a record", text: formatRecord(good).slice(0, 40) },
  { name: "zero bytes", text: Buffer.alloc(64) },
  { name: "bytes that are no UTF-8", text: Buffer.from([0x7b, 0xff, 0xfe, 0x7d]) },
  { name: "HTML", text: "<html><body>502</body></html>" },
  { name: "null", text: "null" },
  { name: "an array", text: "[1]" },
  { name: "text", text: '"version"' },
  { name: "no version", text: "{}" },
  { name: "a newer version", text: '{"version":2}' },
  { name: "a version in text", text: '{"version":"1"}' },
  { name: "a version by prototype", text: '{"__proto__":{"version":1}}' },
  { name: "deep nesting", text: "[".repeat(30_000) },
];

for (const { name, text } of broken) {
  test(`a record of ${name} is corrupt`, () => {
    assert.throws(() => parse(text), { code: "STORAGE_CORRUPT" });
  });
}

test("a broken record is not quoted: it may be a key in the wrong place", () => {
  assert.throws(
    () => parse("-----BEGIN PRIVATE KEY-----\nc2VjcmV0"),
    (error: Error) => !/BEGIN|c2Vj/.test(`${error.message} ${String(error.cause)}`),
  );
});

const misread: readonly {
  readonly name: string;
  readonly read: (fields: ReturnType<typeof parse>) => unknown;
}[] = [
  { name: "a number as text", read: (fields) => fields.text("count") },
  { name: "a number as optional text", read: (fields) => fields.optionalText("count") },
  { name: "text as a number", read: (fields) => fields.count("name") },
  { name: "a negative number", read: (fields) => fields.count("negative") },
  { name: "a fraction", read: (fields) => fields.count("fraction") },
  { name: "text as a time", read: (fields) => fields.time("name") },
  { name: "a time without a zone", read: (fields) => fields.time("local") },
  { name: "the 32nd of a month", read: (fields) => fields.time("never") },
  { name: "text as a host", read: (fields) => fields.name("at") },
  { name: "a path as a host", read: (fields) => fields.name("path") },
  { name: "text as an object", read: (fields) => fields.object("name") },
  { name: "a key that is missing", read: (fields) => fields.text("missing") },
  { name: "an inherited key", read: (fields) => fields.text("toString") },
];

for (const { name, read } of misread) {
  test(`reading ${name} says that the record is corrupt`, () => {
    const fields = parse(
      formatRecord({
        ...good,
        negative: -1,
        fraction: 1.5,
        local: "2026-11-23T06:00:00",
        never: "2026-11-32T06:00:00Z",
        path: "../etc",
      }),
    );
    assert.throws(() => read(fields), { code: "STORAGE_CORRUPT" });
  });
}

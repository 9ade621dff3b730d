import assert from "node:assert/strict";
import { test } from "node:test";
import { parseRetryAfter } from "../../src/acme/retry-after.ts";

const NOW = Date.parse("2026-11-23T12:00:00Z");

const cases = [
  { field: undefined, waitMs: undefined },
  { field: "", waitMs: undefined },
  { field: "0", waitMs: 0 },
  { field: "120", waitMs: 120_000 },
  { field: " 3 ", waitMs: 3_000 },
  { field: "604800", waitMs: 604_800_000 },
  { field: "1000000000", waitMs: 1_000_000_000_000 },
  { field: "Mon, 23 Nov 2026 12:00:30 GMT", waitMs: 30_000 },
  { field: "Mon, 23 Nov 2026 11:00:00 GMT", waitMs: 0 },
  { field: "Mon, 99 Nov 2026 12:00:30 GMT", waitMs: undefined },
  { field: "2026-11-23T12:00:30Z", waitMs: undefined },
  { field: "-5", waitMs: undefined },
  { field: "1.5", waitMs: undefined },
  { field: "1e3", waitMs: undefined },
  { field: "99999999999999999999", waitMs: undefined },
  { field: "120, 60", waitMs: undefined },
];

for (const { field, waitMs } of cases) {
  test(`Retry-After "${field}" means ${waitMs} ms`, () => {
    assert.equal(parseRetryAfter(field, NOW), waitMs);
  });
}

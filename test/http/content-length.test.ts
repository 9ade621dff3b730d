import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { readContentLength } from "../../src/http/content-length.ts";

const ROWS: readonly (readonly [string, number | undefined])[] = [
  ["0", 0],
  ["7", 7],
  ["10485760", 10_485_760],
  ["999999999999999", 999_999_999_999_999],
  ["9007199254740991", Number.MAX_SAFE_INTEGER],
  ["9999999999999999", 1e16],
  ["10000000000000000", undefined],
  ["", undefined],
  ["00", undefined],
  ["01", undefined],
  ["+1", undefined],
  ["-1", undefined],
  ["1 ", undefined],
  [" 1", undefined],
  ["1,1", undefined],
  ["1e3", undefined],
  ["0x10", undefined],
  ["1.0", undefined],
  ["١", undefined],
];

for (const [value, expected] of ROWS) {
  test(`a Content-Length of ${JSON.stringify(value)} is read as ${expected}`, () => {
    assert.equal(readContentLength(value), expected);
  });
}

test("Content-Length is read as its grammar without leading zeros says", () => {
  const digits = fc.string({ unit: fc.constantFrom(..."0123456789+-, x"), maxLength: 18 });
  fc.assert(
    fc.property(digits, (value) => {
      const expected = /^(?:0|[1-9][0-9]{0,15})$/.test(value) ? Number(value) : undefined;
      assert.equal(readContentLength(value), expected);
    }),
    { numRuns: 5_000 },
  );
});

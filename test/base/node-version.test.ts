import assert from "node:assert/strict";
import { test } from "node:test";
import { isNewEnough } from "../../src/base/node-version.ts";

const versions = [
  ["26.5.1", true],
  ["26.5.0", false],
  ["26.4.9", false],
  ["26.10.0", true],
  ["27.0.0", true],
  ["25.99.99", false],
  ["20.20.2", false],
] as const;

for (const [version, expected] of versions) {
  test(`Node ${version} is ${expected ? "new enough" : "too old"}`, () => {
    assert.equal(isNewEnough(version), expected);
  });
}

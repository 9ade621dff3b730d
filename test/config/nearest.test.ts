import assert from "node:assert/strict";
import { test } from "node:test";
import { nearest } from "../../src/config/nearest.ts";

const keys = ["email", "storage", "workers", "listen", "maxBody", "hosts", "to"];

for (const [word, expected] of [
  ["emial", "email"],
  ["maxbody", "maxBody"],
  ["MAXBODY", "maxBody"],
  ["host", "hosts"],
  ["lisen", "listen"],
  ["wokrers", "workers"],
  ["", "to"],
  ["storage".repeat(100_000), "storage"],
] as const) {
  test(`the key nearest to "${word.slice(0, 20)}" is "${expected}"`, () => {
    assert.equal(nearest(word, keys), expected);
  });
}

test("nothing is nearest among no keys", () => {
  assert.equal(nearest("a", []), undefined);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { nearest, suggestion } from "../../src/config/nearest.ts";

const keys = ["email", "storage", "workers", "listen", "maxBody", "hosts", "to", "certificate"];

for (const [word, expected] of [
  ["emial", "email"],
  ["maxbody", "maxBody"],
  ["MAXBODY", "maxBody"],
  ["host", "hosts"],
  ["lisen", "listen"],
  ["wokrers", "workers"],
  ["ot", "to"],
  ["cert", "certificate"],
  ["certs", "certificate"],
  ["listenOn", "listen"],
  ["body-limit", "maxBody"],
  ["request_body", "maxBody"],
  ["storage".repeat(100_000), "storage"],
] as const) {
  test(`the key nearest to "${word.slice(0, 20)}" is "${expected}"`, () => {
    assert.equal(nearest(word, keys), expected);
  });
}

for (const word of ["", "metrics", "dashboard", "tls", "xy", "token", "x".repeat(100_000)]) {
  test(`no key is near to "${word.slice(0, 20)}"`, () => {
    assert.equal(nearest(word, keys), undefined);
    assert.equal(suggestion(word, keys), "");
  });
}

test("nothing is nearest among no keys", () => {
  assert.equal(nearest("a", []), undefined);
});

test("a suggestion stands in parentheses", () => {
  assert.equal(suggestion("emial", keys), " (nearest: email)");
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { readRequestHead } from "../../src/http/head.ts";
import { headVectors } from "./head-vectors.ts";
import { statusOf } from "./judge-head.ts";

for (const { name, bytes, expect } of headVectors) {
  test(`A head with ${name} gets ${expect}`, () => {
    assert.equal(statusOf(bytes), expect);
  });
}

test("No two rows have the same name or the same bytes", () => {
  assert.equal(new Set(headVectors.map(({ name }) => name)).size, headVectors.length);
  assert.equal(new Set(headVectors.map(({ bytes }) => bytes)).size, headVectors.length);
});

test("A head is never taken for complete, nor a good one refused, when it is cut short", () => {
  for (const { name, bytes } of headVectors.filter(({ expect }) => expect === 200)) {
    const end = bytes.indexOf("\r\n\r\n") + 4;
    const step = Math.max(1, Math.floor(end / 200));
    for (let cut = 0; cut < end; cut += step)
      assert.equal(statusOf(bytes.slice(0, cut)), 0, `${name}, cut at ${cut}`);
  }
});

test("A head ends where its empty line ends, whatever follows", () => {
  const text = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
  const bytes = Buffer.from(`...${text}GET /next`, "latin1");
  const head = readRequestHead(bytes, 3, bytes.length);
  assert.equal(head.kind === "head" && head.length, text.length);
});

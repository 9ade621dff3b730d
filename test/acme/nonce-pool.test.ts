import assert from "node:assert/strict";
import { test } from "node:test";
import { NoncePool, nonceIn } from "../../src/acme/nonce-pool.ts";

test("a nonce pool gives each nonce once, the newest first", () => {
  const pool = new NoncePool(8);
  for (const nonce of ["a", "b", undefined, "c"]) pool.put(nonce);
  assert.deepEqual(
    [pool.take(), pool.take(), pool.take(), pool.take()],
    ["c", "b", "a", undefined],
  );
});

test("a full nonce pool forgets the oldest", () => {
  const pool = new NoncePool(2);
  for (const nonce of ["a", "b", "c"]) pool.put(nonce);
  assert.deepEqual([pool.take(), pool.take(), pool.take()], ["c", "b", undefined]);
});

const fields = [
  { value: "tsNIkEWLnF-p_1", nonce: "tsNIkEWLnF-p_1" },
  { value: undefined, nonce: undefined },
  { value: "", nonce: undefined },
  { value: "a, b", nonce: undefined },
  { value: "padded==", nonce: undefined },
  { value: "a".repeat(257), nonce: undefined },
];

for (const { value, nonce } of fields) {
  test(`Replay-Nonce "${value?.slice(0, 20)}" gives the nonce ${nonce}`, () => {
    assert.equal(nonceIn(value === undefined ? {} : { "replay-nonce": value }), nonce);
  });
}

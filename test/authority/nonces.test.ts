import assert from "node:assert/strict";
import { test } from "node:test";
import { Nonces } from "../../src/authority/nonces.ts";

test("a nonce is spent once", () => {
  const nonces = new Nonces();
  const nonce = nonces.make();
  assert.deepEqual(
    [nonces.spend(nonce), nonces.spend(nonce), nonces.spend("")],
    [true, false, false],
  );
});

test("a flood of nonces leaves the newest 1,000", () => {
  const nonces = new Nonces();
  const made = Array.from({ length: 5_000 }, () => nonces.make());
  assert.equal(nonces.size, 1_000);
  assert.deepEqual([nonces.spend(made[3_999]!), nonces.spend(made[4_000]!)], [false, true]);
});

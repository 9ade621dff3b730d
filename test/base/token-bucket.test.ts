import assert from "node:assert/strict";
import { test } from "node:test";
import { TokenBucket } from "../../src/base/token-bucket.ts";

const rate = { burst: 3, everyMs: 1_000 };

function takenAt(bucket: TokenBucket, now: number, times: number): number {
  return Array.from({ length: times }, () => bucket.take(now)).filter(Boolean).length;
}

test("a token bucket gives its burst, then one token each time its wait is over", () => {
  const bucket = new TokenBucket(rate, 0);
  assert.equal(takenAt(bucket, 0, 10), 3);
  assert.equal(bucket.waitMs(400), 600);
  assert.equal(bucket.has(999), false);
  assert.equal(takenAt(bucket, 1_000, 10), 1);
  assert.equal(takenAt(bucket, 3_500, 10), 2);
});

test("a token bucket is never fuller than its burst, however long nobody came", () => {
  const bucket = new TokenBucket(rate, 0);
  assert.equal(takenAt(bucket, 86_400_000, 10), 3);
});

test("a token bucket whose clock is set back gives nothing for it, and goes on from there", () => {
  const bucket = new TokenBucket(rate, 10_000);
  assert.equal(takenAt(bucket, 10_000, 3), 3);
  assert.equal(bucket.take(0), false);
  assert.equal(bucket.take(1_000), true);
});

test("a token bucket goes on from when one of before would have been full", () => {
  const before = new TokenBucket(rate, 0);
  assert.equal(before.fullAt(0), 0);
  takenAt(before, 0, 2);
  assert.equal(before.fullAt(500), 2_000);
  const after = new TokenBucket(rate, 1_000, before.fullAt(500));
  assert.equal(takenAt(after, 1_000, 10), 2);
  assert.equal(takenAt(new TokenBucket(rate, 9_000, before.fullAt(500)), 9_000, 10), 3);
});

test("a token bucket that would be full only after longer than it takes is empty, and no more", () => {
  const bucket = new TokenBucket(rate, 0, 31_536_000_000);
  assert.equal(bucket.waitMs(0), 1_000);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { limits } from "../../src/config/limits.ts";
import { RateLimiter } from "../../src/http/rate-limiter.ts";

const limit = { requests: 2, perMs: 1_000, burst: 3, scope: "test" };

test("a client has its burst at once, then its rate, and is told how long to wait", () => {
  const limiter = new RateLimiter(limit, 0);
  const waits = (now: number, count: number) =>
    Array.from({ length: count }, () => limiter.take("a", now));
  assert.deepEqual(waits(0, 5), [0, 0, 0, 500, 500]);
  assert.deepEqual(waits(400, 1), [100]);
  assert.deepEqual(waits(500, 2), [0, 500]);
  assert.deepEqual(waits(10_000, 4), [0, 0, 0, 500]);
});

test("one client spends nothing of another's", () => {
  const limiter = new RateLimiter(limit, 0);
  for (let count = 0; count < 3; count += 1) limiter.take("a", 0);
  assert.equal(limiter.take("a", 0), 500);
  assert.equal(limiter.take("b", 0), 0);
});

test("a flood of newcomers resets nobody's count and takes no more room", () => {
  const limiter = new RateLimiter(limit, 1, 10);
  for (let count = 0; count < 4; count += 1) limiter.take("greedy", 0);
  for (let index = 0; index < 10_000; index += 1) limiter.take(`stranger ${index}`, 1);
  assert.equal(limiter.size, 10);
  assert.equal(limiter.take("greedy", 1), 499);
});

test("newcomers to a full table share what is left, and are not all let in", () => {
  const limiter = new RateLimiter(limit, 1, 10);
  let passed = 0;
  for (let index = 0; index < 10_000; index += 1)
    if (limiter.take(`stranger ${index}`, 0) === 0) passed += 1;
  assert.ok(passed <= 10 + limits.rateSharedBuckets * limit.burst, `${passed} passed`);
  assert.ok(passed > 10, `${passed} passed`);
});

test("a client whose bucket is full again makes room for another", () => {
  const limiter = new RateLimiter(limit, 1, 1);
  limiter.take("a", 0);
  assert.equal(limiter.take("b", 1_499), 0); // shared
  assert.equal(limiter.size, 1);
  for (let count = 0; count < 3; count += 1) assert.equal(limiter.take("c", 1_500), 0);
  assert.equal(limiter.take("c", 1_500), 500);
  assert.equal(limiter.size, 1);
});

test("of a client that has made room for another one nothing is left to tell", () => {
  const limiter = new RateLimiter({ requests: 4, perMs: 1_000, burst: 4 }, 0, 1, 2);
  for (let request = 0; request < 4; request += 1) limiter.take("a", 0);
  assert.equal(limiter.hasNews, true);
  limiter.take("b", 60_000);
  assert.equal(limiter.hasNews, false);
});

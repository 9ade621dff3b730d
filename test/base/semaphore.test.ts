import assert from "node:assert/strict";
import { test } from "node:test";
import { Semaphore } from "../../src/base/semaphore.ts";

const forever = new AbortController().signal;

test("Semaphore runs no more than its capacity at once, in the order of arrival", async () => {
  const semaphore = new Semaphore(2);
  const order: number[] = [];
  const gates = Array.from({ length: 4 }, () => Promise.withResolvers<void>());
  const runs = gates.map((gate, index) =>
    semaphore.run(async () => {
      order.push(index);
      await gate.promise;
    }, forever),
  );
  await Promise.resolve();
  assert.deepEqual(order, [0, 1]);
  gates[1]?.resolve();
  await runs[1];
  await Promise.resolve();
  assert.deepEqual(order, [0, 1, 2]);
  for (const gate of gates) gate.resolve();
  await Promise.all(runs);
  assert.deepEqual(order, [0, 1, 2, 3]);
});

test("Semaphore lets go of who stops waiting, and gives the place to the next", async () => {
  const semaphore = new Semaphore(1);
  const gate = Promise.withResolvers<void>();
  const first = semaphore.run(() => gate.promise, forever);
  const leaving = new AbortController();
  const second = semaphore.run(async () => assert.fail("it left"), leaving.signal);
  const third = semaphore.run(async () => "third", forever);
  leaving.abort(new Error("left"));
  await assert.rejects(second, /left/);
  gate.resolve();
  await first;
  assert.equal(await third, "third");
});

test("Semaphore wakes who waits although another one left in the moment it was let in", async () => {
  const semaphore = new Semaphore(1);
  const gate = Promise.withResolvers<void>();
  const first = semaphore.run(() => gate.promise, forever);
  const leaving = new AbortController();
  const second = semaphore.run(async () => "second", leaving.signal);
  const third = semaphore.run(async () => "third", forever);
  await new Promise((resolve) => setImmediate(resolve)); // the first is at work
  gate.resolve();
  queueMicrotask(() => leaving.abort(new Error("left"))); // after the place was given, before it was taken
  await first;
  assert.equal(await second, "second");
  assert.equal(await third, "third");
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { FailureLog } from "../../src/backend/failure-log.ts";
import { limits } from "../../src/config/limits.ts";
import { httpBackend, KeptLog } from "../support/relay-world.ts";

const QUIET_MS = limits.backendFailureQuietMs;

function failing() {
  const log = new KeptLog();
  const clock = { now: 1_000 };
  const failures = new FailureLog(log, () => clock.now);
  const fail = (port: number, why: string) =>
    failures.note({ host: "shop.example", backend: httpBackend(port), status: 502, why });
  return { log, clock, failures, fail };
}

test("a failure is told once a minute for each backend and cause, with the number of the others", () => {
  const { log, clock, fail } = failing();
  for (let count = 0; count < 5; count += 1) fail(1, "refused");
  fail(2, "refused");
  fail(1, "nonsense");
  clock.now += QUIET_MS - 1;
  fail(1, "refused");
  assert.equal(log.lines.length, 3);
  clock.now += 1;
  fail(1, "refused");
  fail(1, "refused");
  fail(2, "refused");
  const [first, , , fourth, fifth, ...more] = log.lines;
  const line = {
    host: "shop.example",
    backend: "http://127.0.0.1:1",
    status: 502,
    why: "refused",
    suppressed: undefined,
  };
  assert.deepEqual(first, { event: "backend.failed", facts: line });
  assert.deepEqual(fourth?.facts, { ...line, suppressed: 5 });
  assert.deepEqual(fifth?.facts, { ...line, backend: "http://127.0.0.1:2" });
  assert.deepEqual(more, []);
});

test("a request that no backend could be tried for is told by its host", () => {
  const { log, failures } = failing();
  for (const host of ["a.example", "a.example", "b.example"])
    failures.note({ host, backend: undefined, status: 503, why: "all backends are down" });
  assert.deepEqual(
    log.lines.map(({ facts }) => facts["host"]),
    ["a.example", "b.example"],
  );
});

test("a backend with ever new causes fills neither the log nor the memory", () => {
  const { log, clock, fail } = failing();
  for (let count = 0; count < 3 * limits.backendFailuresMax; count += 1) fail(1, `cause ${count}`);
  assert.equal(log.lines.length, limits.backendFailuresMax);
  clock.now += QUIET_MS;
  fail(1, "another cause");
  assert.equal(log.lines.length, limits.backendFailuresMax + 1);
});

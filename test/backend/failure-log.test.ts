import assert from "node:assert/strict";
import { test } from "node:test";
import { FailureLog } from "../../src/backend/failure-log.ts";
import { limits } from "../../src/config/limits.ts";
import { httpBackend, KeptLog } from "../support/relay-world.ts";

const ASKED = { host: "shop.example", backends: [httpBackend(1), httpBackend(2)] };
const QUIET_MS = limits.backendFailureQuietMs;

function failing() {
  const log = new KeptLog();
  const clock = { now: 1_000 };
  const failures = new FailureLog(log, () => clock.now);
  const fail = (port: number, why: string) =>
    failures.note({ ...ASKED, backend: httpBackend(port), status: 502, why });
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

test("requests that no backend could be tried for are told once for the backends that they were for", () => {
  const { log, failures, fail } = failing();
  const down = { backend: undefined, status: 503, why: "all backends are down" };
  for (let count = 0; count <= limits.backendFailuresMax; count += 1)
    failures.note({ ...ASKED, ...down, host: `${count}.example` });
  failures.note({ ...down, host: "shop.example", backends: [httpBackend(2)] });
  fail(3, "refused");
  assert.deepEqual(
    log.lines.map(({ facts }) => [facts["host"], facts["backend"]]),
    [
      ["0.example", undefined],
      ["shop.example", undefined],
      ["shop.example", "http://127.0.0.1:3"],
    ],
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

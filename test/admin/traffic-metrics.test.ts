import assert from "node:assert/strict";
import { test } from "node:test";
import { writeExposition } from "../../src/admin/exposition.ts";
import { Gathering } from "../../src/admin/gathering.ts";
import type { METRICS } from "../../src/admin/metrics.ts";
import { trafficTables } from "../../src/admin/traffic-metrics.ts";
import { BACKEND_FAILURES, Counts, HANDSHAKES, REFUSALS } from "../../src/base/counts.ts";
import { numberOf, readExposition } from "../support/exposition-reader.ts";

async function metricsOf(counts: Counts) {
  const use = { process: "worker 1", residentBytes: 1, cpuSeconds: 1 };
  const gathering = new Gathering({
    hosts: ["a.example"],
    isFirst: true,
    ask: async () => ({ counts: counts.take(), use, delays: { p99: 0.5, max: 1 } }),
  });
  gathering.changed([{ index: 1, ready: true }]);
  const tables = trafficTables(await gathering.gather(), { p99: 0.25, max: 0.75 });
  return readExposition(await writeExposition(tables));
}

test("every number that workers count stands in the answer under the name of its metric", async () => {
  const counts = new Counts(["a.example"]);
  const [h1, h2] = [counts.of("http/1.1", "a.example"), counts.of("h2", "b.example")];
  for (const each of [h1, h2, h2]) each.began();
  h1.ended("GET", 502, 1_500, 10, 20);
  h2.ended("POST", 200, 0.5, 100, 200);
  counts.answeredPlain("GET", 404);
  for (const _ of [1, 2, 3]) counts.connectionOpened();
  counts.connectionClosed();
  counts.refused("PLAIN_HTTP");
  for (const outcome of HANDSHAKES) counts.shaken(outcome);
  counts.backendFailed("refused");
  counts.retried();
  const families = await metricsOf(counts);
  const expected = [
    ["latchkey_workers_silent", {}, 0],
    ["latchkey_connections_open", {}, 2],
    ["latchkey_connections_accepted_total", {}, 3],
    ["latchkey_connections_refused_total", { code: "PLAIN_HTTP" }, 1],
    ["latchkey_connections_refused_total", { code: "OTHER" }, 0],
    ["latchkey_tls_handshakes_total", { outcome: "failed" }, 1],
    ["latchkey_requests_under_way", {}, 1],
    ["latchkey_requests_total", { protocol: "http/1.1", method: "GET", status: "502" }, 1],
    ["latchkey_requests_total", { protocol: "h2", method: "POST", status: "200" }, 1],
    ["latchkey_requests_total", { protocol: "http", method: "GET", status: "404" }, 1],
    ["latchkey_host_requests_total", { host: "a.example", class: "5xx" }, 1],
    ["latchkey_host_requests_total", { host: "_other", class: "2xx" }, 1],
    ["latchkey_request_duration_seconds_bucket", { le: "0.001" }, 1],
    ["latchkey_request_duration_seconds_bucket", { le: "1" }, 1],
    ["latchkey_request_duration_seconds_bucket", { le: "2.5" }, 2],
    ["latchkey_request_duration_seconds_bucket", { le: "+Inf" }, 2],
    ["latchkey_request_duration_seconds_sum", {}, 1.5005],
    ["latchkey_request_duration_seconds_count", {}, 2],
    ["latchkey_request_body_bytes_total", {}, 110],
    ["latchkey_response_body_bytes_total", {}, 220],
    ["latchkey_backend_failures_total", { kind: "refused" }, 1],
    ["latchkey_backend_retries_total", {}, 1],
    ["latchkey_event_loop_delay_p99_seconds", { process: "manager" }, 0.25],
    ["latchkey_event_loop_delay_max_seconds", { process: "worker 1" }, 1],
  ] as const;
  for (const [name, labels, value] of expected)
    assert.equal(numberOf(families, name, labels), value, name);
  assert.equal(families.get("latchkey_requests_total")?.samples.length, 3);
});

test("a worker that has counted nothing has every row whose labels are few", async () => {
  const families = await metricsOf(new Counts([]));
  const rows = (name: keyof typeof METRICS) => families.get(name)?.samples.length;
  assert.equal(rows("latchkey_connections_refused_total"), REFUSALS.length);
  assert.equal(rows("latchkey_backend_failures_total"), BACKEND_FAILURES.length);
  assert.equal(rows("latchkey_tls_handshakes_total"), HANDSHAKES.length);
  assert.equal(rows("latchkey_requests_total"), undefined);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { EventCounts } from "../../src/admin/event-counts.ts";
import { writeExposition } from "../../src/admin/exposition.ts";
import { programTables } from "../../src/admin/program-metrics.ts";
import type { Snapshot } from "../../src/admin/snapshot.ts";
import type { CertificateState } from "../../src/base/certificate-record.ts";
import { foreignRecord } from "../../src/certificate/records.ts";
import { limits } from "../../src/config/limits.ts";
import { type Family, numberOf, readExposition } from "../support/exposition-reader.ts";

const TIMES = { pid: 1, startedAt: "2026-11-23T05:00:00Z" };
const EMPTY: Snapshot = {
  ...{
    version: "1.2.3",
    file: undefined,
    ...TIMES,
    manager: { pid: 2, startedAt: "2026-11-23T06:00:00Z" },
  },
  ...{ workers: [], hosts: [], backends: [], troubles: [] },
};

async function metricsOf(
  snapshot: Partial<Snapshot>,
  counts = new EventCounts(),
): Promise<ReadonlyMap<string, Family>> {
  const processes = [{ process: "manager", residentBytes: 5, cpuSeconds: 0.25 }];
  const sight = {
    snapshot: { ...EMPTY, ...snapshot },
    configuredAt: 7_500,
    isRejected: true,
    processes,
    counts,
  };
  return readExposition(await writeExposition(programTables(sight)));
}

test("of the program its version, its times and the use of its processes are told", async () => {
  const families = await metricsOf({});
  const expected = [
    ["latchkey_info", { version: "1.2.3" }, 1],
    ["latchkey_start_time_seconds", {}, Date.UTC(2026, 10, 23, 5) / 1_000],
    ["latchkey_manager_start_time_seconds", {}, Date.UTC(2026, 10, 23, 6) / 1_000],
    ["latchkey_config_load_time_seconds", {}, 7.5],
    ["latchkey_config_last_reload_successful", {}, 0],
    ["latchkey_process_resident_memory_bytes", { process: "manager" }, 5],
    ["latchkey_process_cpu_seconds_total", { process: "manager" }, 0.25],
    ["latchkey_certificates_left_out", {}, 0],
  ] as const;
  for (const [name, labels, value] of expected)
    assert.equal(numberOf(families, name, labels), value, name);
});

test("workers are counted by what they do", async () => {
  const worker = { index: 1, ...TIMES, ready: true, draining: false };
  const workers = [
    ...[worker, worker, { ...worker, draining: true }],
    ...[
      { ...worker, ready: false },
      { ...worker, ready: false, draining: true },
    ],
  ];
  const families = await metricsOf({ workers });
  for (const [state, count] of [
    ["ready", 2],
    ["starting", 1],
    ["draining", 2],
  ] as const)
    assert.equal(numberOf(families, "latchkey_workers", { state }), count, state);
});

test("a certificate has its state and, as far as they are known, its times", async () => {
  const notAfter = "2026-12-01T00:00:00Z";
  const hosts = [
    { ...foreignRecord("a.example", "valid"), notAfter, renewAt: "2026-11-30T00:00:00Z" },
    { ...foreignRecord("b.example", "manual"), notAfter },
    foreignRecord("*.c.example", "waiting"),
  ];
  const families = await metricsOf({ hosts });
  const samples = ["state", "not_after_seconds", "renew_at_seconds"].map((what) =>
    families
      .get(`latchkey_certificate_${what}`)
      ?.samples.map(({ labels, value }) => [...Object.values(labels), value]),
  );
  assert.deepEqual(samples, [
    [
      ["a.example", "valid", 1],
      ["b.example", "manual", 1],
      ["*.c.example", "waiting", 1],
    ],
    [
      ["a.example", Date.UTC(2026, 11, 1) / 1_000],
      ["b.example", Date.UTC(2026, 11, 1) / 1_000],
    ],
    [["a.example", Date.UTC(2026, 10, 30) / 1_000]],
  ]);
});

test("of more hosts than there is room for, those in trouble have rows, and it is told how many have none", async () => {
  const states: CertificateState[] = ["failing", "failed", "refused"];
  const hosts = Array.from({ length: limits.metricsNamesMax + 3 }, (_, index) =>
    foreignRecord(`h${index}.example`, states[index - limits.metricsNamesMax] ?? "valid"),
  );
  const families = await metricsOf({ hosts });
  assert.equal(numberOf(families, "latchkey_certificates_left_out"), 3);
  const told = families.get("latchkey_certificate_state")?.samples ?? [];
  assert.equal(told.length, limits.metricsNamesMax);
  assert.deepEqual(
    told.flatMap(({ labels: { state } }) => (state === "valid" ? [] : [state])),
    states,
  );
});

test("only what a health check found can be up or not; every backend has its state", async () => {
  const backend = { host: "a.example", path: "/", why: null, since: null };
  const states = ["up", "down", "drained", "unchecked", "unknown"] as const;
  const backends = states.map((state) => ({ ...backend, backend: `http://${state}`, state }));
  const families = await metricsOf({ backends });
  const ups = families.get("latchkey_backend_up")?.samples;
  assert.deepEqual(
    ups?.map(({ labels, value }) => [labels["backend"], value]),
    [
      ["http://up", 1],
      ["http://down", 0],
    ],
  );
  const told = families.get("latchkey_backend_state")?.samples ?? [];
  assert.deepEqual(
    told.map(({ labels: { state } }) => state),
    states,
  );
});

test("attempts count by issuer and outcome, alerts by kind and outcome, troubles by kind", async () => {
  const counts = new EventCounts();
  const issuer = "https://ca.example/directory";
  for (const event of ["certificate.issued", "certificate.failed", "certificate.failed"])
    counts.hear(event, { host: "a.example", issuer });
  for (const event of ["alert.failed", "alert.failed", "alert.sent"])
    counts.hear(event, { alert: "renewal.failing a.example", state: "began" });
  counts.hear("alert.sent", { alert: "storage.unwritable" });
  counts.hear("order.started", { issuer });
  const trouble = { severity: "warning", message: "", detail: "", hint: "" } as const;
  const families = await metricsOf(
    {
      troubles: ["a.example", "b.example"].map((host) => {
        return { ...trouble, kind: "renewal.failing", host, nextAttemptAt: null };
      }),
    },
    counts,
  );
  const expected = [
    ["latchkey_certificate_attempts_total", { issuer, outcome: "issued" }, 1],
    ["latchkey_certificate_attempts_total", { issuer, outcome: "failed" }, 2],
    ["latchkey_alerts_total", { kind: "renewal.failing", outcome: "failed" }, 2],
    ["latchkey_alerts_total", { kind: "renewal.failing", outcome: "sent" }, 1],
    ["latchkey_alerts_total", { kind: "storage.unwritable", outcome: "sent" }, 1],
    ["latchkey_troubles", { kind: "renewal.failing" }, 2],
    ["latchkey_troubles", { kind: "storage.unwritable" }, 0],
  ] as const;
  for (const [name, labels, value] of expected)
    assert.equal(numberOf(families, name, labels), value, name);
});

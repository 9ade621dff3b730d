import assert from "node:assert/strict";
import { test } from "node:test";
import { healthOf } from "../../src/admin/health.ts";
import type { Snapshot, TroubleSnapshot } from "../../src/admin/snapshot.ts";
import type { CertificateState } from "../../src/base/certificate-record.ts";
import { foreignRecord } from "../../src/certificate/records.ts";

const ERROR = { type: "caa", detail: "CAA forbids", hint: "Change it", at: "2026-11-23T05:00:00Z" };
const TROUBLE: TroubleSnapshot = {
  ...{ kind: "storage.unwritable", host: null, severity: "critical", message: "full" },
  ...{ detail: "ENOSPC", hint: "free space", nextAttemptAt: null },
};

function snapshot(
  ready: boolean,
  states: readonly CertificateState[],
  troubles: readonly TroubleSnapshot[] = [],
): Snapshot {
  const times = { pid: 1, startedAt: "2026-11-23T05:00:00Z" };
  return {
    ...{ version: "1", file: undefined, ...times, backends: [], troubles },
    manager: times,
    workers: [
      { index: 1, ...times, ready, draining: false },
      { index: 2, ...times, ready: true, draining: true },
    ],
    hosts: states.map((state, index) => foreignRecord(`h${index}.example`, state)),
  };
}

const table: readonly (readonly [string, Snapshot, string])[] = [
  ["every host has its certificate", snapshot(true, ["valid", "pass-through"]), "ok"],
  ["the first certificates are being ordered", snapshot(true, ["waiting", "issuing"]), "ok"],
  ["a renewal fails", snapshot(true, ["valid", "failing"]), "degraded"],
  ["a host of several has none", snapshot(true, ["valid", "failed"]), "degraded"],
  ["the disk is full", snapshot(true, ["valid"], [TROUBLE]), "degraded"],
  ["no host has one", snapshot(true, ["failed", "failed"]), "failing"],
  ["no worker is ready, but for one that takes nobody", snapshot(false, ["valid"]), "failing"],
];

for (const [what, seen, status] of table) {
  test(`when ${what}, the program is ${status}`, () => {
    assert.equal(healthOf(seen).status, status);
  });
}

test("a host in trouble is listed with the cause as the CA worded it, a hint and the next attempt", () => {
  const seen = snapshot(true, ["valid"]);
  const nextAttemptAt = "2026-11-23T07:00:00Z";
  const failing = { ...foreignRecord("a.example", "failing"), lastError: ERROR, nextAttemptAt };
  assert.deepEqual(healthOf({ ...seen, hosts: [...seen.hosts, failing] }).hosts, [
    { host: "a.example", state: "failing", notAfter: null, cause: ERROR, nextAttemptAt },
  ]);
});

for (const [before, during, status] of [
  ["failed", "issuing", "failing"],
  ["failing", "renewing", "degraded"],
] as const) {
  test(`while another attempt for a host that is ${before} runs, the program is ${status} as before it`, () => {
    const only = (state: CertificateState) => ({
      ...snapshot(true, []),
      hosts: [{ ...foreignRecord("a.example", state), lastError: ERROR }],
    });
    assert.equal(healthOf(only(before)).status, status);
    const health = healthOf(only(during));
    assert.equal(health.status, status);
    assert.deepEqual(
      health.hosts.map(({ host, state, cause }) => [host, state, cause]),
      [["a.example", during, ERROR]],
    );
  });
}

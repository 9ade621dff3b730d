import { type DashboardSteps, serveDashboard } from "../../src/admin/dashboard/serve.ts";
import type { Snapshot } from "../../src/admin/snapshot.ts";
import type { CertificateRecord, LastError } from "../../src/base/certificate-record.ts";

/** The moment at which dashboards of tests are looked at, and a day. */
export const NOW = Date.parse("2026-11-26T12:00:00Z");
export const DAY_MS = 86_400_000;

export const daysAway = (days: number): string => new Date(NOW + days * DAY_MS).toISOString();

const SERIAL = "04a3f1c2d5e6b798a1b2c3d4e5f60718293a";

/** A host that is served, and what differs. */
export function hostRecord(
  host: string,
  changes: Partial<CertificateRecord> = {},
): CertificateRecord {
  return {
    host,
    state: "valid",
    issuer: "https://acme-v02.api.letsencrypt.org/directory",
    serial: SERIAL,
    notBefore: daysAway(-30),
    notAfter: daysAway(60),
    renewAt: daysAway(30),
    renewalInfo: null,
    attempts: 0,
    nextAttemptAt: null,
    lastError: null,
    servedSerial: SERIAL,
    ...changes,
  };
}

/** One whose renewal fails. */
export function failingRecord(host: string, error: Partial<LastError> = {}): CertificateRecord {
  const type = "urn:ietf:params:acme:error:dns";
  const lastError = { type, detail: "no such name", hint: "mend DNS", at: daysAway(-1), ...error };
  const nextAttemptAt = daysAway(1);
  return hostRecord(host, { state: "failing", attempts: 3, nextAttemptAt, lastError });
}

/** A program with one worker, and what differs. */
export function snapshotOf(changes: Partial<Snapshot> = {}): Snapshot {
  return {
    version: "1.2.3",
    file: "/etc/latchkey/latchkey.yaml",
    pid: 7,
    startedAt: daysAway(-12),
    manager: { pid: 8, startedAt: daysAway(-2) },
    workers: [{ index: 1, pid: 9, ready: true, draining: false, startedAt: daysAway(-2) }],
    hosts: [hostRecord("store.shop.example")],
    backends: [],
    troubles: [],
    ...changes,
  };
}

/** A dashboard on a free port of 127.0.0.1 that shows this. */
export async function openDashboard(
  snapshot: DashboardSteps["snapshot"],
  token?: string,
  now: DashboardSteps["now"] = () => NOW,
) {
  const failures: unknown[] = [];
  const failed = (error: unknown) => void failures.push(error);
  const dashboard = await serveDashboard(
    { address: { kind: "tcp", host: "127.0.0.1", port: 0 }, token },
    { snapshot, machine: "edge1", now, failed },
  );
  const { port, close } = dashboard;
  return { port, url: `http://127.0.0.1:${port}`, failures, [Symbol.dispose]: close };
}

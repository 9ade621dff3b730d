import type { BackendRecord } from "../base/backend-record.ts";
import type { CertificateRecord } from "../base/certificate-record.ts";
import type { ProcessUse } from "../base/process-use.ts";
import { TROUBLE_KINDS } from "../base/trouble.ts";
import { limits } from "../config/limits.ts";
import type { EventCounts } from "./event-counts.ts";
import { type Row, row, type Table } from "./exposition.ts";
import { isTroubled, type Snapshot } from "./snapshot.ts";

/** What the manager knows by itself. */
export interface ProgramSight {
  readonly snapshot: Snapshot;
  /** When the configuration in force was read; milliseconds since the epoch. */
  readonly configuredAt: number;
  /** Was a later one rejected? */
  readonly isRejected: boolean;
  readonly processes: readonly ProcessUse[];
  readonly counts: EventCounts;
}

/** The metrics of processes, certificates and backends: `limits.metricsNamesMax` hosts and backends at most. Pure. */
export function* programTables(sight: ProgramSight): Generator<Table> {
  const { snapshot, counts, processes } = sight;
  const certificates = firstOf(snapshot.hosts);
  const backends = snapshot.backends.slice(0, limits.metricsNamesMax);
  yield { name: "latchkey_info", rows: [row(1, snapshot.version)] };
  yield { name: "latchkey_start_time_seconds", rows: [row(secondsOf(snapshot.startedAt))] };
  const managerSince = secondsOf(snapshot.manager.startedAt);
  yield { name: "latchkey_manager_start_time_seconds", rows: [row(managerSince)] };
  const configuredSince = sight.configuredAt / MS_PER_SECOND;
  yield { name: "latchkey_config_load_time_seconds", rows: [row(configuredSince)] };
  const isInForce = Number(!sight.isRejected);
  yield { name: "latchkey_config_last_reload_successful", rows: [row(isInForce)] };
  yield { name: "latchkey_workers", rows: workerRows(snapshot) };
  yield {
    name: "latchkey_process_resident_memory_bytes",
    rows: processes.map(({ process, residentBytes }) => row(residentBytes, process)),
  };
  yield {
    name: "latchkey_process_cpu_seconds_total",
    rows: processes.map(({ process, cpuSeconds }) => row(cpuSeconds, process)),
  };
  yield { name: "latchkey_certificate_state", rows: stateRows(certificates) };
  yield {
    name: "latchkey_certificate_not_after_seconds",
    rows: timeRows(certificates, "notAfter"),
  };
  yield { name: "latchkey_certificate_renew_at_seconds", rows: timeRows(certificates, "renewAt") };
  const leftOut = snapshot.hosts.length - certificates.length;
  yield { name: "latchkey_certificates_left_out", rows: [row(leftOut)] };
  yield { name: "latchkey_certificate_attempts_total", rows: counts.attempts };
  yield { name: "latchkey_troubles", rows: troubleRows(snapshot) };
  yield { name: "latchkey_alerts_total", rows: counts.alerts };
  yield { name: "latchkey_backend_up", rows: upRows(backends) };
  yield { name: "latchkey_backend_state", rows: backendRows(backends) };
}

const MS_PER_SECOND = 1_000;

/** Those that a person has to look at are never left out before others. */
function firstOf(hosts: readonly CertificateRecord[]): readonly CertificateRecord[] {
  if (hosts.length <= limits.metricsNamesMax) return hosts;
  const [troubled, well] = [hosts.filter(isInTrouble), hosts.filter((host) => !isInTrouble(host))];
  return [...troubled, ...well].slice(0, limits.metricsNamesMax);
}

function isInTrouble(host: CertificateRecord): boolean {
  return isTroubled([host]);
}

function workerRows({ workers }: Snapshot): readonly Row[] {
  const draining = workers.filter((worker) => worker.draining).length;
  const ready = workers.filter((worker) => worker.ready && !worker.draining).length;
  const starting = workers.length - ready - draining;
  return [row(ready, "ready"), row(starting, "starting"), row(draining, "draining")];
}

function* stateRows(certificates: readonly CertificateRecord[]): Generator<Row> {
  for (const { host, state } of certificates) yield row(1, host, state);
}

function* timeRows(
  certificates: readonly CertificateRecord[],
  which: "notAfter" | "renewAt",
): Generator<Row> {
  for (const certificate of certificates) {
    const time = certificate[which];
    if (time !== null) yield row(secondsOf(time), certificate.host);
  }
}

function troubleRows({ troubles }: Snapshot): readonly Row[] {
  return TROUBLE_KINDS.map((kind) => {
    return row(troubles.filter((trouble) => trouble.kind === kind).length, kind);
  });
}

/** Only of those that are looked at, and that nobody took out: an alert may be made of every 0. */
function* upRows(backends: readonly BackendRecord[]): Generator<Row> {
  for (const { host, path, backend, state } of backends) {
    if (state === "up" || state === "down") yield row(Number(state === "up"), host, path, backend);
  }
}

function* backendRows(backends: readonly BackendRecord[]): Generator<Row> {
  for (const { host, path, backend, state } of backends) yield row(1, host, path, backend, state);
}

function secondsOf(time: string): number {
  return Date.parse(time) / MS_PER_SECOND;
}

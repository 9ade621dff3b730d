import { isTroubled, type Snapshot, type WorkerSnapshot } from "../admin/snapshot.ts";
import type { BackendRecord } from "../base/backend-record.ts";
import { systemClock } from "../base/clock.ts";
import type { Host } from "../config/config.ts";
import { describeRecords } from "./certs.ts";
import { readConfiguration } from "./configuration.ts";
import { EXIT } from "./exit.ts";
import { paint } from "./paint.ts";
import { describeTroubles, lookAtProgram, NOT_RUNNING, type Stopped } from "./stored-records.ts";
import { alignColumns } from "./table.ts";

/** `latchkey status`: what is running, and each host; when nothing runs, what storage knows. */
export async function status(file: string | undefined, json: boolean): Promise<number> {
  const config = await readConfiguration(file);
  const now = await lookAtProgram(config);
  process.stdout.write(
    json
      ? `${JSON.stringify(now, undefined, 2)}\n`
      : describeStatus(now, systemClock.now(), config.hosts),
  );
  return isTroubled(now.hosts) ? EXIT.failed : EXIT.ok;
}

function describeStatus(now: Snapshot | Stopped, ms: number, entries: readonly Host[]): string {
  const troubles = describeTroubles(now.troubles, (text) => paint("red", text));
  const backends = now.backends.some(({ state }) => state !== "unchecked")
    ? [describeBackends(now.backends)]
    : [];
  const rows = describeRecords(now.hosts, ms, entries);
  return [`${headline(now)}\n`, ...troubles, rows, ...backends].join("\n");
}

/** Where requests go, when there is more to say of it than the configuration does. */
function describeBackends(backends: readonly BackendRecord[]): string {
  const rows = backends.map(({ host, path, backend, state, why, since }) => {
    const name = path === "/" ? host : `${host}${path}`;
    return [name, backend, state, since ?? "-", why ?? "-"];
  });
  return alignColumns([["HOST", "BACKEND", "STATE", "SINCE", "WHY"], ...rows]);
}

function headline({ version, pid, startedAt, workers }: Snapshot | Stopped): string {
  if (version === null) return NOT_RUNNING;
  const pids = workers.map(
    (worker) => `worker ${worker.index} (pid ${worker.pid}${phaseOf(worker)})`,
  );
  return `latchkey ${version}, pid ${pid}, running since ${startedAt}: ${pids.join(", ") || "no worker"}`;
}

/** Nothing of one that serves. */
function phaseOf({ ready, draining }: WorkerSnapshot): string {
  if (draining) return ", draining";
  return ready ? "" : ", starting";
}

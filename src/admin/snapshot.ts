import type { BackendRecord } from "../base/backend-record.ts";
import type { CertificateRecord, CertificateState } from "../base/certificate-record.ts";
import { formatTime } from "../base/format-time.ts";
import type { Trouble } from "../base/trouble.ts";
import { programVersion } from "../base/version.ts";

/** The program now, as one plain object: the answer to `GET /status` and `latchkey status --json`. */
export interface Snapshot {
  readonly version: string;
  /** Absolute path of its configuration; `undefined` from another version that does not say. */
  readonly file: string | undefined;
  /** Of the supervisor, which hears signals. */
  readonly pid: number;
  /** RFC 3339, UTC. */
  readonly startedAt: string;
  /** The process that answers: each reload replaces it, and the workers. */
  readonly manager: { readonly pid: number; readonly startedAt: string };
  readonly workers: readonly WorkerSnapshot[];
  readonly hosts: readonly CertificateRecord[];
  /** Where requests go: every backend of every host. */
  readonly backends: readonly BackendRecord[];
  /** Everything that alerts tell of, whether anybody is told or not. */
  readonly troubles: readonly TroubleSnapshot[];
}

/** What a {@link Snapshot} is taken of; times in milliseconds since the epoch. */
export interface Sources extends Pick<Snapshot, "file" | "hosts" | "backends"> {
  readonly startedAt: number;
  readonly managerStartedAt: number;
  readonly workers: readonly {
    readonly index: number;
    readonly pid: number;
    readonly startedAt: number;
    readonly ready: boolean;
    readonly isDraining: boolean;
  }[];
  readonly troubles: readonly Trouble[];
}

/** What the manager, which is this process, knows now. */
export function takeSnapshot(sources: Sources): Snapshot {
  const { file, hosts, backends, startedAt, managerStartedAt, workers, troubles } = sources;
  return {
    version: programVersion(),
    file,
    pid: process.ppid,
    startedAt: formatTime(startedAt),
    manager: { pid: process.pid, startedAt: formatTime(managerStartedAt) },
    workers: workers.map(({ index, pid, startedAt: since, ready, isDraining }) => ({
      ...{ index, pid, ready, draining: isDraining },
      startedAt: formatTime(since),
    })),
    hosts,
    backends,
    troubles: troubles.map(troubleSnapshot),
  };
}

/** A trouble as JSON has it. */
export interface TroubleSnapshot extends Omit<Trouble, "host" | "nextAttemptAt"> {
  readonly host: string | null;
  readonly nextAttemptAt: string | null;
}

/** A trouble as everybody is shown it. */
export function troubleSnapshot(trouble: Trouble): TroubleSnapshot {
  const { host = null, nextAttemptAt: next } = trouble;
  const nextAttemptAt = next === undefined ? null : formatTime(next);
  return { ...trouble, host, nextAttemptAt };
}

export interface WorkerSnapshot {
  readonly index: number;
  readonly pid: number;
  readonly startedAt: string;
  readonly ready: boolean;
  /** Does it take no more connections, and finish those that it has? */
  readonly draining: boolean;
}

/** States in which a person has to look: the exit code of `status` and `certs` is 1. */
const TROUBLE: readonly CertificateState[] = ["failing", "failed", "refused"];

/** Is there a host that a person has to look at? */
export function isTroubled(hosts: readonly CertificateRecord[]): boolean {
  return hosts.some(({ state }) => TROUBLE.includes(state));
}

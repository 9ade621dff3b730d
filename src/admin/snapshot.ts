import type { BackendRecord } from "../base/backend-record.ts";
import type { CertificateRecord, CertificateState } from "../base/certificate-record.ts";
import { formatTime } from "../base/format-time.ts";
import type { Trouble } from "../base/trouble.ts";

/** The program now, as one plain object: the answer to `GET /status` and `latchkey status --json`. */
export interface Snapshot {
  readonly version: string;
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

import { totalmem } from "node:os";
import { getHeapStatistics } from "node:v8";
import { LatchkeyError } from "../base/errors.ts";
import { limits } from "../config/limits.ts";
import type { Usage } from "./overload.ts";

const PERCENT = 100;
/** The supervisor and the manager: each occupies about as much as a worker that has just started (measured). */
const OTHER_PROCESSES = 2;
/** Where the system names no limit, or none that we can read. */
const DESCRIPTORS_ASSUMED = 1_024;
/** Enough for all connections of a worker, and one to a backend for each; as in our systemd unit. */
const DESCRIPTORS_ADVISED = 65_536;

/** What one worker may use of its machine. Read once, at its start. */
export class Allowance {
  /** Connections that it may have open. */
  readonly connections: number;
  /** Of them, those of one client: the same part of fewer, where descriptors are few. */
  readonly connectionsPerClient: number;
  /** What the system lets this process have open; of that, what it counts on. */
  readonly #limit: number;
  readonly #descriptors: number;
  readonly #memoryBytes: number;
  readonly #heapBytes: number;

  /** @param workers How many share the machine's memory; each has its own descriptors. */
  constructor(workers: number, descriptors: number = descriptorsMax()) {
    this.#limit = descriptors;
    this.#descriptors = Math.max(1, descriptors - limits.descriptorsReserved);
    this.connections = Math.min(
      limits.connectionsMax,
      Math.max(1, shareOf(limits.descriptorShareForConnections, this.#descriptors)),
    );
    this.connectionsPerClient = Math.ceil(
      (limits.connectionsPerClientMax * this.connections) / limits.connectionsMax,
    );
    const occupied = process.memoryUsage.rss();
    this.#memoryBytes = memoryAllowed({ workers, occupied, total: machineMemory() });
    this.#heapBytes = shareOf(limits.memoryUsableShare, getHeapStatistics().heap_size_limit);
  }

  /** @throws {LatchkeyError} `DESCRIPTORS_TOO_FEW` for fewer than `connectionsMin` connections. */
  confirmUsable(): void {
    const { connectionsMin, descriptorsReserved, descriptorShareForConnections } = limits;
    const least =
      descriptorsReserved + Math.ceil((PERCENT * connectionsMin) / descriptorShareForConnections);
    if (this.#limit >= least) return;
    const advice = `raise RLIMIT_NOFILE to ${least} at least, better to ${DESCRIPTORS_ADVISED} (ulimit -n, LimitNOFILE= of systemd, --ulimit nofile= of Docker)`;
    throw new LatchkeyError(
      "DESCRIPTORS_TOO_FEW",
      `Cannot serve: a process may open ${this.#limit} files and sockets only; ${advice}`,
    );
  }

  /** What is in use at the moment, but for connections; takes well under a millisecond. */
  look(): readonly Usage[] {
    const { used_heap_size: heap } = getHeapStatistics();
    return [
      { resource: "memory", used: process.memoryUsage.rss(), max: this.#memoryBytes },
      { resource: "heap", used: heap, max: this.#heapBytes },
      { resource: "descriptors", used: descriptorsInUse(), max: this.#descriptors },
    ];
  }
}

/**
 * The resident bytes that one of `workers` may occupy: its part of what the machine has beyond its other
 * processes of ours, the configured bound at most, and always some more than at its start.
 */
export function memoryAllowed(of: {
  readonly workers: number;
  /** Resident bytes of a worker at its start. */
  readonly occupied: number;
  /** Of the machine, or what a container may have of it. */
  readonly total: number;
}): number {
  const usable = shareOf(limits.memoryUsableShare, of.total) - OTHER_PROCESSES * of.occupied;
  const part = Math.max(usable / of.workers, of.occupied + limits.memoryGrowthMinBytes);
  return Math.floor(Math.min(part, shareOf(limits.memoryUsableShare, limits.workerMemoryMaxBytes)));
}

function shareOf(percent: number, whole: number): number {
  return Math.floor((percent * whole) / PERCENT);
}

/** Bytes; what limits a container counts. */
function machineMemory(): number {
  const total = totalmem();
  const constrained = process.constrainedMemory();
  return constrained > 0 ? Math.min(constrained, total) : total;
}

/** Sockets and pipes: whatever may pile up. Files are open for moments. */
function descriptorsInUse(): number {
  let count = 0;
  for (const name of process.getActiveResourcesInfo()) {
    if (name.endsWith("Wrap")) count += 1;
  }
  return count;
}

/** RLIMIT_NOFILE of this process, which Node.js has raised as far as it may. */
function descriptorsMax(): number {
  Reflect.set(process.report, "excludeNetwork", true); // it would look up names; Node's types forget it
  const report: unknown = process.report.getReport();
  const userLimits = fieldOf(report, "userLimits");
  const soft = fieldOf(fieldOf(userLimits, "open_files"), "soft");
  if (soft === "unlimited") return Number.MAX_SAFE_INTEGER;
  return typeof soft === "number" ? soft : DESCRIPTORS_ASSUMED;
}

function fieldOf(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null ? Reflect.get(value, name) : undefined;
}

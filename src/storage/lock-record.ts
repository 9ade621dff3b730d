import { formatTime } from "../base/format-time.ts";
import type { OwnerProcess, ProcessFacts } from "./owner-process.ts";
import { formatRecord, parseRecord } from "./record.ts";

/** What the file `lock` says of the program that holds the lease, or held it last. */
export interface LockRecord extends OwnerProcess {
  /** Random, made anew for each lease. */
  readonly owner: string;
  /** Grows with each change of owner. */
  readonly fencing: number;
  /** When the owner last said that it is there; milliseconds since the epoch, by its own clock. */
  readonly heartbeatAt: number;
  /** Was the lease given back? */
  readonly isReleased: boolean;
}

/** The owner says that it is there this often. */
export const HEARTBEAT_EVERY_MS = 5_000;
/** Three heartbeats missed: the owner is taken for dead. */
export const STALE_AFTER_MS = 15_000;
/**
 * The file always has this size, so that a heartbeat is one write in place: it needs no space on a
 * full disk, and never leaves the file empty.
 */
const LOCK_BYTES = 1_024;

/** The bytes of the file. */
export function formatLock(record: LockRecord): Buffer {
  const text = formatRecord({
    owner: record.owner,
    pid: record.pid,
    host: record.host,
    place: record.place,
    started: record.started,
    fencing: record.fencing,
    heartbeatAt: formatTime(record.heartbeatAt),
    state: record.isReleased ? "released" : "held",
  });
  const bytes = Buffer.alloc(LOCK_BYTES, " ");
  if (Buffer.byteLength(text) >= LOCK_BYTES) throw new TypeError("Cannot write the lock: too long");
  bytes.write(text);
  bytes.write("\n", LOCK_BYTES - 1);
  return bytes;
}

/** The record in the file, or `undefined` for what is none: empty, cut short, foreign. */
export function parseLock(bytes: Uint8Array): LockRecord | undefined {
  try {
    const fields = parseRecord(bytes, "lock");
    return {
      owner: fields.text("owner"),
      pid: fields.count("pid"),
      host: fields.text("host"),
      place: fields.optionalText("place"),
      started: fields.optionalText("started"),
      fencing: fields.count("fencing"),
      heartbeatAt: fields.time("heartbeatAt"),
      isReleased: fields.text("state") === "released",
    };
  } catch {
    return undefined;
  }
}

/**
 * May the lease be taken at once? Yes when it was given back; when its process is known to be gone; and
 * when this machine was started anew and the last heartbeat is long past. Whatever else stands in
 * the file has to be watched: see {@link STALE_AFTER_MS}.
 *
 * @param found what {@link ProcessFacts.find} says of the process named in the record.
 */
export function isFree(
  record: LockRecord,
  here: OwnerProcess,
  found: ProcessFacts,
  now: number,
): boolean {
  if (record.isReleased) return true;
  if (record.host !== here.host) return false;
  if (record.place === here.place) return isGone(record, found);
  // Another boot, or another container, of a machine with our name: only the clock can tell.
  return now - record.heartbeatAt > STALE_AFTER_MS;
}

/** A pid that is in use again belongs to a process that started at another time. */
function isGone(record: LockRecord, found: ProcessFacts): boolean {
  if (!found.isAlive) return true;
  return found.started !== undefined && found.started !== record.started;
}

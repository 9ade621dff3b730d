import { randomBytes, randomUUID } from "node:crypto";
import { link, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { codeOf } from "../base/errors.ts";
import { failed } from "./failure.ts";
import { temporaryName } from "./layout.ts";
import { createLock, HeldLease, type Lease, type LeaseOptions, locked } from "./lease.ts";
import { formatLock, isFree, type LockRecord, parseLock, STALE_AFTER_MS } from "./lock-record.ts";
import { findProcess, type OwnerProcess, thisProcess } from "./owner-process.ts";
import { RECORD_MAX_BYTES, readBounded } from "./read-file.ts";

/** A lock that another one holds is looked at this often. */
const POLL_EVERY_MS = 1_000;
/** Stands for a lock that is no file, or too large a one. */
const FOREIGN = Buffer.from("not a lock");

/**
 * Takes the lease on a storage folder: at once when nobody has it, or its holder is known to be gone;
 * else when the file has not changed for 15 s, whatever it says, so that an empty, foreign or
 * future-dated lock holds nobody for ever. That it waits, and why, is told (event `storage.lease-awaited`). The caller owns the lease and releases it.
 *
 * @throws {LatchkeyError} `STORAGE_LOCKED` as soon as the holder gives a sign of life;
 *   `STORAGE_FAILED` when the lock cannot be read or written; the signal's reason when aborted.
 */
export async function acquireLease(options: LeaseOptions, signal: AbortSignal): Promise<Lease> {
  const here = await thisProcess();
  let watched: Buffer | undefined;
  let unchangedMs = 0;
  while (true) {
    signal.throwIfAborted();
    const seen = await readLock(options.path);
    const isUnchanged = seen !== undefined && watched?.equals(seen) === true;
    unchangedMs = isUnchanged ? unchangedMs + POLL_EVERY_MS : 0;
    const isStale = unchangedMs >= STALE_AFTER_MS;
    if (isStale || (await mayTake(seen, here, options.clock.now()))) {
      const lease = await claim(options, here, seen);
      if (lease !== undefined) return lease;
    } else if (watched === undefined) {
      tellWait(options, here, seen);
    } else if (!isUnchanged) {
      throw locked(options.path, seen);
    }
    watched = seen;
    await options.clock.sleep(POLL_EVERY_MS, signal);
  }
}

/** Nothing else is heard of this program until it has the lease. */
function tellWait({ path, log }: LeaseOptions, here: OwnerProcess, seen?: Buffer): void {
  const why = whyAwaited(seen && parseLock(seen), here);
  log.warn("storage.lease-awaited", { path, why, seconds: STALE_AFTER_MS / 1_000 });
}

function whyAwaited(holder: LockRecord | undefined, here: OwnerProcess): string {
  if (holder === undefined)
    return "the lock says of no program that it holds it: it is empty, cut short or foreign";
  const who = `process ${holder.pid} on ${holder.host}`;
  return holder.host === here.host && holder.place === here.place
    ? `${who} holds it`
    : `${who} may hold it, and nobody can tell from here whether it lives`;
}

async function mayTake(seen: Buffer | undefined, here: OwnerProcess, now: number) {
  if (seen === undefined) return true;
  const record = parseLock(seen);
  return record !== undefined && isFree(record, here, await findProcess(record.pid), now);
}

/** Tries to put our lock in the place of `seen`; `undefined` when somebody else was quicker. */
async function claim(
  options: LeaseOptions,
  here: OwnerProcess,
  seen: Buffer | undefined,
): Promise<Lease | undefined> {
  const { path, clock } = options;
  if (seen !== undefined) await takeAway(path, seen);
  const record: LockRecord = {
    ...here,
    owner: options.owner ?? randomUUID(),
    fencing: ((seen && parseLock(seen)?.fencing) ?? 0) + 1,
    heartbeatAt: clock.now(),
    isReleased: false,
  };
  try {
    const file = await createLock(path, formatLock(record));
    return new HeldLease(options, record, file);
  } catch (cause) {
    if (codeOf(cause) === "EEXIST") return undefined;
    throw failed(`write "${path}"`, cause);
  }
}

/**
 * Removes the lock if it is still the one that was `seen`. Of several programs that try, a rename lets
 * one have it; and one that judged an older lock finds out here, and puts the live one back.
 */
async function takeAway(path: string, seen: Buffer): Promise<void> {
  const aside = join(dirname(path), temporaryName(randomBytes(8).toString("hex")));
  try {
    await rename(path, aside);
  } catch (cause) {
    if (codeOf(cause) === "ENOENT") return;
    throw failed(`take over "${path}"`, cause);
  }
  const taken = await readLock(aside);
  const isStillIt = taken?.equals(seen) ?? false;
  // Where a link cannot be made, the live owner makes its lock anew when it misses it.
  if (!isStillIt) await link(aside, path).catch(() => undefined);
  // If it cannot be removed now, the next holder sweeps it up.
  await rm(aside, { recursive: true, force: true }).catch(() => undefined);
  if (!isStillIt) throw locked(path, taken);
}

/** The lock's bytes, or `undefined` when there is none. */
async function readLock(path: string): Promise<Buffer | undefined> {
  try {
    return await readBounded(path, RECORD_MAX_BYTES);
  } catch (error) {
    if (codeOf(error) !== "STORAGE_CORRUPT") throw error;
    return FOREIGN;
  }
}

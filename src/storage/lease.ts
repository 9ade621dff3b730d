import { constants } from "node:fs";
import { type FileHandle, lstat, open, rm } from "node:fs/promises";
import { dirname } from "node:path";
import type { Clock } from "../base/clock.ts";
import { codeOf, LatchkeyError } from "../base/errors.ts";
import { failureFacts, type Log } from "../base/log.ts";
import { syncFolder, writeAll } from "./atomic-write.ts";
import { failed } from "./failure.ts";
import { formatLock, HEARTBEAT_EVERY_MS, type LockRecord, parseLock } from "./lock-record.ts";

/** The permission to write into one storage folder, held by one program at a time. */
export interface Lease extends AsyncDisposable {
  /** Is it ours, as far as we know? */
  readonly held: boolean;
  /** Grew by one when we took it. */
  readonly fencing: number;
  /** Aborted when another program has taken it (event `storage.lease-lost`). */
  readonly lost: AbortSignal;
  /**
   * Resolves when it is ours at this moment.
   *
   * @throws {LatchkeyError} `STORAGE_LOCKED` when it is not, `STORAGE_FAILED` when that cannot be found out.
   */
  confirm(): Promise<void>;
  /** Gives it back, so that the next program takes it at once. Never fails; the second time does nothing. */
  release(): Promise<void>;
}

export interface LeaseOptions {
  /** Path of the file `lock`. */
  readonly path: string;
  readonly clock: Clock;
  readonly log: Log;
  /** Names the holder in the file; random unless given. */
  readonly owner?: string | undefined;
  /**
   * Makes the folder of the lock anew when that was deleted with it, or rejects where nothing of ours may be
   * written.
   */
  prepare(): Promise<void>;
}

const LOCK_MODE = 0o600;
const NEW_LOCK = constants.O_RDWR | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;

/**
 * Makes the lock file, which must not exist (`EEXIST`); the caller owns the handle. Who reads it before
 * the bytes are in it finds an empty lock, and watches that.
 */
export async function createLock(path: string, bytes: Buffer): Promise<FileHandle> {
  const file = await open(path, NEW_LOCK, LOCK_MODE);
  try {
    await file.chmod(LOCK_MODE);
    await writeAll(file, bytes);
    await file.sync();
    await syncFolder(dirname(path));
    return file;
  } catch (cause) {
    // An empty lock would keep everybody waiting, ourselves included.
    await file.close().catch(() => undefined);
    await rm(path, { force: true }).catch(() => undefined);
    throw cause;
  }
}

/** Another program holds the lease; the message names it as far as `bytes` of the lock do. */
export function locked(path: string, bytes: Buffer | undefined): LatchkeyError {
  const holder = bytes === undefined ? undefined : parseLock(bytes);
  const who = holder === undefined ? "" : ` (process ${holder.pid} on ${holder.host})`;
  return new LatchkeyError(
    "STORAGE_LOCKED",
    `Cannot write into "${dirname(path)}": another program holds its lease${who}`,
    { path, pid: holder?.pid },
  );
}

/** Nobody took it from us: a program that ends, or makes room at a reload, has something left to write. */
function givenBack(path: string): LatchkeyError {
  return new LatchkeyError(
    "STORAGE_LOCKED",
    `Cannot write into "${dirname(path)}": this process has given its lease back`,
    { path },
  );
}

/**
 * A lease that was taken. It is ours as long as the name `lock` leads to the very file we hold open:
 * who takes over makes a new file, so one look before each write is a true answer, whatever the
 * clocks say and however long this process was stopped.
 */
export class HeldLease implements Lease {
  readonly #options: LeaseOptions;
  readonly #lost = new AbortController();
  readonly #stop = new AbortController();
  readonly #beating: Promise<void>;
  #record: LockRecord;
  #file: FileHandle;
  #confirming: Promise<void> | undefined;
  #isFailing = false;

  /** Owns `file`, which holds `record`, and starts the heartbeat. */
  constructor(options: LeaseOptions, record: LockRecord, file: FileHandle) {
    this.#options = options;
    this.#record = record;
    this.#file = file;
    this.#beating = this.#beat();
  }

  get held(): boolean {
    return !this.#stop.signal.aborted;
  }

  get fencing(): number {
    return this.#record.fencing;
  }

  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  confirm(): Promise<void> {
    this.#confirming ??= this.#look().finally(() => {
      this.#confirming = undefined;
    });
    return this.#confirming;
  }

  async release(): Promise<void> {
    if (this.#record.isReleased) return;
    this.#record = { ...this.#record, isReleased: true };
    this.#stop.abort();
    await this.#beating;
    await this.#confirming?.catch(() => undefined);
    // If this cannot be written, the next program sees that the process is gone, or waits 15 s.
    await writeAll(this.#file, formatLock(this.#record)).catch(() => undefined);
    await this.#file.close().catch(() => undefined);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.release();
  }

  async #beat(): Promise<void> {
    const { clock, log } = this.#options;
    while (this.held) {
      try {
        await clock.sleep(HEARTBEAT_EVERY_MS, this.#stop.signal);
        await this.confirm();
        this.#record = { ...this.#record, heartbeatAt: clock.now() };
        await writeAll(this.#file, formatLock(this.#record));
        this.#isFailing = false;
      } catch (error) {
        if (!this.held) return;
        // The lease stays ours until somebody takes it; told once, not every 5 s.
        if (!this.#isFailing) log.warn("storage.heartbeat-failed", failureFacts(error));
        this.#isFailing = true;
      }
    }
  }

  async #look(): Promise<void> {
    const { path } = this.#options;
    if (this.#record.isReleased) throw givenBack(path);
    if (!this.held) throw locked(path, undefined);
    try {
      if (!(await this.#isOurs())) throw this.#lose();
    } catch (cause) {
      // ENOTDIR: something else stands where the folder was.
      const isGone = codeOf(cause) === "ENOENT" || codeOf(cause) === "ENOTDIR";
      if (!isGone) throw failed(`read "${path}"`, cause);
      await this.#makeAnew();
    }
  }

  async #isOurs(): Promise<boolean> {
    const ours = await this.#file.stat();
    const found = await lstat(this.#options.path);
    return found.ino === ours.ino && found.dev === ours.dev;
  }

  /** The file was deleted, perhaps with the whole folder: nobody has taken the lease by that. */
  async #makeAnew(): Promise<void> {
    const { path, prepare } = this.#options;
    try {
      await prepare();
      const before = this.#file;
      this.#file = await createLock(path, formatLock(this.#record));
      await before.close();
    } catch (cause) {
      if (codeOf(cause) !== "EEXIST") throw failed(`write "${path}"`, cause);
      // Who took it away in place of a dead one's has put it back by now.
      const isBack = await this.#isOurs().catch(() => false);
      if (!isBack) throw this.#lose();
    }
  }

  #lose(): LatchkeyError {
    const { path, log } = this.#options;
    const error = locked(path, undefined);
    this.#stop.abort();
    this.#lost.abort(error);
    log.error("storage.lease-lost", { path, fencing: this.#record.fencing });
    return error;
  }
}

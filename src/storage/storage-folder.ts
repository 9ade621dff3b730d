import type { Clock } from "../base/clock.ts";
import type { Log } from "../base/log.ts";

/** The storage folder as its parts see it. */
export interface StorageFolder {
  /** Absolute path. */
  readonly root: string;
  readonly clock: Clock;
  readonly log: Log;
  /**
   * Resolves when this program may write now; every write asks first.
   *
   * @throws {LatchkeyError} `STORAGE_LOCKED` without the lease, `STORAGE_FAILED` when the folder is read-only.
   */
  confirmWritable(): Promise<void>;
}

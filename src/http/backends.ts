import type { Deadlines } from "../backend/deadlines.ts";
import type { FailureLog } from "../backend/failure-log.ts";
import type { BackendNames } from "../backend/names.ts";
import type { BackendPool } from "../backend/pool.ts";
import type { SeatTools } from "../backend/seat.ts";
import type { SessionPool } from "../backend/session-pool.ts";
import type { Counts } from "../base/counts.ts";
import type { Loops } from "./loops.ts";

/** What the ways of all requests share. */
export interface Backends extends SeatTools {
  readonly names: BackendNames;
  readonly pool: BackendPool;
  readonly sessions: SessionPool;
  readonly deadlines: Deadlines;
  readonly failures: FailureLog;
  readonly loops: Loops;
  readonly counts: Counts;
}

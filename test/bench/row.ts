import type { Contender, Setup } from "./contenders/contender.ts";
import { cpuSecondsOf } from "./process-tree.ts";
import type { Scene } from "./scene.ts";

/** So many times as long as another one is the round that warms up. */
export const WARM_UP_TIMES = 10;

/** What a line of the table is about, and what we want of ourselves. */
export interface Line {
  /** For `--only`. */
  readonly name: string;
  readonly what: string;
  readonly unit: string;
  /** The most that we want, in its unit. */
  readonly most?: number;
  /** The least that we want, in its unit. */
  readonly least?: number;
  /** A line of ours that it is compared with, called so, and the most that we want as a ratio to it. */
  readonly beside?: { readonly row: string; readonly as: string; readonly most?: number };
}

/** One line of the table, for all contenders. */
export interface Row extends Line {
  /** The most that we want, as a ratio to each peer. */
  readonly goals: Readonly<Record<string, number>>;
  readonly setup: Setup;
  /** Is every figure taken of a program that has just started? */
  readonly isFresh?: boolean;
  /** How often at most, where once takes long; of a program that has just started. */
  readonly rounds?: number;
  /** So many times as long as another round is the one that warms up what V8 compiles, where the usual does not do. */
  readonly warmUpTimes?: number;
  /** Is what a bare program on Node.js costs told too (`contenders/bare-node.ts`)? */
  readonly hasFloor?: boolean;
  /** One figure; `seconds` is about how long it may take. */
  measure(contender: Contender, scene: Scene, seconds: number): Promise<number> | number;
}

/** Lines about us alone: what peers do not do, or do in a way that cannot be compared. */
export interface SoloRow {
  readonly lines: readonly Line[];
  /** Programs without which they are left out. */
  readonly needs?: readonly string[];
  /** How often at most, where once takes long. */
  readonly rounds?: number;
  /** Is it measured only when `--only` names it? */
  readonly isOnRequest?: boolean;
  /** One figure for each line; starts what it needs. */
  measure(seconds: number): Promise<readonly number[]> | readonly number[];
}

/** Microseconds of CPU, of all processes of a contender, for each piece of work of a load. */
export async function cpuPerPiece(
  { pid }: Contender,
  load: () => Promise<number> | number,
): Promise<number> {
  const before = cpuSecondsOf(pid);
  const pieces = await load();
  return ((cpuSecondsOf(pid) - before) / pieces) * 1_000_000;
}

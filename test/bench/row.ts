import type { Contender, Setup } from "./contenders/contender.ts";
import { cpuSecondsOf } from "./process-tree.ts";
import type { Scene } from "./scene.ts";

/** One line of the table. */
export interface Row {
  /** For `--only`. */
  readonly name: string;
  readonly what: string;
  readonly unit: string;
  /** The most that we want, as a ratio to each peer. */
  readonly goals: Readonly<Record<string, number>>;
  /** The most that we want, in its unit. */
  readonly most?: number;
  readonly setup: Setup;
  /** One figure; `seconds` is about how long it may take. */
  measure(contender: Contender, scene: Scene, seconds: number): Promise<number> | number;
}

/** A line about us alone: what peers do not do, or do in a way that cannot be compared. Starts what it needs. */
export interface SoloRow {
  readonly name: string;
  readonly what: string;
  readonly unit: string;
  readonly most: number;
  /** Programs without which it is left out. */
  readonly needs: readonly string[];
  measure(): Promise<number>;
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

import type { LoopDelay } from "../base/loop-delay.ts";
import { processUse } from "../base/process-use.ts";
import type { EventCounts } from "./event-counts.ts";
import { writeExposition } from "./exposition.ts";
import type { Gathering } from "./gathering.ts";
import { programTables } from "./program-metrics.ts";
import type { Snapshot } from "./snapshot.ts";
import { trafficTables } from "./traffic-metrics.ts";

/** Where the numbers come from. */
export interface ScrapeSources {
  /** When the configuration in force was read; milliseconds since the epoch. */
  readonly configuredAt: number;
  /** Was a later one rejected? */
  isRejected(): boolean;
  readonly counts: EventCounts;
  readonly gathering: Gathering;
  /** Of this process, the manager. */
  readonly delay: LoopDelay;
  snapshot(): Snapshot;
}

/** The answer to `GET /metrics`: what workers counted, and what the manager knows when they have said so. */
export async function scrape(sources: ScrapeSources): Promise<string> {
  const { configuredAt, counts, gathering, delay } = sources;
  const gathered = await gathering.gather();
  const processes = [processUse("manager"), ...gathered.uses];
  const sight = {
    ...{ snapshot: sources.snapshot(), isRejected: sources.isRejected() },
    ...{ configuredAt, processes, counts },
  };
  return await writeExposition([...programTables(sight), ...trafficTables(gathered, delay.take())]);
}

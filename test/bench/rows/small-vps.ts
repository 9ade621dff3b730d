import { setTimeout as delay } from "node:timers/promises";
import { memoryOf } from "../process-tree.ts";
import type { Row } from "../row.ts";

const MIB = 1_048_576;
/** What a start leaves behind has gone by then, as far as it goes by itself. */
const REST_MS = 3_000;

/** A program that has just started, with nothing to do. */
export const smallVpsRow: Row = {
  name: "vps",
  what: "at rest, one worker, ten hosts: memory of all processes",
  unit: "MiB (PSS)",
  goals: {},
  most: 120,
  setup: { workers: 1, logs: false },
  isFresh: true,
  measure: async ({ pid }) => {
    await delay(REST_MS);
    return memoryOf(pid) / MIB;
  },
};

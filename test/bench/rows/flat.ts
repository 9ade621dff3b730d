import { setTimeout as delay } from "node:timers/promises";
import { latchkey } from "../contenders/latchkey.ts";
import { wrk } from "../loads/wrk.ts";
import { memoryOf } from "../process-tree.ts";
import type { SoloRow } from "../row.ts";
import { Scene } from "../scene.ts";
import { median } from "../table.ts";
import { handshakes } from "./handshakes.ts";

const MIB = 1_048_576;
/** So many looks; those of the first part are of a program that still grows into its work. */
const SLICES = 20;
const GROWN_UP = 5;
const COMPARED = 5;
const REST_MS = 1_000;

/**
 * Traffic for `--seconds 3600`: large and small answers on connections that are kept, and new ones; what memory has
 * come to between the second quarter of the time and the last.
 */
export const flatRow: SoloRow = {
  lines: [
    {
      name: "flat",
      what: "memory of all processes, from the second quarter of an hour of traffic to the last",
      unit: "MiB more (PSS)",
      most: 5,
    },
  ],
  rounds: 1,
  isOnRequest: true,
  measure: async (seconds) => {
    await using scene = await Scene.open();
    const contender = await latchkey.start(scene, { workers: 1, logs: false });
    const third = Math.max(1, Math.round(seconds / SLICES / 3));
    const held: number[] = [];
    for (let slice = 0; slice < SLICES; slice += 1) {
      wrk(contender, "/small", { connections: 64, seconds: third });
      wrk(contender, "/64k", { connections: 64, seconds: third });
      handshakes(contender, "full", third);
      await delay(REST_MS); // what ends with a connection has ended
      held.push(memoryOf(contender.pid) / MIB);
    }
    process.stderr.write(`flat: ${held.map((each) => each.toFixed(0)).join(" ")} MiB\n`);
    const before = held.slice(GROWN_UP, GROWN_UP + COMPARED);
    return [median(held.slice(-COMPARED)) - median(before)];
  },
};

import type { Setup } from "../contenders/contender.ts";
import { latchkey } from "../contenders/latchkey.ts";
import { type Row, type SoloRow, WARM_UP_TIMES } from "../row.ts";
import { Scene } from "../scene.ts";
import { median } from "../table.ts";
import { costOfRequests } from "./http1.ts";

const PATH = "/small";
const TURNS = 7;
const PERCENT = 100;
const oneWorker: Setup = { workers: 1, logs: false };
const twoWorkers: Setup = { workers: 2, logs: false };

export const twoWorkersRow: Row = {
  name: "two-workers",
  what: "HTTP/1.1, keep-alive, small answers, two workers",
  unit: "µs CPU per request",
  goals: { nginx: 1.2 },
  setup: twoWorkers,
  measure: (contender, _scene, seconds) => costOfRequests(contender, PATH, seconds),
};

/** In turns, since minutes lie between this and the line about one worker, in which the machine changes by more than this. */
export const secondWorkerRow: SoloRow = {
  lines: [
    {
      name: "second-worker",
      what: "CPU of such a request with two workers, in turns with one",
      unit: "% of its",
      most: 110,
    },
  ],
  rounds: 1,
  measure: async (seconds) => {
    await using scene = await Scene.open();
    const one = await latchkey.start(scene, oneWorker);
    const two = await latchkey.start(scene, twoWorkers);
    for (const each of [one, two]) await costOfRequests(each, PATH, WARM_UP_TIMES * seconds);
    const ratios: number[] = [];
    for (let turn = 0; turn < TURNS; turn += 1) {
      const alone = await costOfRequests(one, PATH, seconds);
      ratios.push((PERCENT * (await costOfRequests(two, PATH, seconds))) / alone);
    }
    return [median(ratios)];
  },
};

import { readFileSync } from "node:fs";
import { h2load } from "../loads/h2load.ts";
import type { Row } from "../row.ts";

const HALF_LOAD_CLIENTS = 32;
const HALF_LOAD_RATE = 100;

export const latencyRow: Row = {
  name: "p99",
  what: `99th percentile at ${HALF_LOAD_CLIENTS * HALF_LOAD_RATE} requests a second`,
  unit: "µs",
  goals: { HAProxy: 1.2 },
  setup: { workers: 1, logs: false },
  measure: (contender, scene, seconds) => {
    const log = scene.path(`${contender.name}.p99`);
    const requests = HALF_LOAD_CLIENTS * HALF_LOAD_RATE * seconds;
    const rate = { clients: HALF_LOAD_CLIENTS, ratePerClient: HALF_LOAD_RATE };
    h2load(contender, "/small", { requests, streams: 1, isHttp1: true, log, ...rate });
    const lines = readFileSync(log, "utf8").trim().split("\n").slice(-requests);
    const times = lines.map((line) => Number(line.split("\t")[2])).toSorted((a, b) => a - b);
    return times[Math.floor(times.length * 0.99)] ?? Number.NaN;
  },
};

import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Contender } from "../contenders/contender.ts";
import { h2load } from "../loads/h2load.ts";
import { wrk } from "../loads/wrk.ts";
import { cpuPerPiece, type Row } from "../row.ts";
import { HOST, runLoad } from "../scene.ts";

const setup = { workers: 1, logs: false } as const;
const REQUESTS_PER_SECOND = 6_000;
/** Of resumptions that were offered. */
const RESUMED_LEAST = 0.95;

export const http2Row: Row = {
  name: "http2",
  what: "HTTP/2, 16 connections of 16 streams, small answers",
  unit: "µs CPU per request",
  goals: { nginx: 1.8, Caddy: 0.35 },
  setup,
  measure: (contender, _scene, seconds) => {
    const load = { requests: REQUESTS_PER_SECOND * seconds, clients: 16, streams: 16 };
    return cpuPerPiece(contender, () => h2load(contender, "/small", load));
  },
};

function handshakes({ port }: Contender, way: string, seconds: number, name = HOST) {
  const file = join(import.meta.dirname, "../loads/handshakes.ts");
  const printed = runLoad(process.execPath, [file, `${port}`, name, `${seconds}`, way]);
  const [count = 0, resumed = 0] = printed.split(" ").map(Number);
  return { count, resumed };
}

export const handshakeRows: readonly Row[] = [
  {
    name: "handshake",
    what: "full handshake and one request",
    unit: "µs CPU",
    goals: { nginx: 1.15 },
    setup,
    measure: (contender, _scene, seconds) =>
      cpuPerPiece(contender, () => handshakes(contender, "full", seconds).count),
  },
  {
    name: "resumed",
    what: "resumed handshake and one request, two workers",
    unit: "µs CPU",
    goals: { nginx: 1.15 },
    setup: { workers: 2, logs: false },
    measure: (contender, _scene, seconds) =>
      cpuPerPiece(contender, () => {
        const { count, resumed } = handshakes(contender, "resumed", seconds);
        if (resumed < RESUMED_LEAST * count)
          process.stderr.write(`${contender.name} resumed ${resumed} of ${count}\n`);
        return count;
      }),
  },
  {
    name: "refused",
    what: "hello with a name that nobody has",
    unit: "µs CPU",
    goals: {},
    setup,
    measure: (contender, _scene, seconds) =>
      cpuPerPiece(
        contender,
        () => handshakes(contender, "refused", seconds, "nobody.example").count,
      ),
  },
];

export const webSocketRow: Row = {
  name: "websocket",
  what: "WebSocket, echo of 1 KiB",
  unit: "µs CPU per message",
  goals: { nginx: 1.1 },
  setup,
  measure: ({ port, ...contender }, _scene, seconds) => {
    const file = join(import.meta.dirname, "../loads/echoes.ts");
    const url = `wss://${HOST}:${port}/sink`;
    return cpuPerPiece({ port, ...contender }, () =>
      Number(runLoad(process.execPath, [file, url, `${seconds}`])),
    );
  },
};

const HALF_LOAD_CLIENTS = 32;
const HALF_LOAD_RATE = 100;

export const latencyRow: Row = {
  name: "p99",
  what: `99th percentile at ${HALF_LOAD_CLIENTS * HALF_LOAD_RATE} requests a second`,
  unit: "µs",
  goals: { HAProxy: 1.2 },
  setup,
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

export const twoWorkersRow: Row = {
  name: "two-workers",
  what: "HTTP/1.1, keep-alive, small answers, two workers",
  unit: "µs CPU per request",
  goals: { nginx: 1.2 },
  setup: { workers: 2, logs: false },
  measure: (contender, _scene, seconds) =>
    cpuPerPiece(contender, () => wrk(contender, "/small", { connections: 64, seconds })),
};

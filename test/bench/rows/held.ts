import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { temporaryFolder } from "../../support/folders.ts";
import { Latchkey } from "../../support/latchkey.ts";
import { h2load } from "../loads/h2load.ts";
import { memoryOf } from "../process-tree.ts";
import type { SoloRow } from "../row.ts";
import { HOST } from "../scene.ts";

const HELD = 10_000;
const SPREAD = 2_000;
const MIB = 1_048_576;
const PERCENT = 100;
const GOOD_CLIENTS = 8;
const GOOD_PER_CLIENT = 50;
const GOOD_SECONDS = 4;
/** What the handshakes have left behind has gone by then, as far as it goes by itself: V8 takes half a minute. */
const REST_MS = 40_000;

/** Two workers with room for all of them, and patience until the last has come. */
const config = `
workers: 2
limits: { connectionsMax: 30000, connectionsPerClientMax: 30000, keepAliveTimeoutMs: 600000, requestsPerConnectionMax: 1000000 }
hosts: { ${HOST}: { respond: ok } }`;

export const heldRows: readonly SoloRow[] = [
  {
    lines: [
      {
        name: "idle-10k",
        what: `${HELD.toLocaleString("en")} idle TLS connections on two workers: memory of all processes`,
        unit: "MiB (PSS)",
        most: 700,
      },
      {
        name: "idle-10k-p99",
        what: "99th percentile of requests beside them",
        unit: "µs",
        beside: { row: "alone-p99", as: "without them", most: 1.5 },
      },
      {
        name: "alone-p99",
        what: `${GOOD_CLIENTS * GOOD_PER_CLIENT} requests a second without them: 99th percentile`,
        unit: "µs",
      },
    ],
    needs: ["h2load"],
    rounds: 2,
    measure: async () => {
      await using latchkey = await started();
      const alone = await goodTraffic(latchkey);
      await using _held = await hold(latchkey, HELD);
      await delay(REST_MS);
      const memory = memoryOf(latchkey.process.pid ?? 0) / MIB;
      return [memory, await goodTraffic(latchkey), alone];
    },
  },
  {
    lines: [
      {
        name: "spread",
        what: `${SPREAD.toLocaleString("en")} connections on two workers: on the one that has more`,
        unit: "%",
        most: 60,
      },
    ],
    measure: async () => {
      await using latchkey = await started();
      const { workers } = await latchkey.status();
      const before = workers.map(({ pid }) => socketsOf(pid));
      await using _held = await hold(latchkey, SPREAD);
      const came = workers.map(({ pid }, index) => socketsOf(pid) - (before[index] ?? 0));
      return [(PERCENT * Math.max(...came)) / SPREAD];
    },
  },
];

async function started(): Promise<Latchkey> {
  const latchkey = await Latchkey.start({ config });
  await latchkey.event("certificate.swapped");
  return latchkey;
}

/** So many connections, until it is disposed of. */
async function hold({ httpsPort }: Latchkey, count: number): Promise<AsyncDisposable> {
  const file = join(import.meta.dirname, "../loads/held.ts");
  const child = spawn(process.execPath, [file, `${httpsPort}`, HOST, `${count}`], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const exited = once(child, "exit");
  const [line] = await Promise.race([once(child.stdout, "data"), exited]);
  if (Number(`${line}`) !== count) throw new Error(`Cannot hold ${count} connections: ${line}`);
  return {
    [Symbol.asyncDispose]: async () => {
      child.stdin.end();
      const [code] = await exited;
      if (code !== 0) throw new Error(`Cannot hold ${count} connections: it ended with ${code}`);
    },
  };
}

/** The 99th percentile in microseconds; every request must be answered. */
async function goodTraffic({ httpsPort: port, process: { pid = 0 } }: Latchkey): Promise<number> {
  await using folder = await temporaryFolder();
  const log = join(folder.path, "log");
  const rate = { clients: GOOD_CLIENTS, ratePerClient: GOOD_PER_CLIENT };
  const requests = GOOD_CLIENTS * GOOD_PER_CLIENT * GOOD_SECONDS;
  const options = { requests, streams: 1, isHttp1: true, log, ...rate };
  h2load({ name: "Latchkey", port, pid }, "/", options);
  const lines = readFileSync(log, "utf8").trim().split("\n");
  const times = lines.map((line) => Number(line.split("\t")[2])).toSorted((a, b) => a - b);
  return times[Math.floor(times.length * 0.99)] ?? Number.NaN;
}

/** How many sockets a process has open. */
function socketsOf(pid: number): number {
  const folder = `/proc/${pid}/fd`;
  return readdirSync(folder).filter((fd) => linkOf(join(folder, fd)).startsWith("socket:")).length;
}

/** It may have been closed since it was listed. */
function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return "";
  }
}

/**
 * What the processes of Latchkey, and of nginx beside them, ask of the kernel for one request: system calls by name,
 * over keep-alive connections. `npm run bench:calls`; needs strace, nginx, h2load, and the rights to trace.
 */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import type { Contender } from "./contenders/contender.ts";
import { latchkey } from "./contenders/latchkey.ts";
import { nginx } from "./contenders/nginx.ts";
import { h2load } from "./loads/h2load.ts";
import { treeOf } from "./process-tree.ts";
import { handshakes } from "./rows/handshakes.ts";
import { Scene } from "./scene.ts";

interface Load {
  readonly what: string;
  /** How many requests there were. */
  run(contender: Contender): number;
}

function kept(path: string, requests: number, clients: number): Load["run"] {
  return (contender) => h2load(contender, path, { requests, clients, streams: 1, isHttp1: true });
}

const UPLOAD_BYTES = 1_048_576;
const HANDSHAKE_SECONDS = 3;
const LOADS: readonly Load[] = [
  { what: "small, one connection", run: kept("/small", 2_000, 1) },
  { what: "small, 64 connections", run: kept("/small", 6_400, 64) },
  { what: "64 KiB, one connection", run: kept("/64k", 500, 1) },
  {
    what: "upload of 1 MiB, one connection",
    run: (contender) => {
      const upload = scene.write("body", "x".repeat(UPLOAD_BYTES));
      const options = { requests: 100, clients: 1, streams: 1, isHttp1: true, upload };
      return h2load(contender, "/sink", options);
    },
  },
  {
    what: "full handshake and one request",
    run: (contender) => handshakes(contender, "full", HANDSHAKE_SECONDS).count,
  },
];
/** Seldom ones are of the connections, not of the requests. */
const TOLD_FROM = 0.05;

/** A line of strace's summary: share, seconds, microseconds for each, calls, maybe errors, name. */
const SUMMARY_LINE = /^ *[\d.]+ +[\d.]+ +\d+ +(\d+) +(?:\d+ +)?(\w+)$/;

// Else the first start does it while it is looked at.
spawnSync("sh", ["src/latchkey.sh", "--compile"], { stdio: "inherit" });
await using scene = await Scene.open();
for (const maker of [latchkey, nginx]) {
  const contender = await maker.start(scene, { workers: 1, logs: false });
  for (const { what, run } of LOADS) {
    run(contender); // first, what is done once: code is compiled, connections to the backend are made
    const { requests, calls } = await callsUnder(contender, run);
    print(`${contender.name}, ${what}`, requests, calls);
  }
  await scene.end(contender.pid);
}

/** Calls by name while the load runs, those of all processes of the contender. */
async function callsUnder(
  contender: Contender,
  run: Load["run"],
): Promise<{
  readonly requests: number;
  readonly calls: readonly (readonly [name: string, calls: number])[];
}> {
  const summary = scene.path("summary");
  const strace = await attach(treeOf(contender.pid), summary);
  const requests = run(contender);
  strace.kill("SIGINT");
  await once(strace, "exit");
  const lines = readFileSync(summary, "utf8").split("\n");
  const calls = lines.flatMap((line): (readonly [string, number])[] => {
    const [, count, name] = SUMMARY_LINE.exec(line) ?? [];
    return name === undefined || name === "total" ? [] : [[name, Number(count)]];
  });
  return { requests, calls };
}

async function attach(pids: readonly number[], summary: string): Promise<ChildProcess> {
  const args = ["-f", "-c", "-o", summary, ...pids.flatMap((pid) => ["-p", `${pid}`])];
  const strace = spawn("strace", args, { stdio: ["ignore", "ignore", "pipe"] });
  const attached = new Set<string>();
  for await (const piece of strace.stderr
    .setEncoding("utf8")
    .iterator({ destroyOnReturn: false })) {
    for (const [, pid] of `${piece}`.matchAll(/Process (\d+) attached/g)) attached.add(`${pid}`);
    if (pids.every((pid) => attached.has(`${pid}`))) break;
  }
  strace.stderr.resume();
  return strace;
}

function print(
  what: string,
  requests: number,
  calls: readonly (readonly [name: string, calls: number])[],
): void {
  const each = calls.map(([call, count]) => [call, count / requests] as const);
  const told = each.filter(([, count]) => count >= TOLD_FROM).sort((a, b) => b[1] - a[1]);
  const total = each.reduce((sum, [, count]) => sum + count, 0);
  const list = told.map(([call, count]) => `${call} ${count.toFixed(2)}`).join(", ");
  process.stdout.write(`${what}: ${total.toFixed(2)} a request: ${list}\n`);
}

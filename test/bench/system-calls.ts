/**
 * What the processes of Latchkey, and of nginx beside them, ask of the kernel for one request: system calls by name,
 * over keep-alive connections. `npm run bench:calls`; needs strace, nginx, h2load, and the rights to trace.
 */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import type { Contender } from "./contenders/contender.ts";
import { latchkey } from "./contenders/latchkey.ts";
import { nginx } from "./contenders/nginx.ts";
import { h2load } from "./loads/h2load.ts";
import { treeOf } from "./process-tree.ts";
import { Scene } from "./scene.ts";

interface Load {
  readonly what: string;
  readonly path: string;
  readonly requests: number;
  readonly clients: number;
  readonly uploadBytes?: number;
}

const LOADS: readonly Load[] = [
  { what: "small, one connection", path: "/small", requests: 2_000, clients: 1 },
  { what: "small, 64 connections", path: "/small", requests: 6_400, clients: 64 },
  { what: "64 KiB, one connection", path: "/64k", requests: 500, clients: 1 },
  {
    ...{ what: "upload of 1 MiB, one connection", path: "/sink", requests: 100, clients: 1 },
    uploadBytes: 1_048_576,
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
  for (const load of LOADS) print(contender, load, await callsUnder(contender, load));
  await scene.end(contender.pid);
}

/** Calls by name while the load runs, those of all processes of the contender. */
async function callsUnder(
  contender: Contender,
  load: Load,
): Promise<readonly (readonly [name: string, calls: number])[]> {
  const { path, requests, clients, uploadBytes } = load;
  const options = { requests, clients, streams: 1, isHttp1: true };
  const upload = scene.path("body");
  if (uploadBytes !== undefined) writeFileSync(upload, Buffer.alloc(uploadBytes, "x"));
  const run = () =>
    h2load(contender, path, uploadBytes === undefined ? options : { ...options, upload });
  run(); // first, what is done once: code is compiled, connections to the backend are made
  const summary = scene.path("summary");
  const strace = await attach(treeOf(contender.pid), summary);
  run();
  strace.kill("SIGINT");
  await once(strace, "exit");
  const lines = readFileSync(summary, "utf8").split("\n");
  return lines.flatMap((line) => {
    const [, calls, name] = SUMMARY_LINE.exec(line) ?? [];
    return name === undefined || name === "total" ? [] : [[name, Number(calls)]];
  });
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
  { name }: Contender,
  { what, requests }: Load,
  calls: readonly (readonly [name: string, calls: number])[],
): void {
  const each = calls.map(([call, count]) => [call, count / requests] as const);
  const told = each.filter(([, count]) => count >= TOLD_FROM).sort((a, b) => b[1] - a[1]);
  const total = each.reduce((sum, [, count]) => sum + count, 0);
  const list = told.map(([call, count]) => `${call} ${count.toFixed(2)}`).join(", ");
  process.stdout.write(`${name}, ${what}: ${total.toFixed(2)} a request: ${list}\n`);
}

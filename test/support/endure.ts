import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import type { TestContext } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { askMetrics } from "./ask-metrics.ts";
import { leftMiB, privateMiB } from "./flood.ts";
import type { Latchkey } from "./latchkey.ts";
import { type Service, SteadyClient } from "./steady-client.ts";

/** A program with one worker that is flooded, and what a flood of it may cost. */
export interface Flooded {
  readonly latchkey: Latchkey;
  /** The host that a client of good will asks for meanwhile; it answers by itself. */
  readonly good: string;
  /** Does that client shake hands anew for each request? */
  readonly isAnew?: boolean;
  /** What the worker may occupy more while it lasts, and afterwards. */
  readonly heldMib: number;
  readonly leftMib: number;
}

/** What came of the attack, and how the client of good will was served. */
export interface Endured<T> extends Service {
  readonly outcome: T;
}

/** What strangers may put into the log each second: ten lines, with threefold slack. */
const LOG_BYTES_PER_SECOND = 3 * 10 * 400;
/** Connections that are over are put away in a program's own time. */
const SETTLE_MS = 30_000;
const LOOK_MS = 100;

/** The process id of the worker, if there is one alone. */
export async function workerOf(latchkey: Latchkey): Promise<number> {
  const { workers } = await latchkey.status();
  const [worker] = workers;
  assert.ok(worker !== undefined && workers.length === 1, `${workers.length} workers`);
  return worker.pid;
}

/**
 * Does this to the program, while somebody else wants to be served, and sees that they are, that the worker lives, that
 * the log stays small, and that neither memory nor a connection nor a descriptor stays behind.
 */
export async function endure<T>(
  t: TestContext,
  flooded: Flooded,
  attack: () => Promise<T>,
): Promise<Endured<T>> {
  const { latchkey, good, isAnew = false, heldMib, leftMib } = flooded;
  const pid = await workerOf(latchkey);
  const before = await privateMiB(pid);
  const openBefore = await openOf(latchkey, pid);
  const linesBefore = latchkey.lines.length;
  await using client = await SteadyClient.start(latchkey, good, isAnew);
  let held = 0;
  const looking = setInterval(async () => {
    held = Math.max(held, (await privateMiB(pid).catch(() => 0)) - before);
  }, LOOK_MS);
  const startedAt = performance.now();
  const outcome = await attack().finally(() => clearInterval(looking));
  const service = await client.stop();
  const seconds = (performance.now() - startedAt) / 1_000;
  const open = await settled(latchkey, pid, openBefore);
  const left = await leftMiB(pid, before, leftMib);
  const logBytes = bytesOf(latchkey, linesBefore);
  const { answers, failed, p99Ms, worstMs } = service;
  t.diagnostic(
    `${seconds.toFixed(1)} s; ${answers} others, 99 of 100 in ${p99Ms.toFixed()} ms, the worst in ${worstMs.toFixed()} ms; ` +
      `${held.toFixed(1)} MiB held, ${left.toFixed(1)} MiB left; ${logBytes} bytes of log`,
  );
  assert.deepEqual(failed, []);
  assert.ok(answers > 0, "nobody else was served");
  assert.equal(await workerOf(latchkey), pid, "the worker has died");
  assert.ok(isNoMore(open, openBefore), `${JSON.stringify(open)} ${JSON.stringify(openBefore)}`);
  assert.ok(held <= heldMib, `${held} MiB are held`);
  assert.ok(left <= leftMib, `${left} MiB are left`);
  assert.ok(logBytes <= LOG_BYTES_PER_SECOND * (seconds + 2), `${logBytes} bytes of log`);
  return { ...service, outcome };
}

/** What a worker has open. */
interface Open {
  readonly connections: number;
  readonly descriptors: number;
}

/** How many connections of clients the program has at this moment. */
export async function connectionsOf(latchkey: Latchkey): Promise<number> {
  const [sample] = (await askMetrics(latchkey)).get("latchkey_connections_open")?.samples ?? [];
  return sample?.value ?? Number.NaN;
}

async function openOf(latchkey: Latchkey, pid: number): Promise<Open> {
  const connections = await connectionsOf(latchkey);
  return { connections, descriptors: (await readdir(`/proc/${pid}/fd`)).length };
}

function isNoMore(now: Open, before: Open): boolean {
  return now.connections <= before.connections && now.descriptors <= before.descriptors;
}

/** What is open when it is no more than before, or stays for long. */
async function settled(latchkey: Latchkey, pid: number, before: Open): Promise<Open> {
  const until = performance.now() + SETTLE_MS;
  for (;;) {
    const now = await openOf(latchkey, pid);
    if (isNoMore(now, before) || performance.now() > until) return now;
    await sleep(LOOK_MS);
  }
}

/** How long the log is, but for its first lines. */
export function bytesOf({ lines }: Latchkey, from: number): number {
  const written = lines.slice(from).map((line) => `${JSON.stringify(line)}\n`);
  return Buffer.byteLength(written.join(""));
}

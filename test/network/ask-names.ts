import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, connect, createServer } from "node:net";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { promisify } from "node:util";
import { parentPort, workerData } from "node:worker_threads";
import { tcpOptions } from "../../src/backend/dial.ts";
import { systemNames } from "../../src/backend/system-names.ts";
import { keptLog } from "../support/stored.ts";

/** What is told to whoever started this thread. */
export interface AskedNames {
  readonly asked: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

/**
 * A thread that asks the system for a name and connects to where it leads, as a worker does for a backend, again and
 * again and keeping nothing, and tells how long its event loop had to wait meanwhile.
 */
const { name, count } = workerData as { readonly name: string; readonly count: number };
const server = createServer((socket) => socket.end());
await once(server.listen(0, "0.0.0.0"), "listening"); // wherever the name leads
const { port } = server.address() as AddressInfo;
const delay = monitorEventLoopDelay({ resolution: 1 });
delay.enable();
for (let each = 0; each < count; each += 1) {
  const names = systemNames(keptLog());
  const found = await promisify(names.lookup)(name, { all: true });
  assert.equal(found.length, 32);
  const socket = connect(tcpOptions({ host: name, port }, names));
  await once(socket.resume(), "close");
}
delay.disable();
server.close();
const told: AskedNames = {
  asked: count,
  p99Ms: delay.percentile(99) / 1e6,
  maxMs: delay.max / 1e6,
};
parentPort?.postMessage(told);

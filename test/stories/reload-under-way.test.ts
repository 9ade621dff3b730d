import assert from "node:assert/strict";
import { after, test } from "node:test";
import { runProgram } from "../support/client-program.ts";
import { Latchkey } from "../support/latchkey.ts";
import { Recorder } from "../support/recorder.ts";
import { openRaw } from "../support/visitor.ts";
import { acceptWebSocket, HANDSHAKE } from "../support/websocket.ts";

/** One program for all tests, in this order; the last one ends it. */
const backend = await Recorder.start();
const latchkey = await Latchkey.start({
  config: `
workers: 1
log: { access: on }
limits: { drainMaxMs: 1s, reloadDrainMaxMs: 1h }
hosts:
  shop.localhost: ${backend.port}
`,
});
after(async () => {
  await latchkey[Symbol.asyncDispose]();
  await backend[Symbol.asyncDispose]();
});
await latchkey.event("certificate.swapped");

const get = "GET / HTTP/1.1\r\nHost: shop.localhost\r\n\r\n";
const latchkeyOf = (command: string) =>
  runProgram("sh", ["src/latchkey.sh", command, "--config", latchkey.file]);

test("latchkey reload waits for the new processes, and not for what is open in the old ones, which status tells apart", async () => {
  using client = await openRaw(latchkey, "shop.localhost");
  client.say(get);
  const asked = await backend.connection(0);
  await asked.head();
  asked.say("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nhal");
  await client.has("hal");
  const { code, stdout, stderr } = await latchkeyOf("reload");
  assert.deepEqual([code, stdout, stderr], [0, "nothing has changed\n", ""]);

  const { workers } = await latchkey.status();
  assert.deepEqual(
    workers.map(({ ready, draining }) => ({ ready, draining })),
    [
      { ready: true, draining: false },
      { ready: true, draining: true },
    ],
  );
  assert.match((await latchkeyOf("status")).stdout, /worker 1 \(pid \d+, draining\)/);

  const left = latchkey.nextEvent("worker.exited");
  asked.say("f");
  assert.match(await client.finished(), /half$/);
  assert.equal((await left)["child"], "worker 1");
  assert.equal((await latchkey.event("request.done"))["why"], undefined);
});

test("D12: what the end of the program cuts, also in workers of before a reload, is told, and nobody else is blamed", async () => {
  using early = await openRaw(latchkey, "shop.localhost");
  early.say(get);
  await (await backend.connection(1)).head();
  assert.equal((await latchkeyOf("reload")).code, 0);
  using late = await openRaw(latchkey, "shop.localhost");
  late.say(HANDSHAKE.replace("shop.example", "shop.localhost"));
  await acceptWebSocket(await backend.connection(2));
  await late.has("101 Switching Protocols");

  assert.equal(await latchkey.stop("SIGTERM"), 0);
  const cut = latchkey.lines.filter(({ event }) => event === "worker.cut");
  assert.deepEqual(
    cut.map(({ level, connections }) => ({ level, connections })),
    [
      { level: "warn", connections: 1 },
      { level: "warn", connections: 1 },
    ],
  );
  const told = latchkey.lines.filter(
    ({ event, why }) => event === "request.done" && why !== undefined,
  );
  const why = "the time to finish was over: this worker was to end";
  assert.deepEqual(told.map((line) => [line["status"], line["why"]]).sort(), [
    [0, why],
    [101, why],
  ]);
});

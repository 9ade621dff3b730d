import assert from "node:assert/strict";
import { after, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { privateMiB } from "../support/flood.ts";
import {
  FRAME,
  FrameClient,
  frame,
  headers,
  request,
  settings,
  u32,
} from "../support/h2-frames.ts";
import { Latchkey } from "../support/latchkey.ts";
import { Recorder } from "../support/recorder.ts";
import { SteadyClient } from "../support/steady-client.ts";
import { strain } from "../support/strain.ts";
import { openTls } from "../support/visitor.ts";

const HOST = "shop.localhost";
const GOOD = "good.localhost";
/** Few enough that the worker is not overloaded by what the rounds before have left for V8 to collect. */
const SESSIONS = 60;
const STREAMS = 100;
const BODY = Buffer.alloc(131_072);
/** One answer for each connection: all of it finds room in the worker, and the connection would be used again. */
const HEAD = `HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: ${BODY.length}\r\n\r\n`;
/** In place of a minute, so that the test need not wait for that. */
const IDLE_MS = 10_000;
/** What the worker may hold for each session, with threefold slack. */
const HELD_MIB = 3 * 10;
/**
 * How much more it may occupy the third time: V8 may not have collected all of the round before yet, on a machine that does
 * other things as well (0.45 more was seen, and no more the third time than the second). Of a leak it would be the
 * whole of a round.
 */
const MORE_SHARE = 0.75;
/** What ninety-nine of a hundred answers to others may take meanwhile, with threefold slack, on a machine of our own. */
const P99_MS = 3 * 100;
const LOOK_MS = 100;

const backend = await Recorder.start(async (connection) => {
  await connection.head();
  connection.say(HEAD);
  connection.socket.write(BODY);
});
const latchkey = await Latchkey.start({
  config: `
workers: 1
limits: { writeIdleTimeoutMs: ${IDLE_MS / 1_000}s }
hosts: { ${HOST}: ${backend.port}, ${GOOD}: { respond: ok } }
`,
});
after(async () => {
  await latchkey[Symbol.asyncDispose]();
  await backend[Symbol.asyncDispose]();
});
for (const host of [HOST, GOOD])
  await latchkey.event("certificate.swapped", (line) => line["host"] === host);
const pid = (await latchkey.status()).workers[0]?.pid ?? 0;
const numbers = Array.from({ length: STREAMS }, (_, index) => 2 * index + 1);
const asked = numbers.map((stream) => headers(stream, request({ ":authority": HOST })));

/** A session whose answers all wait, with this much room for each. */
async function openSlow(window: number): Promise<FrameClient> {
  const socket = await openTls(latchkey, HOST, { ALPNProtocols: ["h2"] });
  const client = new FrameClient(socket, settings([1, 0], [4, window]));
  client.say(...asked);
  await client.until(() => numbers.every((stream) => client.has(stream)));
  return client;
}

/** Opens each window by a byte, once a second, until all answers are lost. */
async function drip(client: FrameClient): Promise<void> {
  while (client.of(FRAME.reset).length < STREAMS && !client.isClosed) {
    client.say(...numbers.map((stream) => frame(FRAME.windowUpdate, 0, stream, u32(1))));
    await sleep(1_000);
  }
}

/** What a round of slow readers came to. */
interface Round {
  /** MiB that the worker occupied at its height. */
  readonly heightMiB: number;
  readonly tookMs: number;
}

/** As many sessions as there are, with this much room for each answer, until all answers are lost. */
async function holdOut(window: number): Promise<Round> {
  using opened = new DisposableStack();
  const clients: FrameClient[] = [];
  let heightMiB = 0;
  // What waits for them comes after the heads that openSlow sees.
  const looking = setInterval(async () => {
    heightMiB = Math.max(heightMiB, await privateMiB(pid));
  }, LOOK_MS);
  opened.defer(() => clearInterval(looking));
  for (let session = 0; session < SESSIONS; session += 1)
    clients.push(opened.use(await openSlow(window)));
  const startedAt = performance.now();
  if (window > 0) await Promise.all(clients.map(drip));
  for (const client of clients) await client.until(() => client.of(FRAME.reset).length === STREAMS);
  return { heightMiB, tookMs: performance.now() - startedAt };
}

test(`T25: ${SESSIONS} sessions of ${STREAMS} answers each, taken by no byte, then by single ones, lose them in time, and hold no more the third time`, async (t) => {
  const idle = await privateMiB(pid);
  await using good = await SteadyClient.start(latchkey, GOOD);
  const none = await holdOut(0);
  const single = await holdOut(1);
  const again = await holdOut(0);
  const { answers, failed, p99Ms } = await good.stop();
  const strained = strain();
  const rounds = [none, single, again];
  const held = (none.heightMiB - idle) / SESSIONS;
  t.diagnostic(
    `${held.toFixed(1)} MiB for each session, ${rounds.map(({ heightMiB }) => heightMiB.toFixed()).join(", ")} MiB in all; ` +
      `lost after ${rounds.map(({ tookMs }) => tookMs.toFixed()).join(", ")} ms; ` +
      `${answers} others, 99 of 100 in ${p99Ms.toFixed()} ms; strain ${strained.toFixed(1)}`,
  );
  assert.deepEqual(failed, []);
  assert.ok(p99Ms <= P99_MS * strained, `${p99Ms} ms`);
  assert.ok(held <= HELD_MIB, `${held} MiB are held for each session`);
  for (const { tookMs } of rounds)
    assert.ok(tookMs <= 3 * IDLE_MS * strained, `lost after ${tookMs} ms`);
  const before = Math.max(none.heightMiB, single.heightMiB);
  assert.ok(again.heightMiB <= (1 + MORE_SHARE) * before, "the third time it holds more");
});

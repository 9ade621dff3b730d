import assert from "node:assert/strict";
import { test } from "node:test";
import type { Facts } from "../../src/base/errors.ts";
import { limits } from "../../src/config/limits.ts";
import { FRAME, FrameClient, frame, headers, settings, u32 } from "../support/h2-frames.ts";
import type { Script } from "../support/recorder.ts";
import { RelayScene } from "../support/relay-world.ts";
import { holdTicks } from "../support/ticks.ts";

const H2 = { protocol: "h2" } as const;
const STREAMS = 50;
const SIZE = 1_048_576;
const ANSWER = `HTTP/1.1 200 OK\r\nContent-Length: ${SIZE}\r\n\r\n${"x".repeat(SIZE)}`;
/** So much of each answer is taken in each step. */
const STEP_BYTES = 8_192;
/** That is half as fast again as is asked for. */
const STEP_MS = (STEP_BYTES * 1_000) / (1.5 * limits.h2AnswerMinBytesPerSecond);
const numbers = Array.from({ length: STREAMS }, (_, index) => 2 * index + 1);
const answer: Script = async (connection) => {
  await connection.head();
  connection.say(ANSWER);
};

/** Asks for all of them with windows that are closed. */
async function openAll(port: number): Promise<FrameClient> {
  const client = await FrameClient.connect(port, settings([1, 0], [4, 0]));
  client.say(...numbers.map((stream) => headers(stream)));
  return client;
}

function received(client: FrameClient): number {
  return client.of(FRAME.data).reduce((sum, { payload }) => sum + payload.length, 0);
}

/** Opens the windows of these answers, and waits for what that lets come. */
async function take(client: FrameClient, bytes: number, streams: readonly number[]): Promise<void> {
  const wanted = received(client) + bytes * streams.length;
  client.say(
    frame(FRAME.windowUpdate, 0, 0, u32(bytes * streams.length)),
    ...streams.map((stream) => frame(FRAME.windowUpdate, 0, stream, u32(bytes))),
  );
  await client.until(() => received(client) >= wanted);
}

test("A client that takes its answers slowly but steadily gets all fifty, whole", async (t) => {
  const pass = holdTicks(t);
  await using scene = await RelayScene.start(answer, {}, H2);
  using client = await openAll(scene.world.port);
  for (let left = SIZE; left > 0 && !client.isClosed; left -= STEP_BYTES) {
    await take(client, STEP_BYTES, numbers);
    for (let waited = 0; waited < STEP_MS; waited += limits.tickMs) pass(limits.tickMs);
  }
  await client.until(() => numbers.every((stream) => client.hasEnd(stream)));
  assert.deepEqual([received(client), client.of(FRAME.reset).length], [STREAMS * SIZE, 0]);
});

test("T26: A client that takes next to nothing any more loses its answers in time", async (t) => {
  const pass = holdTicks(t);
  const lines: Facts[] = [];
  const access = (facts: Facts) => void lines.push(facts);
  await using scene = await RelayScene.start(answer, {}, { ...H2, access });
  using client = await openAll(scene.world.port);
  await take(client, STEP_BYTES, numbers);
  for (let waited = 0; waited <= 2 * limits.writeIdleTimeoutMs; waited += limits.tickMs) {
    if (waited % 10_000 === 0) {
      client.say(frame(FRAME.windowUpdate, 0, 0, u32(1)), frame(FRAME.windowUpdate, 0, 1, u32(1)));
      await new Promise(setImmediate);
    }
    pass(limits.tickMs);
  }
  await client.until(() => client.of(FRAME.reset).length === STREAMS);
  assert.ok(received(client) > STREAMS * STEP_BYTES, "it took something");
  assert.equal(client.of(FRAME.goaway).length, 0);
  const whys = new Set(lines.map(({ why }) => why));
  assert.deepEqual(
    [lines.length, ...whys],
    [STREAMS, "the client takes nothing of what waits for it"],
  );
});

test("T26: Answers that wait together are judged together: no few of them live on the bytes of the others", async (t) => {
  const pass = holdTicks(t);
  await using scene = await RelayScene.start(answer, {}, H2);
  using client = await openAll(scene.world.port);
  const passPeriod = () => {
    for (let waited = 0; waited <= limits.writeIdleTimeoutMs; waited += limits.tickMs)
      pass(limits.tickMs);
  };
  await take(client, STEP_BYTES, numbers);
  passPeriod(); // which counts from here on
  const fifth = (limits.h2AnswerMinBytesPerSecond * limits.writeIdleTimeoutMs) / 5_000;
  await take(client, fifth, numbers);
  passPeriod();
  await client.until(() => client.of(FRAME.reset).length === STREAMS);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { Deadlines } from "../../src/backend/deadlines.ts";
import type { Facts } from "../../src/base/errors.ts";
import { limits } from "../../src/config/limits.ts";
import { ClientSocket } from "../../src/http/client-socket.ts";
import { FLAG, FRAME, FrameClient, frame, headers, settings, u32 } from "../support/h2-frames.ts";
import { RelayScene } from "../support/relay-world.ts";
import { connectPair } from "../support/socket-pair.ts";
import { holdTicks, MARGIN_MS, turns } from "../support/ticks.ts";
import { acceptWebSocket, CONNECT } from "../support/websocket.ts";

const PIECE = Buffer.alloc(65_536, "x");
/** Much more than the kernel takes for a client that does not read. */
const HELD_BYTES = 32_000_000;

/** So much is taken in each step of a client that is slow, and more than is asked of it. */
const STEP_BYTES = 4_096;
const STEP_MS = 15_000;
const MESSAGE_BYTES = 131_072;

/** A WebSocket over HTTP/2 whose client has opened no window, and a backend with a long message. */
async function openSlowly(access: (facts: Facts) => void) {
  const scene = await RelayScene.start(
    (connection) => acceptWebSocket(connection, "x".repeat(MESSAGE_BYTES)),
    {},
    { protocol: "h2", access },
  );
  const client = await FrameClient.connect(scene.world.port, settings([4, 0]));
  client.say(headers(1, CONNECT, FLAG.endHeaders));
  await client.until(() => client.status(1) === 200);
  return { scene, client };
}

function received(client: FrameClient): number {
  return client.of(FRAME.data, 1).reduce((sum, { payload }) => sum + payload.length, 0);
}

test("A WebSocket over h2 whose client takes a long message slowly but steadily goes on", async (t) => {
  const pass = holdTicks(t);
  const lines: Facts[] = [];
  const { scene, client } = await openSlowly((facts) => lines.push(facts));
  await using _scene = scene;
  using _client = client;
  while (received(client) < MESSAGE_BYTES) {
    const wanted = received(client) + STEP_BYTES;
    client.say(
      frame(FRAME.windowUpdate, 0, 0, u32(STEP_BYTES)),
      frame(FRAME.windowUpdate, 0, 1, u32(STEP_BYTES)),
    );
    await client.until(() => received(client) >= wanted);
    for (let waited = 0; waited < STEP_MS; waited += limits.tickMs) pass(limits.tickMs);
    await turns(2);
    assert.deepEqual(lines, []);
  }
  assert.equal(client.of(FRAME.reset).length, 0);
});

test("T26: A WebSocket over h2 whose client takes nothing is cut, and the line says so", async (t) => {
  const pass = holdTicks(t);
  const lines: Facts[] = [];
  const { scene, client } = await openSlowly((facts) => lines.push(facts));
  await using _scene = scene;
  using _client = client;
  for (let waited = 0; waited < limits.writeIdleTimeoutMs + 2 * MARGIN_MS; waited += limits.tickMs)
    pass(limits.tickMs);
  await client.until(() => client.of(FRAME.reset, 1).length > 0);
  assert.deepEqual(
    lines.map(({ status, why }) => [status, why]),
    [[101, "the client takes nothing of what waits for it"]],
  );
});

test("T26: A client that takes some of what waits for it is not cut; one that takes nothing is, and it is told why", async (t) => {
  const pass = holdTicks(t);
  using pair = await connectPair();
  pair.client.pause();
  const closed = Promise.withResolvers<string | undefined>();
  const deadlines = new Deadlines();
  const client = new ClientSocket(
    pair.server,
    {
      ...{ clientRead: () => {}, clientEnded: () => {}, clientDrained: () => {} },
      clientClosed: closed.resolve,
    },
    deadlines,
  );
  deadlines.watch(client);
  for (; client.waiting === 0; await turns()) client.write(PIECE);
  client.write(Buffer.alloc(HELD_BYTES));
  while (client.waiting > HELD_BYTES) {
    pair.client.read();
    await turns(1);
  }
  pass(limits.writeIdleTimeoutMs + MARGIN_MS);
  await turns();
  assert.deepEqual([client.waiting, client.socket.destroyed], [HELD_BYTES, false]);
  pass(limits.writeIdleTimeoutMs + MARGIN_MS);
  assert.equal(await closed.promise, "the client takes nothing of what waits for it");
  deadlines.forget(client);
});

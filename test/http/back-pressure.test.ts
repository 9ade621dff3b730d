import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import type { Recorded } from "../support/recorded.ts";
import { DATE } from "../support/recorder.ts";
import { get, post, RelayScene } from "../support/relay-world.ts";
import { holdTicks, MARGIN_MS, turns } from "../support/ticks.ts";

const PIECE = Buffer.alloc(65_536, "x");
const TOTAL = 64 * 1024 * 1024;
/** Kernel buffers of four sockets on loopback take up to 6 MiB each; ours must not be seen beside them. */
const HELD_MAX = 24 * 1024 * 1024;

/** Writes `TOTAL` bytes as fast as they are taken. */
async function flood(socket: Recorded["socket"]): Promise<void> {
  for (let sent = 0; sent < TOTAL && !socket.destroyed; sent += PIECE.length) {
    if (socket.write(PIECE)) continue;
    await new Promise((resolve) => socket.once("drain", resolve).once("close", resolve));
  }
}

async function stalled(read: () => number): Promise<void> {
  for (let before = -1; before !== read(); ) {
    before = read();
    for (let turn = 0; turn < 500; turn += 1) await new Promise(setImmediate);
  }
}

test("B8: A fast backend waits for a client that reads nothing, then the client gets it all", async () => {
  await using scene = await RelayScene.start(async (connection) => {
    await connection.head();
    connection.say(`HTTP/1.1 200 OK\r\nContent-Length: ${TOTAL}\r\n\r\n`);
    await flood(connection.socket);
  });
  scene.client.socket.pause();
  const before = process.memoryUsage().arrayBuffers;
  scene.client.say(get());
  const { socket } = await scene.backend.connection(0);
  await stalled(() => socket.bytesWritten);
  assert.ok(socket.bytesWritten < HELD_MAX, `took ${socket.bytesWritten} bytes ahead`);
  assert.ok(process.memoryUsage().arrayBuffers - before < 4 * 1024 * 1024);
  let received = 0;
  scene.client.socket.removeAllListeners("data");
  scene.client.socket.on("data", (text: string) => {
    received += text.length;
  });
  scene.client.socket.resume();
  while (received < TOTAL)
    await new Promise((resolve) => scene.client.socket.once("data", resolve));
});

test("B8: A fast client waits for a backend that reads nothing, then the backend gets it all", async () => {
  let received = 0;
  await using scene = await RelayScene.start((connection) => {
    connection.socket.pause();
    connection.socket.removeAllListeners("data");
    connection.socket.on("data", (text: string) => {
      received += text.length;
      if (received >= TOTAL) connection.say("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    });
    connection.socket.pause();
  });
  const { client } = scene;
  client.say(post(`Content-Length: ${TOTAL}\r\n`));
  const sending = flood(client.socket);
  await stalled(() => client.socket.bytesWritten);
  assert.ok(
    client.socket.bytesWritten < HELD_MAX,
    `took ${client.socket.bytesWritten} bytes ahead`,
  );
  (await scene.backend.connection(0)).socket.resume();
  await sending;
  await client.has("200 OK");
});

test("A client that resets its connection in the middle of a body that the backend does not read is noticed", async (t) => {
  const pass = holdTicks(t);
  await using scene = await RelayScene.start((connection) => {
    connection.socket.pause();
  });
  const { client } = scene;
  client.say(post(`Content-Length: ${TOTAL}\r\n`));
  const sending = flood(client.socket);
  const { socket } = await scene.backend.connection(0);
  await stalled(() => client.socket.bytesWritten);
  pass(MARGIN_MS);
  assert.equal(scene.world.relay.open, 1);
  client.socket.resetAndDestroy();
  await sending;
  pass(MARGIN_MS);
  await turns();
  assert.equal(scene.world.relay.open, 0, "its place is still taken");
  socket.resume();
  await once(socket, "end");
});

test("A client that pipelines and never reads is not answered beyond what it takes", async () => {
  const body = "x".repeat(60_000);
  const answer = `HTTP/1.1 200 OK\r\n${DATE}Content-Length: ${body.length}\r\n\r\n${body}`;
  let asked = 0;
  await using scene = await RelayScene.start(async (connection) => {
    for (let from = 0; ; from = connection.text.indexOf("\r\n\r\n", from) + 4) {
      await connection.head(from);
      asked += 1;
      connection.say(answer);
    }
  });
  scene.client.socket.pause();
  scene.client.say(get().repeat(900));
  await scene.backend.connection(0);
  await stalled(() => asked);
  assert.ok(asked < 300, `${asked} of 900 requests were answered to nobody`);
  scene.client.socket.resume();
  await scene.client.until(({ text }) => text.length === 900 * answer.length);
  assert.equal(scene.client.statuses.length, 900);
});

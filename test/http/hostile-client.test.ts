import assert from "node:assert/strict";
import { test } from "node:test";
import { limits } from "../../src/config/limits.ts";
import { RawClient } from "../support/raw-client.ts";
import type { Recorded } from "../support/recorded.ts";
import { answering, OK } from "../support/recorder.ts";
import { get, RelayScene, RelayWorld } from "../support/relay-world.ts";
import { holdTicks, MARGIN_MS } from "../support/ticks.ts";

/** Spellings that PHP and CGI read as a field of ours. */
const spellings = [
  "X.Forwarded.For",
  "X-Forwarded.For",
  "X_Real_IP",
  "X-Real.IP",
  "x.forwarded_proto",
];
for (const name of spellings) {
  test(`T22: A client cannot say ${name} to the backend`, async () => {
    await using scene = await RelayScene.start(answering(OK));
    scene.client.say(get(`${name}: 203.0.113.9\r\nX-A: b\r\n`));
    await scene.client.has("ok");
    assert.match(scene.backend.text, /\r\nX-A: b\r\n/);
    assert.ok(!scene.backend.text.toLowerCase().includes(name.toLowerCase()));
    assert.ok(!scene.backend.text.includes("203.0.113.9"));
  });
}

test("A connection that was just made when draining began gets its first request answered", async (t) => {
  const pass = holdTicks(t);
  await using world = await RelayWorld.start({
    action: { kind: "respond", status: 204, headers: {}, body: "" },
  });
  using fresh = await RawClient.connect(world.port);
  using silent = await RawClient.connect(world.port);
  while (world.relay.open < 2) await new Promise(setImmediate);
  world.relay.drain();
  pass(limits.firstRequestTimeoutMs - limits.tickMs);
  fresh.say(get());
  assert.match(await fresh.finished(), /^HTTP\/1\.1 204 [\s\S]*Connection: close\r\n\r\n$/);
  assert.equal(silent.isEnded, false);
  pass(MARGIN_MS);
  assert.equal(await silent.finished(), "");
});

/** The handshake of RFC 6455 §1.3. */
const HANDSHAKE = get(
  "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n",
);
const SWITCH =
  "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
const PIECE = Buffer.alloc(65_536, "x");

/** Writes until nothing is taken any more. */
async function fill(socket: Recorded["socket"]): Promise<void> {
  while (socket.write(PIECE)) await new Promise(setImmediate);
  for (let left = -1; left !== socket.writableLength; ) {
    left = socket.writableLength;
    for (let turn = 0; turn < 200; turn += 1) await new Promise(setImmediate);
    if (left === 0) while (socket.write(PIECE));
  }
}

const stalls: readonly { readonly who: "client" | "backend" }[] = [
  { who: "client" },
  { who: "backend" },
];
for (const { who } of stalls) {
  test(`A WebSocket whose ${who} takes nothing any more is closed long before an idle one`, async (t) => {
    const pass = holdTicks(t);
    await using scene = await RelayScene.start(async (connection) => {
      await connection.head();
      connection.say(SWITCH);
    });
    scene.client.say(HANDSHAKE);
    await scene.client.has("\r\n\r\n");
    const backend = await scene.backend.connection(0);
    const [stalled, flooding] =
      who === "client"
        ? [scene.client.socket, backend.socket]
        : [backend.socket, scene.client.socket];
    stalled.pause();
    await fill(flooding);
    pass(limits.writeIdleTimeoutMs - limits.tickMs);
    assert.equal(scene.world.relay.open, 1);
    pass(MARGIN_MS);
    while (scene.world.relay.open > 0) await new Promise(setImmediate);
  });
}

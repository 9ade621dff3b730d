import assert from "node:assert/strict";
import { test } from "node:test";
import { limits } from "../../src/config/limits.ts";
import { configOf } from "../support/config-text.ts";
import { RawClient } from "../support/raw-client.ts";
import type { Recorded } from "../support/recorded.ts";
import { OK, Recorder } from "../support/recorder.ts";
import { forwardTo, get, RelayScene, RelayWorld } from "../support/relay-world.ts";
import { acceptWebSocket, bytesOfAnyValue, HANDSHAKE } from "../support/websocket.ts";

const accept = (connection: Recorded) => acceptWebSocket(connection);

test("T28: A WebSocket is tunnelled both ways after a 101 that proves itself, its Origin untouched", async () => {
  await using scene = await RelayScene.start(accept);
  scene.client.say(HANDSHAKE);
  await scene.client.has("\r\n\r\n");
  const [connection] = scene.backend.connections;
  assert.match(
    scene.client.text,
    /^HTTP\/1\.1 101 Switching Protocols\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK\+xOo=\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n$/,
  );
  assert.match(scene.backend.text, /Upgrade: websocket\r\nConnection: Upgrade\r\n\r\n$/);
  assert.match(
    scene.backend.text,
    /Origin: https:\/\/a\.example\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n/,
  );
  scene.client.say("\x81\x02hi");
  await connection?.has("\x81\x02hi");
  connection?.say("\x81\x02yo");
  await scene.client.has("\x81\x02yo");
});

test("What either side says right behind its handshake is passed on", async () => {
  await using scene = await RelayScene.start((connection) => acceptWebSocket(connection, "first"));
  scene.client.say(`${HANDSHAKE}early`);
  await scene.client.has("\r\n\r\nfirst");
  await scene.backend.connections[0]?.has("\r\n\r\nearly");
});

test("Bytes of any value go through a WebSocket as they are, both ways, however they are cut", async () => {
  await using scene = await RelayScene.start(accept);
  scene.client.say(HANDSHAKE);
  await scene.client.has("\r\n\r\n");
  const [connection] = scene.backend.connections;
  const said = [1, 4_096, 4_097, 20_481, 69_633].map(bytesOfAnyValue);
  for (const piece of said) {
    scene.client.say(piece);
    await connection?.has(piece);
    connection?.say(piece);
    await scene.client.has(piece);
  }
  const all = said.join("");
  assert.ok(
    connection?.text.endsWith(`\r\n\r\n${all}`),
    "what the backend got is not what was said",
  );
  assert.ok(
    scene.client.text.endsWith(`\r\n\r\n${all}`),
    "what the client got is not what was said",
  );
});

test("T16: Nothing of the client reaches the backend before the 101", async () => {
  let answer = () => {};
  await using scene = await RelayScene.start(async (connection) => {
    await connection.head();
    answer = () => void acceptWebSocket(connection);
  });
  scene.client.say(HANDSHAKE + get("", "/smuggled"));
  const connection = await scene.backend.connection(0);
  await connection.head();
  assert.equal(connection.text.split("\r\n\r\n")[1], "");
  answer();
  await connection.has("/smuggled");
});

const otherAnswers = [
  { name: "200", answer: OK, expect: [200] },
  { name: "404", answer: "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", expect: [404] },
  {
    name: "a 101 without proof",
    answer: "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
    expect: [502],
  },
];

for (const { name, answer, expect } of otherAnswers) {
  test(`T16: An answer of ${name} to a handshake ends the connection, and what was behind it goes nowhere`, async () => {
    await using scene = await RelayScene.start(async (connection) => {
      await connection.head();
      connection.say(answer);
    });
    scene.client.say(HANDSHAKE + get("", "/smuggled"));
    await scene.client.finished();
    assert.deepEqual(scene.client.statuses, expect);
    if (expect[0] !== 502) assert.match(scene.client.text, /Connection: close\r\n/);
    assert.equal(scene.backend.requests, 1);
  });
}

test("When the client of a WebSocket ends, so does the backend's connection", async () => {
  await using scene = await RelayScene.start(accept);
  scene.client.say(HANDSHAKE);
  await scene.client.has("\r\n\r\n");
  scene.client.socket.end("bye");
  const [connection] = scene.backend.connections;
  await connection?.has("bye");
  await connection?.gone();
});

test("B10: When the backend of a WebSocket ends, its last words reach the client first", async () => {
  await using scene = await RelayScene.start(accept);
  scene.client.say(HANDSHAKE);
  await scene.client.has("\r\n\r\n");
  scene.backend.connections[0]?.socket.end("bye");
  assert.match(await scene.client.finished(), /bye$/);
});

test("B10: When the backend of a WebSocket dies, the client's connection does too", async () => {
  await using scene = await RelayScene.start(accept);
  scene.client.say(HANDSHAKE);
  await scene.client.has("\r\n\r\n");
  scene.backend.connections[0]?.socket.resetAndDestroy();
  await scene.client.finished();
  scene.client.socket.end();
  await scene.client.until(({ isClosed }) => isClosed);
});

test("B10: A WebSocket that is silent for too long is closed on both sides", async (t) => {
  t.mock.timers.enable({ apis: ["setInterval"] });
  await using scene = await RelayScene.start(accept);
  scene.client.say(HANDSHAKE);
  await scene.client.has("\r\n\r\n");
  t.mock.timers.tick(limits.tunnelIdleTimeoutMs - limits.tickMs);
  const [connection] = scene.backend.connections;
  assert.equal(connection?.isEnded, false);
  t.mock.timers.tick(3 * limits.tickMs);
  await connection?.gone();
  await scene.client.finished();
});

const idles: readonly (readonly [what: string, written: string, idleMs: number])[] = [
  ["a host without `timeouts`", "to: PORT", limits.tunnelIdleTimeoutMs],
  [
    "a host that says nothing of `idle`",
    "to: PORT, timeouts: { connect: 1s }",
    limits.tunnelIdleTimeoutMs,
  ],
  ["a host with 30s", "to: PORT, timeouts: { idle: 30s }", 30_000],
  [
    "a path with 2h in a host with 30s",
    "to: PORT, timeouts: { idle: 30s }, paths: { /chat: { timeouts: { idle: 2h } } }",
    7_200_000,
  ],
];

for (const [what, written, idleMs] of idles) {
  test(`A WebSocket below ${what} may be silent for ${idleMs} ms`, async (t) => {
    t.mock.timers.enable({ apis: ["setInterval"] });
    await using backend = await Recorder.start(accept);
    const text = `hosts: { shop.example: { ${written.replace("PORT", `${backend.port}`)} } }`;
    const action = configOf(text).hosts[0]?.action ?? forwardTo([]);
    await using world = await RelayWorld.start({ action });
    using client = await RawClient.connect(world.port);
    client.say(HANDSHAKE);
    await client.has("\r\n\r\n");
    t.mock.timers.tick(idleMs - limits.tickMs);
    const [connection] = backend.connections;
    client.say("ping");
    await connection?.has("ping");
    t.mock.timers.tick(idleMs - limits.tickMs);
    assert.equal(connection?.isEnded, false);
    t.mock.timers.tick(3 * limits.tickMs);
    await connection?.gone();
    await client.finished();
  });
}

test("A WebSocket survives the drain of the relay, and ends with its close", async () => {
  await using scene = await RelayScene.start(accept);
  scene.client.say(HANDSHAKE);
  await scene.client.has("\r\n\r\n");
  scene.world.relay.drain();
  scene.client.say("still");
  await scene.backend.connections[0]?.has("still");
  scene.world.relay.close();
  await scene.client.finished();
});

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Action } from "../../src/config/destination.ts";
import {
  contentIn,
  FLAG,
  FRAME,
  FrameClient,
  frame,
  headers,
  request,
  u32,
} from "../support/h2-frames.ts";
import { heldBytes } from "../support/held-bytes.ts";
import type { Recorded } from "../support/recorded.ts";
import { OK } from "../support/recorder.ts";
import { pathRoute, RelayScene, RelayWorld } from "../support/relay-world.ts";
import { holdTicks, MARGIN_MS } from "../support/ticks.ts";
import { acceptWebSocket, CONNECT } from "../support/websocket.ts";

const H2 = { protocol: "h2" } as const;
const OPEN = FLAG.endHeaders;

const accept = (connection: Recorded, rest = "") =>
  acceptWebSocket(connection, rest, "Sec-WebSocket-Protocol: chat\r\n");

function lengthOf(client: FrameClient, stream: number): number {
  return client.of(FRAME.data, stream).reduce((sum, { payload }) => sum + payload.length, 0);
}

test("A WebSocket over HTTP/2 becomes one over HTTP/1.1 to the backend, bytes both ways", async () => {
  await using scene = await RelayScene.start((connection) => accept(connection, "first"), {}, H2);
  using client = await FrameClient.connect(scene.world.port);
  client.say(headers(1, CONNECT, OPEN), frame(FRAME.data, 0, 1, "early"));
  const backend = await scene.backend.connection(0);
  await backend.has("early");
  assert.match(
    backend.text,
    /^GET \/chat HTTP\/1\.1\r\nHost: shop\.example\r\nsec-websocket-key: \S{24}\r\norigin: https:\/\/a\.example\r\nsec-websocket-version: 13\r\nsec-websocket-protocol: chat\r\n[\s\S]*Upgrade: websocket\r\nConnection: Upgrade\r\n\r\nearly$/,
  );
  client.say(frame(FRAME.data, 0, 1, "hi"));
  await backend.has("hi");
  backend.say("yo");
  await client.until(() => contentIn(client.frames, 1) === "firstyo");
  assert.equal(client.status(1), 200);
  assert.equal(client.hasEnd(1), false);
});

test("When the client ends its side, so does the backend's, and the end comes back", async () => {
  await using scene = await RelayScene.start(accept, {}, H2);
  using client = await FrameClient.connect(scene.world.port);
  client.say(headers(1, CONNECT, OPEN));
  const backend = await scene.backend.connection(0);
  await client.until(() => client.status(1) === 200);
  client.say(frame(FRAME.data, FLAG.endStream, 1, "bye"));
  await backend.until(({ isEnded }) => isEnded);
  assert.match(backend.text, /bye$/);
  backend.socket.end("bye too");
  await client.until(() => client.hasEnd(1));
  assert.equal(contentIn(client.frames, 1), "bye too");
});

test("A tunnel that the client takes back, or whose backend is reset, is no clean end", async () => {
  for (const cut of ["client", "backend"] as const) {
    await using scene = await RelayScene.start(accept, {}, H2);
    using client = await FrameClient.connect(scene.world.port);
    client.say(headers(1, CONNECT, OPEN));
    const backend = await scene.backend.connection(0);
    await client.until(() => client.status(1) === 200);
    if (cut === "client") {
      client.say(frame(FRAME.reset, 0, 1, u32(8)));
      await backend.gone();
    } else {
      backend.socket.resetAndDestroy();
      await client.until(() => client.of(FRAME.reset, 1).length > 0);
      assert.equal(client.hasEnd(1), false);
    }
    client.say(frame(FRAME.ping, 0, 0, "12345678"));
    await client.until(() => client.of(FRAME.ping).length > 0);
    assert.equal(client.of(FRAME.goaway).length, 0, "the connection goes on");
  }
});

test("A backend that does not switch is answered from, and gets nothing of what the client said", async () => {
  await using scene = await RelayScene.start(
    async (connection) => {
      await connection.head();
      connection.say(OK.replace("200 OK", "403 Forbidden"));
    },
    {},
    H2,
  );
  using client = await FrameClient.connect(scene.world.port);
  client.say(headers(1, CONNECT, OPEN), frame(FRAME.data, 0, 1, "GET /secret HTTP/1.1\r\n\r\n"));
  await client.until(() => client.hasEnd(1));
  assert.equal(client.status(1), 403);
  assert.equal(scene.backend.requests, 1);
  assert.doesNotMatch(scene.backend.text, /secret/);
});

/** RFC 8441 §5: to the client any 2xx says that there is a tunnel. */
for (const status of ["200 OK", "201 Created", "204 No Content", "299 Odd"]) {
  test(`A backend that answers ${status} and does not switch is answered for with 502`, async () => {
    await using scene = await RelayScene.start(
      async (connection) => {
        await connection.head();
        connection.say(`HTTP/1.1 ${status}\r\nContent-Length: 0\r\n\r\n`);
      },
      {},
      H2,
    );
    using client = await FrameClient.connect(scene.world.port);
    client.say(headers(1, CONNECT, OPEN));
    await client.until(() => client.hasEnd(1));
    assert.equal(client.status(1), 502);
  });
}

test("A path that is answered here has no tunnel: 501", async () => {
  const action: Action = { kind: "respond", status: 200, headers: {}, body: "ok" };
  await using world = await RelayWorld.start({ action, ...H2 });
  using client = await FrameClient.connect(world.port);
  client.say(headers(1, CONNECT, OPEN));
  await client.until(() => client.hasEnd(1));
  assert.equal(client.status(1), 501);
});

/** Handshakes that are refused, and with what. */
const refusals: readonly [
  what: string,
  changes: Record<string, string | undefined>,
  status: number,
][] = [
  ["CONNECT alone", { ":method": "CONNECT", ":scheme": undefined, ":path": undefined }, 405],
  ["another protocol", { ":method": "CONNECT", ":protocol": "connect-udp" }, 501],
  [
    "another host",
    { ":method": "CONNECT", ":protocol": "websocket", ":authority": "b.example" },
    421,
  ],
];

for (const [what, changes, status] of refusals) {
  test(`${what} is answered ${status}, and no backend is touched`, async () => {
    await using scene = await RelayScene.start(accept, {}, H2);
    using client = await FrameClient.connect(scene.world.port);
    client.say(headers(1, request(changes), OPEN));
    await client.until(() => client.hasEnd(1));
    assert.equal(client.status(1), status);
    assert.equal(scene.backend.connections.length, 0);
  });
}

test("A tunnel without a byte is closed after the idle time, and survives a drain until then", async (t) => {
  const pass = holdTicks(t);
  const idleMs = 90_000;
  const { timeouts } = pathRoute([]);
  const changes = { timeouts: { ...timeouts, streamIdleMs: idleMs } };
  await using scene = await RelayScene.start(accept, changes, H2);
  using client = await FrameClient.connect(scene.world.port);
  client.say(headers(1, CONNECT, OPEN));
  const backend = await scene.backend.connection(0);
  await client.until(() => client.status(1) === 200);
  scene.world.relay.drain();
  await client.until(() => client.of(FRAME.goaway).length === 1);
  client.say(frame(FRAME.data, 0, 1, "still here"));
  await backend.has("still here");
  pass(idleMs + MARGIN_MS);
  await backend.gone();
  await client.closed();
  assert.equal(client.hasEnd(1), false);
});

test("A backend waits for a client that gives no window, then the client gets it all", async () => {
  const total = 8 * 1_024 * 1_024;
  await using scene = await RelayScene.start(accept, {}, H2);
  using client = await FrameClient.connect(scene.world.port);
  client.say(headers(1, CONNECT, OPEN));
  const backend = await scene.backend.connection(0);
  await client.until(() => client.status(1) === 200);
  const before = await heldBytes();
  const bytes = Buffer.alloc(total, "x");
  backend.socket.write(bytes);
  await client.until(() => lengthOf(client, 1) === 65_535);
  for (let turn = 0; turn < 500; turn += 1) await new Promise(setImmediate);
  const held = (await heldBytes()) - before - total;
  assert.ok(held < 1_024 * 1_024, `${held} bytes are held`);
  client.say(
    frame(FRAME.windowUpdate, 0, 0, u32(total)),
    frame(FRAME.windowUpdate, 0, 1, u32(total)),
  );
  await client.until(() => lengthOf(client, 1) === total);
});

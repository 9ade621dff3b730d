import assert from "node:assert/strict";
import { constants } from "node:http2";
import { test } from "node:test";
import type { Action } from "../../src/config/destination.ts";
import { FrameBackend, greeting } from "../support/h2-frame-backend.ts";
import { contentIn, FRAME, frame, hasEnd, headers, u32 } from "../support/h2-frames.ts";
import { Http2Scene, h2cBackend } from "../support/http2-backend.ts";
import { RawClient } from "../support/raw-client.ts";
import { answering, OK } from "../support/recorder.ts";
import { forwardTo, get, post, RelayScene, RelayWorld } from "../support/relay-world.ts";
import { turns } from "../support/ticks.ts";
import { acceptWebSocket, HANDSHAKE } from "../support/websocket.ts";

/** More than the kernel takes for a backend that does not read, and no piece of it is like another. */
const LONG = Array.from({ length: 4_000_000 }, (_, index) => `${index} `).join("");

/** Longer than what is lent below: where it is read, nothing of that is left. */
const HALF_A_HEAD = `GET /${"z".repeat(4_000)}`;
/** RFC 9113 §6.5.2. */
const INITIAL_WINDOW_SIZE = 4;
/** Of requests that come by one read, with answers that the kernel does not take all. */
const MANY = 60;

/** Until no more of what the client said leaves it. */
async function stalled({ socket }: RawClient): Promise<void> {
  for (let before = -1; before !== socket.bytesWritten - socket.writableLength; ) {
    before = socket.bytesWritten - socket.writableLength;
    await turns(200);
  }
}

/** Has another client say something that is read where everybody's bytes are read. */
async function disturb(port: number): Promise<void> {
  using other = await RawClient.connect(port);
  other.say(get("", `/${"z".repeat(4_000)}`));
  await other.has(" 200 ");
}

test("What is left of a client's head is not written over by what another client says", async () => {
  await using scene = await RelayScene.start(answering(OK));
  const { backend, client, world } = scene;
  client.say("GET /left?of=one HTTP/1.1\r\nHost: shop.ex");
  await turns();
  await disturb(world.port);
  client.say("ample\r\n\r\n");
  await client.has("200 OK");
  assert.match(backend.text, /GET \/left\?of=one HTTP\/1\.1\r\nhost: shop\.example\r\n/i);
});

test("What a client said behind its request is not written over while that is answered", async () => {
  const { promise: asked, resolve: ask } = Promise.withResolvers<void>();
  await using scene = await RelayScene.start(async (connection) => {
    await connection.head();
    if (connection.text.includes("/first")) await asked;
    await answering(OK)(connection);
  });
  const { backend, client, world } = scene;
  client.say(get("", "/first") + get("", "/second"));
  await backend.connection(0);
  await disturb(world.port);
  ask();
  await client.until(() => client.statuses.length === 2);
  assert.match(backend.text, /GET \/first .*GET \/second /s);
});

test("A body that the backend has no room for is not written over by what other clients say", async () => {
  const { promise: mayRead, resolve: read } = Promise.withResolvers<void>();
  await using scene = await RelayScene.start(async (connection) => {
    await connection.head();
    if (connection.text.startsWith("GET")) return answering(OK)(connection);
    connection.socket.pause();
    await mayRead;
    connection.socket.resume();
    await connection.until(({ text }) => text.length >= LONG.length);
    connection.say(OK);
  });
  const { backend, client, world } = scene;
  client.say(post(`Content-Length: ${LONG.length}\r\n`, LONG));
  await stalled(client);
  await disturb(world.port);
  read();
  await client.has("200 OK");
  const { text } = await backend.connection(0);
  assert.ok(text.endsWith(LONG), "the body is not what was sent");
});

test("Messages of a WebSocket that wait are not written over by what other clients say", async () => {
  const { promise: mayRead, resolve: read } = Promise.withResolvers<void>();
  await using scene = await RelayScene.start(async (connection) => {
    await connection.head();
    if (!connection.text.includes("/chat")) return answering(OK)(connection);
    await acceptWebSocket(connection);
    connection.socket.pause();
    await mayRead;
    connection.socket.resume();
  });
  const { backend, client, world } = scene;
  client.say(HANDSHAKE);
  await client.has("101");
  client.say(LONG);
  await stalled(client);
  await disturb(world.port);
  read();
  const connection = await backend.connection(0);
  await connection.until(({ text }) => text.length >= LONG.length);
  assert.ok(connection.text.endsWith(LONG), "what came is not what was sent");
});

test("A body that waits for a backend with HTTP/2 is not written over by what other clients say", async () => {
  const { promise: mayRead, resolve: read } = Promise.withResolvers<void>();
  const sent = LONG.slice(0, 1_000_000); // its windows hold it up long before
  let body = "";
  await using scene = await Http2Scene.start(async ({ stream, headers }) => {
    if (headers[":method"] === "POST") {
      await mayRead;
      stream.setEncoding("latin1");
      for await (const piece of stream) body += piece;
    }
    stream.respond({ ":status": 200 });
    stream.end();
  });
  const { client, world } = scene;
  client.say(post(`Content-Length: ${sent.length}\r\n`, sent));
  await stalled(client);
  await disturb(world.port);
  read();
  await client.has("200");
  assert.ok(body === sent, "the body is not what was sent");
});

test("A body that goes once more is not written over by what other clients say before it is refused", async () => {
  const [start, rest] = [LONG.slice(0, 900), LONG.slice(900, 3_900)];
  let body = "";
  await using backend = await FrameBackend.start(async (peer) => {
    peer.say(greeting());
    const refused = await peer.request(0);
    client.say(start);
    await peer.until(() => contentIn(peer.frames, refused) === start);
    client.say(rest);
    await peer.until(() => hasEnd(peer.frames, refused));
    other.say(HALF_A_HEAD);
    await turns();
    peer.say(frame(FRAME.reset, 0, refused, u32(constants.NGHTTP2_REFUSED_STREAM)));
    const again = await peer.request(1);
    await peer.until(() => hasEnd(peer.frames, again));
    body = contentIn(peer.frames, again);
    peer.say(headers(again, [[":status", "200"]]));
  });
  await using world = await RelayWorld.start({ action: forwardTo([h2cBackend(backend.port)]) });
  using client = await RawClient.connect(world.port);
  using other = await RawClient.connect(world.port);
  client.say(post(`Content-Length: ${start.length + rest.length}\r\n`));
  await client.has("200");
  assert.ok(body === start + rest, "the body is not what was sent");
});

test("A body that came with its head, and waits for a window of HTTP/2, is not written over", async () => {
  const sent = LONG.slice(0, 900);
  let body = "";
  await using backend = await FrameBackend.start(async (peer) => {
    peer.say(greeting([INITIAL_WINDOW_SIZE, 0]));
    peer.say(headers(await peer.request(0), [[":status", "200"]]));
    const stream = await peer.request(1);
    other.say(HALF_A_HEAD);
    await turns();
    peer.say(frame(FRAME.windowUpdate, 0, stream, u32(sent.length)));
    await peer.until(() => hasEnd(peer.frames, stream));
    body = contentIn(peer.frames, stream);
    peer.say(headers(stream, [[":status", "200"]]));
  });
  await using world = await RelayWorld.start({ action: forwardTo([h2cBackend(backend.port)]) });
  using client = await RawClient.connect(world.port);
  using other = await RawClient.connect(world.port);
  client.say(get()); // opens the session, so that nothing is waited for below
  await client.until(({ statuses }) => statuses.length === 1);
  client.say(post(`Content-Length: ${sent.length}\r\n`, sent));
  await client.until(({ statuses }) => statuses.length === 2);
  assert.ok(body === sent, "the body is not what was sent");
});

test("Requests behind answers that their client does not take are not written over", async () => {
  const action: Action = { kind: "respond", status: 200, headers: {}, body: "x".repeat(200_000) };
  await using world = await RelayWorld.start({ action });
  using client = await RawClient.connect(world.port);
  client.socket.pause();
  client.say(get().repeat(MANY));
  await turns(200);
  await disturb(world.port);
  client.socket.resume();
  await client.until(({ statuses }) => statuses.length === MANY);
  assert.deepEqual(new Set(client.statuses), new Set([200]));
});

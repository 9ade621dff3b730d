import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import type { Facts } from "../../src/base/errors.ts";
import { limits } from "../../src/config/limits.ts";
import { H2Client } from "../support/h2-client.ts";
import { FLAG, FRAME, FrameClient, frame, headers, request, u32 } from "../support/h2-frames.ts";
import { answering, OK, type Script } from "../support/recorder.ts";
import { RelayScene } from "../support/relay-world.ts";
import { holdTicks, MARGIN_MS } from "../support/ticks.ts";

const H2 = { protocol: "h2" } as const;
const KEPT_ALIVE: Script = answering(OK);

test("A request over HTTP/2 reaches the backend as HTTP/1.1, and its answer comes back", async () => {
  const lines: Facts[] = [];
  await using scene = await RelayScene.start(
    KEPT_ALIVE,
    {},
    { ...H2, access: (facts) => void lines.push(facts) },
  );
  using client = await H2Client.connect(scene.world.port);
  for (const path of ["/1?q", "/2?q"]) {
    const call = await client.get({ ":path": path, "x-a": "b" });
    assert.deepEqual([call.status, call.body, call.isEnded], [200, "ok", true]);
  }
  assert.equal(scene.backend.connections.length, 1, "the backend's connection is kept");
  assert.match(scene.backend.text, /^GET \/1\?q HTTP\/1\.1\r\nHost: shop\.example\r\nx-a: b\r\n/);
  assert.match(scene.backend.text, /X-Forwarded-For: 192\.0\.2\.7\r\nX-Forwarded-Proto: https\r\n/);
  assert.deepEqual(
    lines.map(({ path, status, bytesOut, client: from }) => [path, status, bytesOut, from]),
    [
      ["/1", 200, 2, "192.0.2.7"],
      ["/2", 200, 2, "192.0.2.7"],
    ],
  );
});

test("The settings say what is allowed", async () => {
  await using scene = await RelayScene.start(KEPT_ALIVE, {}, H2);
  using client = await FrameClient.connect(scene.world.port);
  client.say(headers(1));
  await client.until(() => client.hasEnd(1));
  const [settings] = client.of(FRAME.settings);
  const told: Record<number, number> = {};
  for (let at = 0; at < (settings?.payload.length ?? 0); at += 6)
    told[settings?.payload.readUInt16BE(at) ?? 0] = settings?.payload.readUInt32BE(at + 2) ?? 0;
  assert.deepEqual(told, {
    1: 4_096, // HEADER_TABLE_SIZE
    3: 100, // MAX_CONCURRENT_STREAMS
    4: 65_536, // INITIAL_WINDOW_SIZE
    5: 16_384, // MAX_FRAME_SIZE
    6: 16_384, // MAX_HEADER_LIST_SIZE
    8: 1, // ENABLE_CONNECT_PROTOCOL
  });
  const [update] = client.of(FRAME.windowUpdate, 0);
  assert.equal(65_535 + (update?.payload.readUInt32BE(0) ?? 0), 1_048_576);
});

/** What a stream is refused with, without harm to the connection. */
const refused: readonly [what: string, fields: Record<string, string>, status: number][] = [
  ["another host than the connection's", { ":authority": "evil.example" }, 421],
  ["a name of the certificate on another route", { ":authority": "other.example" }, 421],
  [":authority and Host that differ", { host: "other.example" }, 400],
  ["the scheme http", { ":scheme": "http" }, 400],
  ["an Expect that is not known", { expect: "200-ok" }, 417],
  ["TRACE", { ":method": "TRACE" }, 405],
  ["a method nobody knows", { ":method": "NOSUCH" }, 501],
  [
    "more fields than allowed",
    Object.fromEntries(Array.from({ length: 97 }, (_, at) => [`x-${at}`, ""])),
    431,
  ],
];

for (const [what, fields, status] of refused) {
  test(`T7: ${what} is answered ${status} on its stream, and the connection goes on`, async () => {
    await using scene = await RelayScene.start(KEPT_ALIVE, {}, H2);
    using client = await FrameClient.connect(scene.world.port);
    client.say(headers(1, request(fields)), headers(3));
    await client.until(() => client.hasEnd(1) && client.hasEnd(3));
    assert.deepEqual([client.status(1), client.status(3)], [status, 200]);
    assert.equal(scene.backend.requests, 1);
    assert.equal(client.of(FRAME.goaway).length, 0);
  });
}

test("Another name of the route that the certificate covers is served on the same connection", async () => {
  await using scene = await RelayScene.start(
    KEPT_ALIVE,
    {},
    { ...H2, alsoNamed: ["www.shop.example"] },
  );
  using client = await H2Client.connect(scene.world.port);
  const call = await client.get({ ":authority": "www.shop.example:8443" });
  assert.equal(call.status, 200);
  assert.match(scene.backend.text, /Host: www\.shop\.example:8443\r\n/);
});

test("A connection without a request is closed after the idle time, one with a request is not", async (t) => {
  const pass = holdTicks(t);
  await using scene = await RelayScene.start(() => undefined, {}, H2);
  using idle = await FrameClient.connect(scene.world.port);
  using busy = await FrameClient.connect(scene.world.port);
  busy.say(headers(1));
  await (await scene.backend.connection(0)).head();
  await idle.until(() => idle.of(FRAME.settings).length === 2);
  pass(limits.headTimeoutMs);
  await idle.until(() => idle.of(FRAME.ping).length === 1); // is a head on its way?
  await idle.answerPing();
  pass(limits.keepAliveTimeoutMs - limits.headTimeoutMs - 2 * limits.tickMs);
  assert.equal(idle.of(FRAME.goaway).length, 0);
  pass(MARGIN_MS + limits.tickMs);
  await idle.closed();
  assert.equal(idle.goawayCode, "NO_ERROR");
  assert.equal(busy.of(FRAME.goaway).length, 0);
});

test("PINGs do not keep an idle connection open", async (t) => {
  const pass = holdTicks(t);
  await using scene = await RelayScene.start(KEPT_ALIVE, {}, H2);
  using client = await FrameClient.connect(scene.world.port);
  await client.until(() => client.of(FRAME.settings).length === 2);
  for (let waited = 0; waited < limits.keepAliveTimeoutMs; waited += limits.headTimeoutMs / 2) {
    pass(limits.headTimeoutMs / 2);
    await client.answerPing();
  }
  pass(MARGIN_MS);
  await client.closed();
  assert.equal(client.goawayCode, "NO_ERROR");
});

test("A body that stops coming, or comes too slowly, is answered 408", async (t) => {
  const pass = holdTicks(t);
  await using scene = await RelayScene.start(() => undefined, {}, H2);
  using client = await FrameClient.connect(scene.world.port);
  client.say(headers(1, request({ ":method": "POST" }), FLAG.endHeaders));
  client.say(frame(FRAME.data, 0, 1, "x"));
  const backend = await scene.backend.connection(0);
  await backend.has("\r\n\r\n1\r\nx\r\n");
  pass(limits.bodyGraceMs + MARGIN_MS);
  await client.until(() => client.hasEnd(1));
  assert.equal(client.status(1), 408);
  await backend.gone();
});

test("B3: A backend that never answers is given up with 504", async (t) => {
  const pass = holdTicks(t);
  await using scene = await RelayScene.start(() => undefined, {}, H2);
  using client = await FrameClient.connect(scene.world.port);
  client.say(headers(1));
  await (await scene.backend.connection(0)).head();
  pass(limits.backendFirstByteTimeoutMs + MARGIN_MS);
  await client.until(() => client.hasEnd(1));
  assert.equal(client.status(1), 504);
});

test("A client that takes nothing of its answer loses the stream, then the connection", async (t) => {
  const pass = holdTicks(t);
  await using scene = await RelayScene.start(
    async (connection) => {
      await connection.head();
      connection.say(`HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n${"x".repeat(1_000_000)}`);
    },
    {},
    H2,
  );
  using client = await FrameClient.connect(scene.world.port);
  client.say(headers(1));
  const sum = () => client.of(FRAME.data, 1).reduce((all, { payload }) => all + payload.length, 0);
  await client.until(() => sum() === 65_535);
  pass(limits.writeIdleTimeoutMs + MARGIN_MS + limits.tickMs);
  await client.until(() => client.of(FRAME.reset, 1).length > 0);
  assert.equal(client.hasEnd(1), false);
  await scene.backend.connections[0]?.gone();
  await new Promise(setImmediate);
  pass(limits.keepAliveTimeoutMs + MARGIN_MS);
  await client.closed();
});

test("After so many requests the connection ends with GOAWAY, which names the last that is answered", async (t) => {
  const { requestsPerConnectionMax, h2StreamsMax } = limits;
  t.after(() => Object.assign(limits, { requestsPerConnectionMax, h2StreamsMax }));
  Object.assign(limits, { requestsPerConnectionMax: 1, h2StreamsMax: 2 });
  await using scene = await RelayScene.start(KEPT_ALIVE, {}, H2);
  using client = await FrameClient.connect(scene.world.port);
  client.say(headers(1));
  await client.until(() => client.hasEnd(1));
  client.say(headers(3));
  await client.closed();
  assert.deepEqual([client.goawayCode, client.goawayLast], ["NO_ERROR", 3]);
  assert.deepEqual([client.status(3), client.hasEnd(3)], [200, true]);
});

test("Draining refuses with GOAWAY what comes later, finishes what is under way, then closes", async () => {
  await using scene = await RelayScene.start(() => undefined, {}, H2);
  scene.client[Symbol.dispose]();
  using client = await FrameClient.connect(scene.world.port);
  client.say(headers(1));
  const backend = await scene.backend.connection(0);
  await backend.head();
  scene.world.relay.drain();
  await client.until(() => client.of(FRAME.goaway).length === 1);
  assert.deepEqual([client.goawayCode, client.goawayLast], ["NO_ERROR", 1]);
  client.say(headers(3), frame(FRAME.ping, 0, 0, "12345678"));
  await client.until(() => client.of(FRAME.ping).length === 1);
  backend.say(OK);
  await client.closed();
  assert.deepEqual([client.status(1), client.hasEnd(1), client.status(3)], [200, true, 0]);
  assert.equal(scene.backend.requests, 1);
  while (scene.world.relay.open > 0) await new Promise(setImmediate);
});

test("Draining closes a connection without a request at once", async () => {
  await using scene = await RelayScene.start(KEPT_ALIVE, {}, H2);
  using client = await FrameClient.connect(scene.world.port);
  client.say(headers(1));
  await client.until(() => client.hasEnd(1));
  scene.world.relay.drain();
  await client.closed();
  assert.deepEqual([client.goawayCode, client.goawayLast], ["NO_ERROR", 1]);
});

test("A connection that was just made when draining began gets its first request answered", async (t) => {
  const pass = holdTicks(t);
  await using scene = await RelayScene.start(KEPT_ALIVE, {}, H2);
  using client = await FrameClient.connect(scene.world.port);
  await client.until(() => client.of(FRAME.settings).length > 0);
  scene.world.relay.drain();
  pass(limits.firstRequestTimeoutMs - 2 * limits.tickMs);
  client.say(headers(1));
  await client.until(() => client.hasEnd(1));
  pass(MARGIN_MS + limits.tickMs);
  await client.closed();
  assert.equal(client.status(1), 200);
});

test("A client that does not close after GOAWAY is closed", async (t) => {
  const pass = holdTicks(t);
  await using scene = await RelayScene.start(KEPT_ALIVE, {}, H2);
  using client = await FrameClient.connect(scene.world.port);
  client.socket.pause(); // never sees our end
  client.say(headers(1));
  await (await scene.backend.connection(0)).head();
  for (let turn = 0; turn < 50; turn += 1) await new Promise(setImmediate);
  pass(limits.keepAliveTimeoutMs + MARGIN_MS);
  for (let turn = 0; turn < 50; turn += 1) await new Promise(setImmediate);
  pass(limits.drainTimeoutMs + MARGIN_MS);
  while (scene.world.relay.open > 0) await new Promise(setImmediate);
});

test("Closing the relay ends every connection at once, in the middle of answers", async () => {
  const scene = await RelayScene.start(
    async (connection) => {
      await connection.head();
      connection.say("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf");
    },
    {},
    H2,
  );
  using client = await FrameClient.connect(scene.world.port);
  client.say(headers(1), frame(FRAME.windowUpdate, 0, 0, u32(1)));
  await client.until(() => client.of(FRAME.data, 1).length > 0);
  await scene[Symbol.asyncDispose]();
  await client.closed();
  assert.equal(client.hasEnd(1), false);
});

test("Without keep-alive a stream is the last one, and an idle session says goodbye at once", async () => {
  await using scene = await RelayScene.start(answering(OK), {}, { protocol: "h2" });
  using last = await H2Client.connect(scene.world.port);
  using idle = await H2Client.connect(scene.world.port);
  assert.equal((await idle.get()).status, 200);
  const ends = [last, idle].map(({ session }) => once(session, "close"));
  scene.world.relay.keepAlive(false);
  assert.equal((await last.get()).body, "ok");
  await ends[0];
  assert.equal(idle.session.closed, false);
  scene.world.relay.closeIdle(2);
  await ends[1];
});

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Facts } from "../../src/base/errors.ts";
import type { Backend } from "../../src/config/destination.ts";
import { limits } from "../../src/config/limits.ts";
import { makeCertificate } from "../support/certificates.ts";
import { startFullListener } from "../support/full-listener.ts";
import { h2cBackend } from "../support/http2-backend.ts";
import { RawClient } from "../support/raw-client.ts";
import { answering, OK, Recorder, type Script } from "../support/recorder.ts";
import {
  forwardTo,
  get,
  httpBackend,
  httpsBackendOf,
  post,
  RelayScene,
  RelayWorld,
} from "../support/relay-world.ts";
import { holdTicks, MARGIN_MS } from "../support/ticks.ts";

test("T26: A head that is not complete in time is answered 408, however steadily it comes", async (t) => {
  const pass = holdTicks(t);
  await using scene = await RelayScene.start();
  const { client, world } = scene;
  client.say("GET / HTTP/1.1\r\n");
  await served(world);
  for (let byte = 0; byte < 9; byte += 1) {
    pass(limits.headTimeoutMs / 10);
    client.say("a");
  }
  assert.equal(client.isEnded, false);
  pass(limits.headTimeoutMs / 10 + MARGIN_MS);
  assert.match(
    await client.finished(),
    /^HTTP\/1\.1 408 Request Timeout\r\n[\s\S]*Connection: close\r\n/,
  );
});

test("A connection without a request is closed without a word", async (t) => {
  const pass = holdTicks(t);
  await using scene = await RelayScene.start(answering(OK));
  scene.client.say(get());
  await scene.client.has("ok");
  pass(limits.keepAliveTimeoutMs - limits.tickMs);
  assert.equal(scene.client.isEnded, false);
  pass(MARGIN_MS);
  assert.equal(await scene.client.finished(), OK);
});

test("K3: a wall clock that jumps about by half a minute ends nothing before its time, and nothing later", async (t) => {
  const pass = holdTicks(t);
  await using scene = await RelayScene.start();
  const now = Date.now();
  let jump = 30_000;
  t.mock.method(Date, "now", () => now + jump);
  scene.client.say(post("Content-Length: 1000000\r\n", "x".repeat(20_000)));
  const connection = await scene.backend.connection(0);
  await connection.until(({ text }) => text.endsWith("x".repeat(20_000)));
  for (let left = limits.bodyIdleTimeoutMs - limits.tickMs; left > 0; left -= limits.tickMs) {
    jump = -jump;
    pass(limits.tickMs);
  }
  await new Promise(setImmediate);
  assert.equal(scene.client.isEnded, false);
  pass(MARGIN_MS);
  await scene.client.finished();
  assert.deepEqual(scene.client.statuses, [408]);
});

test("A body that stops coming is answered 408, and the backend is left", async (t) => {
  const pass = holdTicks(t);
  await using scene = await RelayScene.start();
  scene.client.say(post("Content-Length: 1000000\r\n", "x".repeat(20_000)));
  const connection = await scene.backend.connection(0);
  await connection.until(({ text }) => text.endsWith("x".repeat(20_000)));
  pass(limits.bodyIdleTimeoutMs - limits.tickMs);
  assert.equal(scene.client.isEnded, false);
  pass(MARGIN_MS);
  await scene.client.finished();
  assert.deepEqual(scene.client.statuses, [408]);
  await connection.gone();
});

test("T26: A body that comes too slowly is answered 408, although it never stops", async (t) => {
  const pass = holdTicks(t);
  await using scene = await RelayScene.start();
  scene.client.say(post("Content-Length: 1000000\r\n", "x"));
  const connection = await scene.backend.connection(0);
  await connection.has("\r\n\r\nx");
  const sendMs = 5_000;
  for (let sent = 1; sent * sendMs < limits.bodyGraceMs; sent += 1) {
    pass(sendMs);
    scene.client.say("y");
    await connection.has("x".padEnd(1 + sent, "y"));
  }
  pass(sendMs + MARGIN_MS);
  await scene.client.finished();
  assert.deepEqual(scene.client.statuses, [408]);
});

test("B3: A backend that never answers is given up with 504", async (t) => {
  const pass = holdTicks(t);
  await using scene = await RelayScene.start();
  scene.client.say(get());
  const connection = await scene.backend.connection(0);
  await connection.head();
  pass(limits.backendFirstByteTimeoutMs - limits.tickMs);
  assert.deepEqual(scene.client.statuses, []);
  pass(MARGIN_MS);
  await scene.client.has("\r\n\r\n");
  assert.deepEqual(scene.client.statuses, [504]);
  await connection.gone();
});

test("The first-byte deadline starts when the request is sent, not while it is", async (t) => {
  const pass = holdTicks(t);
  const timeouts = { connectMs: 5_000, firstByteMs: 10_000, idleMs: 60_000 };
  await using scene = await RelayScene.start(undefined, { timeouts });
  scene.client.say(post("Content-Length: 20001\r\n", "x".repeat(20_000)));
  const connection = await scene.backend.connection(0);
  await connection.until(({ text }) => text.endsWith("x".repeat(20_000)));
  pass(20_000);
  scene.client.say("y");
  await connection.has("y");
  connection.say(OK);
  await scene.client.has("ok");
  assert.deepEqual(scene.client.statuses, [200]);
});

test("An answer that stops coming cuts the client off", async (t) => {
  const pass = holdTicks(t);
  await using scene = await RelayScene.start(
    answering("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello"),
  );
  scene.client.say(get());
  await scene.client.has("hello");
  pass(limits.backendIdleTimeoutMs + MARGIN_MS);
  await scene.client.finished();
  assert.ok(scene.client.text.endsWith("hello"));
});

test("B8: An answer that comes a byte a second reaches its client as it comes, however long it takes", async (t) => {
  const pass = holdTicks(t);
  const size = 300;
  assert.ok(size * 1_000 > 4 * limits.backendIdleTimeoutMs);
  await using scene = await RelayScene.start();
  scene.client.say(get());
  const connection = await scene.backend.connection(0);
  await connection.head();
  connection.say(`HTTP/1.1 200 OK\r\nContent-Length: ${size}\r\n\r\n`);
  await scene.client.has("\r\n\r\n");
  for (let sent = 1; sent <= size; sent += 1) {
    pass(1_000);
    connection.say("x");
    await scene.client.has("\r\n\r\n".padEnd(4 + sent, "x"));
  }
  scene.client.say(get());
  await connection.until(({ text }) => text.split("GET / ").length === 3);
});

test("T26: A client that takes nothing of its answer is closed", async (t) => {
  const pass = holdTicks(t);
  const lines: Facts[] = [];
  const access = (facts: Facts) => void lines.push(facts);
  const script: Script = async (connection) => {
    await connection.head();
    connection.say("HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n");
    const piece = "x".repeat(65_536);
    while (!connection.isClosed) {
      if (!connection.socket.write(piece)) {
        await new Promise((resolve) => {
          connection.socket.once("drain", resolve);
          connection.socket.once("close", resolve);
        });
      }
    }
  };
  await using scene = await RelayScene.start(script, {}, { access });
  scene.client.socket.pause();
  scene.client.say(get());
  const connection = await scene.backend.connection(0);
  await connection.head();
  await stalled(() => connection.socket.bytesWritten);
  pass(limits.writeIdleTimeoutMs + MARGIN_MS);
  await connection.gone();
  assert.equal(scene.world.relay.open, 0);
  assert.deepEqual(
    lines.map(({ status, why }) => [status, why]),
    [[200, "the client takes nothing of what waits for it"]],
  );
});

test("A rest of a body that nobody wants is not waited for", async (t) => {
  const pass = holdTicks(t);
  await using scene = await RelayScene.start(answering(OK));
  scene.client.say(post("Content-Length: 10\r\n", "x"));
  await scene.client.has("ok");
  pass(limits.drainTimeoutMs + MARGIN_MS);
  await scene.client.finished();
  assert.deepEqual(scene.client.statuses, [200]);
});

test("A client that never closes is closed after its last answer", async (t) => {
  const pass = holdTicks(t);
  await using scene = await RelayScene.start(answering(OK));
  scene.client.say(get("Connection: close\r\n"));
  await scene.client.finished();
  await served(scene.world);
  pass(limits.drainTimeoutMs + MARGIN_MS);
  await scene.client.until(({ isEnded }) => isEnded);
  await open(scene.world, 0);
});

test("An idle backend connection is closed before the backend would do it", async (t) => {
  const pass = holdTicks(t);
  await using scene = await RelayScene.start(answering(OK));
  scene.client.say(get());
  await scene.client.has("ok");
  pass(limits.backendPoolIdleMs + MARGIN_MS);
  await scene.backend.connections[0]?.gone();
});

const kinds: Readonly<Record<string, (port: number) => Backend>> = {
  "http://": httpBackend,
  "h2c://": h2cBackend,
  "https://": (port) => httpsBackendOf(port, makeCertificate({ names: ["a.example"] }).chain),
};

for (const [kind, backendAt] of Object.entries(kinds)) {
  test(`B2: A backend at ${kind} that does not take a connection is given up with 504 after its time`, async (t) => {
    const pass = holdTicks(t);
    await using full = await startFullListener();
    await using world = await RelayWorld.start({ action: forwardTo([backendAt(full.port)]) });
    using client = await RawClient.connect(world.port);
    client.say(get());
    await served(world);
    pass(limits.backendConnectTimeoutMs - limits.tickMs);
    await turns();
    assert.deepEqual(client.statuses, []);
    pass(MARGIN_MS);
    await client.has("\r\n\r\n");
    assert.deepEqual(client.statuses, [504]);
    const [down] = world.log.lines.filter(({ event }) => event === "backend.down");
    assert.equal(down?.facts["message"], "no connection in time");
  });
}

test("When a backend does not take a connection in time, the next one is asked at once", async (t) => {
  const pass = holdTicks(t);
  await using full = await startFullListener();
  await using other = await Recorder.start(answering(OK));
  const backends = [httpBackend(full.port), httpBackend(other.port)];
  await using world = await RelayWorld.start({ action: forwardTo(backends) });
  using client = await RawClient.connect(world.port);
  client.say(get());
  await served(world);
  pass(limits.backendConnectTimeoutMs + MARGIN_MS);
  await client.has("ok");
  assert.deepEqual(client.statuses, [200]);
});

/** Waits until the relay has taken a connection, and has read what was sent before. */
async function served(world: RelayWorld): Promise<void> {
  await open(world, 1);
  await turns();
}

async function open(world: RelayWorld, count: number): Promise<void> {
  while (world.relay.open !== count) await new Promise(setImmediate);
}

/** Lets both ends of a socket get to what was written before. */
async function turns(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) await new Promise(setImmediate);
}

/** Waits until `read` has stopped growing: every buffer on the way is full. */
async function stalled(read: () => number): Promise<void> {
  for (let before = -1; before !== read(); ) {
    before = read();
    for (let turn = 0; turn < 200; turn += 1) await new Promise(setImmediate);
  }
}

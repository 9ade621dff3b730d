import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { limits } from "../../src/config/limits.ts";
import { FrameBackend, type FramePeer, greeting } from "../support/h2-frame-backend.ts";
import { FLAG, FRAME, frame, headers, u32 } from "../support/h2-frames.ts";
import { Http2Backend, Http2Scene, h2cBackend } from "../support/http2-backend.ts";
import { RawClient } from "../support/raw-client.ts";
import { balance, forwardTo, get, post, RelayWorld } from "../support/relay-world.ts";
import { holdTicks, MARGIN_MS, turns } from "../support/ticks.ts";

const ok = (stream: number): Buffer => headers(stream, [[":status", "200"]]);

/** So many clients of a relay, each with one request. */
async function asking(port: number, count: number): Promise<RawClient[]> {
  const clients = await Promise.all(Array.from({ length: count }, () => RawClient.connect(port)));
  for (const client of clients) client.say(get());
  return clients;
}

async function leave(clients: readonly RawClient[]): Promise<void> {
  await Promise.all(
    clients.map(async (client) => {
      client[Symbol.dispose]();
      if (!client.isClosed) await once(client.socket, "close");
    }),
  );
}

test("Requests of many clients share one session", async () => {
  await using scene = await Http2Scene.start(({ stream }) => {
    // None is answered before all have come.
    if (scene.backend.asked.length < 20) return;
    for (const { stream: each } of scene.backend.asked)
      each.respond({ ":status": 204 }, { endStream: true });
    stream.end();
  });
  const clients = await asking(scene.world.port, 20);
  for (const client of clients) await client.has("HTTP/1.1 204");
  assert.equal(scene.backend.sessions.length, 1);
  await leave(clients);
});

test("When a session has all the streams that its backend allows, there is a further one, up to the limit", async () => {
  const perSession = 2;
  const max = limits.backendSessionsMax * perSession;
  await using scene = await Http2Scene.start(
    () => undefined,
    {},
    { settings: { maxConcurrentStreams: perSession } },
  );
  const clients = await asking(scene.world.port, max + 3);
  await scene.backend.request(max - 1);
  assert.equal(scene.backend.sessions.length, limits.backendSessionsMax);
  assert.equal(scene.backend.asked.length, max, "the others wait");
  for (let index = 0; index < max + 3; index += 1) {
    const { stream } = await scene.backend.request(index);
    stream.respond({ ":status": 204 }, { endStream: true });
  }
  for (const client of clients) await client.has("HTTP/1.1 204");
  assert.equal(scene.backend.sessions.length, limits.backendSessionsMax);
  await leave(clients);
});

test("A request that a GOAWAY leaves out goes to a fresh session, whatever its method", async () => {
  for (const request of [get(), post("Content-Length: 0\r\n")]) {
    await using backend = await FrameBackend.start(async (peer, index) => {
      peer.say(greeting());
      const stream = await peer.request(0);
      peer.say(
        index === 0 ? frame(FRAME.goaway, 0, 0, Buffer.concat([u32(0), u32(0)])) : ok(stream),
      );
    });
    await using world = await RelayWorld.start({ action: forwardTo([h2cBackend(backend.port)]) });
    using client = await RawClient.connect(world.port);
    client.say(request);
    await client.has("HTTP/1.1 200");
    assert.equal(backend.peers.length, 2);
  }
});

for (const { name, request, status, asked } of [
  { name: "A GET", request: get(), status: 204, asked: 1 },
  { name: "A POST", request: post("Content-Length: 0\r\n"), status: 502, asked: 0 },
]) {
  test(`${name} on a session that is lost is answered ${status}, with ${asked} more request elsewhere`, async () => {
    await using lost = await FrameBackend.start(async (peer) => {
      peer.say(greeting());
      await peer.request(0);
      peer.socket.destroy();
    });
    await using other = await Http2Backend.start(({ stream }) => {
      stream.respond({ ":status": 204 }, { endStream: true });
    });
    const backends = [h2cBackend(lost.port), h2cBackend(other.port)];
    await using world = await RelayWorld.start({ action: forwardTo(backends) });
    using client = await RawClient.connect(world.port);
    client.say(request);
    await client.has(`HTTP/1.1 ${status}`);
    assert.deepEqual([lost.requests, other.asked.length], [1, asked]);
  });
}

/** Ways in which a backend ends a session without a word about its streams. */
const ends: readonly (readonly [how: string, end: (peer: FramePeer) => void])[] = [
  ["closes", ({ socket }) => socket.end()],
  ["resets", ({ socket }) => socket.resetAndDestroy()],
  ["speaks nonsense", (peer) => peer.say(Buffer.alloc(50, 0xff))],
];

/** Answers the first request over each connection but those of which `endsAt` names it; what comes after goes unanswered. */
function ending(end: (peer: FramePeer) => void, endsAt: number) {
  return FrameBackend.start(async (peer, index) => {
    peer.say(greeting());
    for (let at = 0; ; at += 1) {
      const stream = await peer.request(at);
      if (stream === 0) return;
      if (index === 0 && at === endsAt) end(peer);
      else peer.say(ok(stream));
    }
  });
}

for (const [how, end] of ends) {
  test(`A GET under way when a backend ${how} on a session that has served goes to a fresh one, a POST is answered 502`, async () => {
    for (const [request, status] of [
      [get(), 200],
      [post("Content-Length: 0\r\n"), 502],
    ] as const) {
      await using backend = await ending(end, 1);
      await using world = await RelayWorld.start({ action: forwardTo([h2cBackend(backend.port)]) });
      using client = await RawClient.connect(world.port);
      client.say(get());
      await client.has("HTTP/1.1 200");
      client.say(request);
      await client.until(() => client.statuses.length > 1);
      assert.deepEqual(client.statuses, [200, status]);
    }
  });

  test(`A request behind one that was lost when a backend ${how} goes to a fresh session, whatever its method`, async () => {
    await using backend = await ending(end, 0);
    await using world = await RelayWorld.start({ action: forwardTo([h2cBackend(backend.port)]) });
    using client = await RawClient.connect(world.port);
    client.say(post("Content-Length: 0\r\n") + post("Content-Length: 0\r\n"));
    await client.until(() => client.statuses.length > 1);
    assert.deepEqual(client.statuses, [502, 200]);
  });
}

test("Requests under way end well after a GOAWAY, and new ones go to a fresh session", async () => {
  await using scene = await Http2Scene.start(() => undefined);
  scene.client.say(get());
  const { stream } = await scene.backend.request(0);
  scene.backend.sessions[0]?.close();
  using other = await RawClient.connect(scene.world.port);
  await new Promise((resolve) => scene.backend.sessions[0]?.ping(resolve) ?? resolve(undefined));
  other.say(get());
  const next = await scene.backend.request(1);
  assert.equal(scene.backend.sessions.length, 2);
  stream.respond({ ":status": 200, "content-length": 2 });
  stream.end("ok");
  next.stream.respond({ ":status": 204 }, { endStream: true });
  await scene.client.has("\r\n\r\nok");
  await other.has("HTTP/1.1 204");
});

test("An answer that ends in the same read as a GOAWAY with an error, behind it, is told whole", async () => {
  await using backend = await FrameBackend.start(async (peer) => {
    peer.say(greeting());
    const stream = await peer.request(0);
    const head = headers(stream, [[":status", "200"]], FLAG.endHeaders);
    const goaway = frame(FRAME.goaway, 0, 0, Buffer.concat([u32(stream), u32(2)]));
    peer.say(head, goaway, frame(FRAME.data, FLAG.endStream, stream, "all of it"));
  });
  await using world = await RelayWorld.start({ action: forwardTo([h2cBackend(backend.port)]) });
  using client = await RawClient.connect(world.port);
  client.say(get("Connection: close\r\n"));
  assert.match(await client.finished(), /^HTTP\/1.1 200 [\s\S]*\r\nall of it\r\n0\r\n\r\n$/);
});

test("A client that leaves takes its stream back, and nobody else's", async () => {
  await using backend = await FrameBackend.start((peer) => peer.say(greeting()));
  await using world = await RelayWorld.start({ action: forwardTo([h2cBackend(backend.port)]) });
  using leaving = await RawClient.connect(world.port);
  using staying = await RawClient.connect(world.port);
  leaving.say(get());
  const peer = await backend.peer(0);
  const gone = await peer.request(0);
  staying.say(get());
  const kept = await peer.request(1);
  leaving.socket.resetAndDestroy();
  await peer.until(() => peer.of(FRAME.reset).length > 0);
  peer.say(ok(kept));
  await staying.has("HTTP/1.1 200");
  const resets = peer
    .of(FRAME.reset)
    .map(({ stream, payload }) => [stream, payload.readUInt32BE(0)]);
  assert.deepEqual(resets, [[gone, 8]], "CANCEL, once");
});

test("A client that leaves in the middle of a large answer takes its stream back", async () => {
  await using scene = await Http2Scene.start(({ stream }) => {
    stream.respond({ ":status": 200 });
    stream.write(Buffer.alloc(1_000_000));
  });
  scene.client.socket.pause();
  scene.client.say(get());
  const { stream } = await scene.backend.request(0);
  scene.client[Symbol.dispose]();
  if (!stream.closed) await once(stream, "close");
  assert.equal(stream.rstCode, 8);
});

for (const framing of ["Transfer-Encoding: chunked", "Content-Length: 9"]) {
  test(`A client that leaves in the middle of its body (${framing}) is no end of that body`, async () => {
    await using backend = await FrameBackend.start((peer) => peer.say(greeting()));
    await using world = await RelayWorld.start({ action: forwardTo([h2cBackend(backend.port)]) });
    using client = await RawClient.connect(world.port);
    client.say(post(`${framing}\r\n`, framing.startsWith("T") ? "2\r\nhi\r\n" : "hi"));
    const peer = await backend.peer(0);
    const stream = await peer.request(0);
    await peer.until(() => peer.of(FRAME.data, stream).length > 0);
    client.socket.resetAndDestroy();
    await peer.until(() => peer.of(FRAME.reset, stream).length > 0);
    assert.equal(peer.of(FRAME.reset, stream)[0]?.payload.readUInt32BE(0), 8);
    const flags = peer.of(FRAME.data, stream).map((each) => each.flags & FLAG.endStream);
    assert.deepEqual(flags, [0]);
  });
}

test("An answer that comes before the body has is passed on, and the stream is taken back", async () => {
  await using scene = await Http2Scene.start(({ stream }) => {
    stream.respond({ ":status": 413, "content-length": 0 }, { endStream: true });
  });
  scene.client.say(post("Content-Length: 100000\r\n", "x".repeat(10)));
  await scene.client.has("HTTP/1.1 413");
  const { stream } = await scene.backend.request(0);
  if (!stream.closed) await once(stream, "close");
});

test("A backend that takes connections and never sends SETTINGS is answered for with 504", async (t) => {
  const pass = holdTicks(t);
  await using backend = await FrameBackend.start(() => undefined);
  await using world = await RelayWorld.start({ action: forwardTo([h2cBackend(backend.port)]) });
  using client = await RawClient.connect(world.port);
  client.say(get());
  const peer = await backend.peer(0);
  await peer.until(() => peer.of(FRAME.settings).length > 0);
  pass(limits.backendConnectTimeoutMs + MARGIN_MS);
  await client.has("HTTP/1.1 504");
  await peer.until(() => false);
  assert.equal(backend.requests, 0, "nothing was asked");
});

for (const { name, others, first, second } of [
  { name: "one that waits longer with it", others: 0, first: "504", second: "504" },
  { name: "one that waits longer for another backend", others: 1, first: "204", second: "204" },
]) {
  test(`A session that never opens ends with its own deadline, and frees ${name}`, async (t) => {
    const pass = holdTicks(t);
    await using silent = await FrameBackend.start(async (peer, index) => {
      if (index === 0) return;
      peer.say(greeting());
      peer.say(ok(await peer.request(0)));
    });
    await using other = await Http2Backend.start(({ stream }) => {
      stream.respond({ ":status": 204 }, { endStream: true });
    });
    const further = others === 0 ? [] : [h2cBackend(other.port)];
    // What chooses in rotation begins with the first: the second request is held to it by its client.
    const action = forwardTo([h2cBackend(silent.port), ...further], {
      balance: balance({ weights: [100, 1] }),
    });
    await using world = await RelayWorld.start({ action });
    using early = await RawClient.connect(world.port);
    using late = await RawClient.connect(world.port);
    early.say(get());
    const peer = await silent.peer(0);
    pass(limits.backendConnectTimeoutMs / 2);
    late.say(get());
    await turns();
    pass(limits.backendConnectTimeoutMs / 2 + MARGIN_MS);
    await early.has(`HTTP/1.1 ${first}`);
    await late.has(`HTTP/1.1 ${second}`);
    await peer.until(() => false);
    pass(limits.backendDownMs + MARGIN_MS);
    late.say(get("", "/again"));
    await late.until(({ statuses }) => statuses.length === 2);
    assert.equal(late.statuses[1], 200, "later requests try anew");
    assert.equal(silent.peers.length, 2);
  });
}

test("A request that finds no free stream in time is answered 503, and the backend is not thought down", async (t) => {
  const pass = holdTicks(t);
  await using backend = await FrameBackend.start((peer) => peer.say(greeting([3, 0])));
  await using world = await RelayWorld.start({ action: forwardTo([h2cBackend(backend.port)]) });
  using client = await RawClient.connect(world.port);
  client.say(get());
  await backend.peer(limits.backendSessionsMax - 1);
  await Promise.all(
    backend.peers.map((peer) => peer.until(() => peer.of(FRAME.settings).length > 1)),
  );
  pass(limits.backendConnectTimeoutMs + MARGIN_MS);
  await client.has("HTTP/1.1 503");
  assert.match(client.text, /Retry-After: \d/);
  assert.deepEqual(
    world.log.lines.map(({ event }) => event),
    ["backend.failed"],
  );
});

test("A backend that opens sessions and closes each before it takes a request is answered for with 502, at once", async () => {
  await using backend = await FrameBackend.start((peer) => {
    peer.say(greeting([3, 0]), frame(FRAME.goaway, 0, 0, Buffer.concat([u32(0), u32(0)])));
  });
  await using world = await RelayWorld.start({ action: forwardTo([h2cBackend(backend.port)]) });
  using client = await RawClient.connect(world.port);
  client.say(get());
  await client.has("HTTP/1.1 502");
  assert.ok(backend.peers.length <= 2, `${backend.peers.length} sessions`);
});

test("A session without a stream is closed after a while", async (t) => {
  const pass = holdTicks(t);
  await using backend = await FrameBackend.start(async (peer) => {
    peer.say(greeting());
    peer.say(headers(await peer.request(0), [[":status", "204"]]));
  });
  await using world = await RelayWorld.start({ action: forwardTo([h2cBackend(backend.port)]) });
  using client = await RawClient.connect(world.port);
  client.say(get());
  await client.has("HTTP/1.1 204");
  const peer = await backend.peer(0);
  pass(limits.backendSessionIdleMs - limits.tickMs);
  assert.equal(peer.isClosed, false);
  pass(MARGIN_MS);
  await peer.until(() => false);
});

test("A session that is silent while it owes an answer is asked once whether it is there", async (t) => {
  const pass = holdTicks(t);
  await using backend = await FrameBackend.start((peer) => peer.say(greeting()));
  await using world = await RelayWorld.start({ action: forwardTo([h2cBackend(backend.port)]) });
  using client = await RawClient.connect(world.port);
  client.say(get());
  const peer = await backend.peer(0);
  const stream = await peer.request(0);
  pass(MARGIN_MS);
  pass(limits.backendSilenceMs + MARGIN_MS);
  await peer.until(() => peer.of(FRAME.ping).length > 0);
  const [ping] = peer.of(FRAME.ping);
  peer.say(frame(FRAME.ping, 1, 0, ping?.payload), ok(stream));
  await client.has("HTTP/1.1 200");
  pass(limits.backendPongMs + MARGIN_MS);
  assert.equal(peer.isClosed, false);
  assert.equal(peer.of(FRAME.ping).length, 1);
});

test("A session that answers no PING is lost, and its request too", async (t) => {
  const pass = holdTicks(t);
  await using backend = await FrameBackend.start((peer) => peer.say(greeting()));
  await using world = await RelayWorld.start({ action: forwardTo([h2cBackend(backend.port)]) });
  using client = await RawClient.connect(world.port);
  client.say(post("Content-Length: 0\r\n"));
  const peer = await backend.peer(0);
  await peer.request(0);
  pass(MARGIN_MS);
  pass(limits.backendSilenceMs + MARGIN_MS);
  await peer.until(() => peer.of(FRAME.ping).length > 0);
  pass(limits.backendPongMs + MARGIN_MS);
  await client.has("HTTP/1.1 504");
  await peer.until(() => false);
});

/** A relay in front of a backend that answers what its test says, with a deadline that no row reaches. */
async function silence(backend: FrameBackend) {
  const timeouts = { connectMs: 5_000, firstByteMs: 3_600_000, idleMs: 3_600_000 };
  return RelayWorld.start({ action: forwardTo([h2cBackend(backend.port)], { timeouts }) });
}

/** Waits for the `count`th PING of a session that is silent for so long. */
async function pinged(peer: FramePeer, pass: (ms: number) => void, count: number): Promise<void> {
  pass(MARGIN_MS);
  pass(limits.backendSilenceMs + MARGIN_MS);
  await peer.until(() => peer.of(FRAME.ping).length >= count);
}

async function pong(peer: FramePeer): Promise<void> {
  peer.say(frame(FRAME.ping, 1, 0, peer.of(FRAME.ping).at(-1)?.payload));
  await turns();
}

test("A session that falls silent again when more was asked of it is asked again, and found out", async (t) => {
  const pass = holdTicks(t);
  await using backend = await FrameBackend.start((peer) => peer.say(greeting()));
  await using world = await silence(backend);
  using first = await RawClient.connect(world.port);
  using second = await RawClient.connect(world.port);
  first.say(get());
  const peer = await backend.peer(0);
  await peer.request(0);
  await pinged(peer, pass, 1);
  await pong(peer);
  second.say(get());
  await peer.request(1);
  await pinged(peer, pass, 2);
  pass(limits.backendPongMs + MARGIN_MS);
  await first.has("HTTP/1.1 504");
  await second.has("HTTP/1.1 504");
  await peer.until(() => false);
});

test("A session that falls silent again after it was heard is asked again, and found out", async (t) => {
  const pass = holdTicks(t);
  await using backend = await FrameBackend.start((peer) => peer.say(greeting()));
  await using world = await silence(backend);
  using first = await RawClient.connect(world.port);
  using second = await RawClient.connect(world.port);
  first.say(post("Content-Length: 0\r\n"));
  const peer = await backend.peer(0);
  await peer.request(0);
  second.say(get());
  const answered = await peer.request(1);
  await pinged(peer, pass, 1);
  await pong(peer);
  peer.say(ok(answered));
  await second.has("HTTP/1.1 200");
  await pinged(peer, pass, 2);
  pass(limits.backendPongMs + MARGIN_MS);
  await first.has("HTTP/1.1 504");
});

test("A session that owes one answer for long is asked now and then only", async (t) => {
  const pass = holdTicks(t);
  await using backend = await FrameBackend.start((peer) => peer.say(greeting()));
  await using world = await silence(backend);
  using client = await RawClient.connect(world.port);
  client.say(get());
  const peer = await backend.peer(0);
  await peer.request(0);
  await pinged(peer, pass, 1);
  await pong(peer);
  pass(limits.backendPingPauseMs - limits.backendPongMs);
  await turns();
  assert.equal(peer.of(FRAME.ping).length, 1);
  pass(limits.backendPongMs + MARGIN_MS);
  await peer.until(() => peer.of(FRAME.ping).length === 2);
  pass(limits.backendPongMs + MARGIN_MS);
  await client.has("HTTP/1.1 504");
});

test("A session that has nothing but PONGs to say gets no further requests, and keeps those it has", async (t) => {
  const pass = holdTicks(t);
  await using backend = await FrameBackend.start((peer) => peer.say(greeting()));
  await using world = await silence(backend);
  const clients = await asking(world.port, 1);
  const peer = await backend.peer(0);
  for (let count = 1; count <= limits.backendPingsMax; count += 1) {
    await peer.request(count - 1);
    await pinged(peer, pass, count);
    await pong(peer);
    clients.push(...(await asking(world.port, 1)));
  }
  const last = await peer.request(limits.backendPingsMax);
  pass(MARGIN_MS);
  pass(limits.backendSilenceMs + MARGIN_MS);
  using late = await RawClient.connect(world.port);
  late.say(get());
  const next = await backend.peer(1);
  next.say(ok(await next.request(0)));
  await late.has("HTTP/1.1 200");
  peer.say(ok(last));
  await clients.at(-1)?.has("HTTP/1.1 200");
  assert.equal(peer.of(FRAME.ping).length, limits.backendPingsMax);
  await leave(clients);
});

test("Requests that are taken back give their streams back, many of them one after the other", async () => {
  await using scene = await Http2Scene.start(
    ({ stream, headers }) => {
      if (headers[":path"] === "/last") stream.respond({ ":status": 204 }, { endStream: true });
      else stream.respond({ ":status": 200 });
    },
    {},
    { settings: { maxConcurrentStreams: 2 } },
  );
  for (let round = 0; round < limits.backendResetsMax - 1; round += 1) {
    const client = await RawClient.connect(scene.world.port);
    client.say(get());
    await client.has("HTTP/1.1 200");
    client.socket.resetAndDestroy();
    const { stream } = await scene.backend.request(round);
    if (!stream.closed) await once(stream, "close");
  }
  scene.client.say(get("", "/last"));
  await scene.client.has("HTTP/1.1 204");
  assert.equal(scene.backend.sessions.length, 1);
});

const TOTAL = 64 * 1024 * 1024;
/** The kernel's buffers of a client on loopback take up to 12 MiB; ours must not be seen beside them. */
const HELD_MAX = 24 * 1024 * 1024;

/** Waits until nothing moves any more; returns where it stands. */
async function stalled(read: () => number): Promise<number> {
  for (let before = -1; before !== read(); ) {
    before = read();
    for (let turn = 0; turn < 500; turn += 1) await new Promise(setImmediate);
  }
  return read();
}

test("A fast h2c backend waits for a client that reads nothing, others go on, then the client gets it all", async () => {
  const piece = Buffer.alloc(65_536, "x");
  let sent = 0;
  await using scene = await Http2Scene.start(async ({ stream, headers }) => {
    if (headers[":path"] === "/small") {
      stream.respond({ ":status": 204 }, { endStream: true });
      return;
    }
    stream.respond({ ":status": 200, "content-length": TOTAL });
    for (; sent < TOTAL; sent += piece.length)
      if (!stream.write(piece)) await once(stream, "drain");
    stream.end();
  });
  const { socket } = scene.client;
  socket.pause();
  scene.client.say(get());
  await scene.backend.request(0);
  assert.ok((await stalled(() => sent)) < HELD_MAX, `took ${sent} bytes ahead`);
  using other = await RawClient.connect(scene.world.port);
  other.say(get("", "/small"));
  await other.has("HTTP/1.1 204");
  assert.equal(scene.backend.sessions.length, 1, "the other one shares the session");
  let received = 0;
  socket.removeAllListeners("data");
  socket.on("data", (text: string) => {
    received += text.length;
  });
  socket.resume();
  while (received < TOTAL) await once(socket, "data");
});

test("A fast client waits for an h2c backend that reads nothing, then the backend gets it all", async () => {
  const piece = Buffer.alloc(65_536, "x");
  let sent = 0;
  await using scene = await Http2Scene.start(() => undefined);
  const { socket } = scene.client;
  scene.client.say(post(`Content-Length: ${TOTAL}\r\n`));
  const sending = (async () => {
    for (; sent < TOTAL; sent += piece.length)
      if (!socket.write(piece)) await once(socket, "drain");
  })();
  const { stream } = await scene.backend.request(0);
  assert.ok((await stalled(() => sent)) < HELD_MAX, `took ${sent} bytes ahead`);
  let received = 0;
  for await (const bytes of stream) received += Buffer.from(bytes).length;
  await sending;
  assert.equal(received, TOTAL);
  stream.respond({ ":status": 204 }, { endStream: true });
  await scene.client.has("HTTP/1.1 204");
});

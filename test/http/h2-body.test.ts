import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import type { Facts } from "../../src/base/errors.ts";
import { limits } from "../../src/config/limits.ts";
import { H2Client } from "../support/h2-client.ts";
import { FrameBackend } from "../support/h2-frame-backend.ts";
import { FLAG, FRAME, FrameClient, frame, headers, request, u32 } from "../support/h2-frames.ts";
import { heldBytes } from "../support/held-bytes.ts";
import type { Recorded } from "../support/recorded.ts";
import { answering, OK } from "../support/recorder.ts";
import { forwardTo, RelayScene, RelayWorld } from "../support/relay-world.ts";
import { holdTicks, MARGIN_MS } from "../support/ticks.ts";

const H2 = { protocol: "h2" } as const;
const POST = { ":method": "POST" };
/** A request whose body follows. */
const OPEN = FLAG.endHeaders;

test("A body without a length reaches the backend in chunks, one with a length as it is", async () => {
  await using scene = await RelayScene.start(answering(OK), {}, H2);
  using client = await H2Client.connect(scene.world.port);
  const chunked = client.ask(POST, true);
  chunked.stream.end("hello");
  await chunked.closed();
  assert.match(scene.backend.text, /Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n$/);
  const sized = client.ask({ ...POST, "content-length": "5" }, true);
  sized.stream.end("hello");
  await sized.closed();
  assert.match(scene.backend.text, /Content-Length: 5\r\n\r\nhello$/);
  assert.deepEqual([chunked.status, sized.status], [200, 200]);
});

test("Trailers of a request reach the backend, but for those that no trailer may add", async () => {
  await using scene = await RelayScene.start(answering(OK), {}, H2);
  using client = await FrameClient.connect(scene.world.port);
  client.say(
    headers(1, request(POST), OPEN),
    frame(FRAME.data, 0, 1, "hi"),
    headers(1, [
      ["x-sum", "1"],
      ["authorization", "x"],
    ]),
  );
  await client.until(() => client.hasEnd(1));
  assert.match(scene.backend.text, /\r\n\r\n2\r\nhi\r\n0\r\nx-sum: 1\r\n\r\n$/);
});

test("Crumbs of a cookie become one field again", async () => {
  await using scene = await RelayScene.start(answering(OK), {}, H2);
  using client = await FrameClient.connect(scene.world.port);
  const crumbs = [...request(), ["cookie", "a=1"], ["x-a", "b"], ["cookie", "b=2"]] as const;
  client.say(headers(1, crumbs));
  await client.until(() => client.hasEnd(1));
  assert.match(scene.backend.text, /\r\ncookie: a=1; b=2\r\n/);
  assert.equal(scene.backend.text.match(/cookie:/gi)?.length, 1);
});

const COUNT = 100;

test("A hundred requests at once are answered each with its own", async () => {
  await using scene = await RelayScene.start(
    async (connection) => {
      for (let from = 0; ; from = connection.text.indexOf("0\r\n\r\n", from) + 5) {
        await connection.until(({ text }) => text.includes("0\r\n\r\n", from));
        const [, body = ""] =
          /\r\n\r\n[0-9a-f]+\r\n(\w+)\r\n/.exec(connection.text.slice(from)) ?? [];
        connection.say(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
      }
    },
    {},
    H2,
  );
  using client = await H2Client.connect(scene.world.port);
  const calls = Array.from({ length: COUNT }, (_, index) => {
    const call = client.ask(POST, true);
    call.stream.end(`body${index}`);
    return call;
  });
  const closed = await Promise.all(calls.map((call) => call.closed()));
  assert.deepEqual(
    closed.map(({ body }) => body),
    Array.from({ length: COUNT }, (_, index) => `body${index}`),
  );
});

const PIECE = Buffer.alloc(65_536, "x");
const TOTAL = 32 * 1024 * 1024;
/** The windows of a stream, what Node's streams hold, and the kernel's buffers of one connection on loopback. */
const HELD_MAX = 12 * 1024 * 1024;

async function flood(socket: Recorded["socket"]): Promise<void> {
  for (let sent = 0; sent < TOTAL && !socket.destroyed; sent += PIECE.length) {
    if (socket.write(PIECE)) continue;
    await once(socket, "drain");
  }
}

async function stalled(read: () => number): Promise<number> {
  for (let before = -1; before !== read(); ) {
    before = read();
    for (let turn = 0; turn < 500; turn += 1) await new Promise(setImmediate);
  }
  return read();
}

test("A fast backend waits for a stream that nobody reads, then the client gets it all", async () => {
  await using scene = await RelayScene.start(
    async (connection) => {
      await connection.head();
      if (connection.text.startsWith("GET /small")) {
        connection.say(OK);
        return;
      }
      connection.say(`HTTP/1.1 200 OK\r\nContent-Length: ${TOTAL}\r\n\r\n`);
      await flood(connection.socket);
    },
    {},
    H2,
  );
  using client = await FrameClient.connect(scene.world.port);
  client.say(headers(1));
  const { socket } = await scene.backend.connection(0);
  const taken = await stalled(() => socket.bytesWritten);
  assert.ok(taken < HELD_MAX, `took ${taken} bytes ahead`);
  client.say(headers(3, request({ ":path": "/small" })));
  client.say(frame(FRAME.windowUpdate, 0, 0, u32(TOTAL)));
  await client.until(() => client.hasEnd(3));
  client.say(frame(FRAME.windowUpdate, 0, 1, u32(TOTAL)));
  await client.until(() => client.hasEnd(1));
  const received = client.of(FRAME.data, 1).reduce((sum, { payload }) => sum + payload.length, 0);
  assert.equal(received, TOTAL);
});

test("A client waits for a backend that reads nothing, and other streams go on meanwhile", async () => {
  let received = 0;
  await using scene = await RelayScene.start(
    async (connection) => {
      await connection.head();
      if (connection.text.startsWith("GET /small")) {
        connection.say(OK);
        return;
      }
      received = connection.text.length;
      connection.socket.removeAllListeners("data");
      connection.socket.pause();
      connection.socket.on("data", (text: string) => {
        received += text.length;
        if (received >= TOTAL) connection.say("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
      });
      connection.socket.pause();
    },
    {},
    H2,
  );
  using client = await H2Client.connect(scene.world.port);
  const before = await heldBytes();
  const upload = client.ask({ ...POST, "content-length": `${TOTAL}` }, true);
  let sent = 0;
  const sending = (async () => {
    for (; sent < TOTAL; sent += PIECE.length) {
      if (!upload.stream.write(PIECE)) await once(upload.stream, "drain");
    }
    upload.stream.end();
  })();
  assert.ok((await stalled(() => sent)) < HELD_MAX, `took ${sent} bytes ahead`);
  const held = (await heldBytes()) - before;
  assert.ok(held < 1_024 * 1_024, `${held} bytes are held`);
  assert.equal((await client.get({ ":path": "/small" })).status, 200);
  (await scene.backend.connection(0)).socket.resume();
  await sending;
  await upload.closed();
  assert.equal(upload.status, 200);
});

/** How a client can leave in the middle of its request. */
const leavings: readonly [how: string, leave: (client: FrameClient) => void][] = [
  ["takes it back", (client) => client.say(frame(FRAME.reset, 0, 1, u32(8)))],
  [
    "takes it back as if nothing was wrong",
    (client) => client.say(frame(FRAME.reset, 0, 1, u32(0))),
  ],
  ["closes the connection", (client) => client.socket.destroy()],
  ["ends the connection", (client) => void client.socket.end()],
  [
    "says GOAWAY with an error",
    (client) => client.say(frame(FRAME.goaway, 0, 0, Buffer.concat([u32(0), u32(2)]))),
  ],
  ["breaks the protocol", (client) => client.say(frame(FRAME.data, 0, 0, "x"))],
];

for (const [how, leave] of leavings) {
  test(`When a client ${how} in the middle of its body, the backend never sees an end of it`, async () => {
    const lines: Facts[] = [];
    const access = (facts: Facts) => void lines.push(facts);
    await using scene = await RelayScene.start(() => undefined, {}, { ...H2, access });
    using client = await FrameClient.connect(scene.world.port);
    client.say(headers(1, request(POST), OPEN), frame(FRAME.data, 0, 1, "half"));
    const backend = await scene.backend.connection(0);
    await backend.has("half");
    leave(client);
    await backend.gone();
    assert.match(backend.text, /\r\n\r\n4\r\nhalf\r\n$/);
    assert.deepEqual(
      lines.map(({ status, bytesIn }) => [status, bytesIn]),
      [[0, 4]],
    );
  });
}

test("When a client takes a request back, its backend is left and the others are not", async () => {
  await using scene = await RelayScene.start(
    async (connection) => {
      await connection.head();
      connection.say("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf");
    },
    {},
    H2,
  );
  using client = await FrameClient.connect(scene.world.port);
  client.say(headers(1));
  await client.until(() => client.of(FRAME.data, 1).length > 0);
  client.say(headers(3));
  await client.until(() => client.of(FRAME.data, 3).length > 0);
  client.say(frame(FRAME.reset, 0, 1, u32(8)));
  await scene.backend.connections[0]?.gone();
  assert.equal(scene.backend.connections[1]?.isClosed, false);
  assert.equal(client.of(FRAME.goaway).length, 0);
});

test("An answer that comes before the body has ended is whole; then the stream is closed without an error", async (t) => {
  const pass = holdTicks(t);
  await using scene = await RelayScene.start(
    async (connection) => {
      await connection.head();
      connection.say(OK);
    },
    {},
    H2,
  );
  using client = await FrameClient.connect(scene.world.port);
  client.say(headers(1, request(POST), OPEN), frame(FRAME.data, 0, 1, "half"));
  await client.until(() => client.hasEnd(1));
  assert.equal(client.status(1), 200);
  pass(limits.drainTimeoutMs + MARGIN_MS);
  await client.until(() => client.of(FRAME.reset, 1).length > 0);
  assert.equal(client.resetCode(1), "NO_ERROR");
  await scene.backend.connections[0]?.gone();
  assert.doesNotMatch(scene.backend.text, /0\r\n\r\n$/);
});

test("A body larger than allowed is answered 413, told or found out", async () => {
  for (const lines of [{ "content-length": "11" }, {}]) {
    await using scene = await RelayScene.start(() => undefined, { maxBodyBytes: 10 }, H2);
    using client = await H2Client.connect(scene.world.port);
    const call = client.ask({ ...POST, ...lines }, true);
    call.stream.end("x".repeat(11));
    await call.closed();
    assert.equal(call.status, 413);
  }
});

/** Trailers that cannot go on, and what they are answered with. */
const broken: readonly [
  what: string,
  fields: readonly (readonly [string, string])[],
  status: number,
][] = [
  ["with space before a value", [["x-a", " b"]], 400],
  ["without end", Array.from({ length: 101 }, (_, index) => [`x-${index}`, "b"] as const), 431],
];

for (const [what, fields, status] of broken) {
  test(`Trailers ${what} are answered ${status}, and the backend never sees the end`, async () => {
    await using scene = await RelayScene.start(() => undefined, {}, H2);
    using client = await FrameClient.connect(scene.world.port);
    client.say(headers(1, request(POST), OPEN), frame(FRAME.data, 0, 1, "half"));
    const backend = await scene.backend.connection(0);
    await backend.has("half");
    client.say(headers(1, fields));
    await client.until(() => client.hasEnd(1));
    assert.equal(client.status(1), status);
    await backend.gone();
    assert.match(backend.text, /\r\n\r\n4\r\nhalf\r\n$/);
  });
}

/** Requests that have come to their end, with nothing in them. */
const empty: readonly (readonly [what: string, ...frames: readonly Buffer[]])[] = [
  ["with a length of 0", headers(1, request({ ...POST, "content-length": "0" }))],
  ["that end with their head", headers(1, request(POST))],
  [
    "with a length of 0 whose end is still to come",
    headers(1, request({ ...POST, "content-length": "0" }), OPEN),
  ],
  ["that end with nothing", headers(1, request(POST), OPEN), frame(FRAME.data, FLAG.endStream, 1)],
  ["that end with trailers", headers(1, request(POST), OPEN), headers(1, [["x-sum", "1"]])],
  [
    "that end with a little",
    headers(1, request(POST), OPEN),
    frame(FRAME.data, FLAG.endStream, 1, "x"),
  ],
];

for (const [what, ...frames] of empty) {
  test(`Nobody waits for more of requests ${what} while their backend takes nothing`, async (t) => {
    const pass = holdTicks(t);
    // A session is asked nothing before its SETTINGS.
    await using backend = await FrameBackend.start(() => undefined);
    const address = { host: "127.0.0.1", port: backend.port };
    const connectMs = limits.bodyIdleTimeoutMs + 10_000;
    const timeouts = { connectMs, firstByteMs: 10_000, idleMs: 10_000 };
    const action = forwardTo([{ kind: "h2c", address, hostHeader: "client" }], { timeouts });
    await using world = await RelayWorld.start({ action, ...H2 });
    using client = await FrameClient.connect(world.port);
    client.say(...frames);
    await backend.peer(0);
    for (let waited = 0; waited < connectMs + MARGIN_MS; waited += limits.tickMs)
      pass(limits.tickMs);
    await client.until(() => client.has(1));
    assert.equal(client.status(1), 504);
  });
}

test("A body that waits for its backend is not taken for a flood", async (t) => {
  const pass = holdTicks(t);
  await using scene = await RelayScene.start(
    (connection) => void connection.socket.pause(),
    {},
    H2,
  );
  using client = await H2Client.connect(scene.world.port);
  const { stream } = client.ask(POST, true);
  const piece = Buffer.alloc(65_536);
  for (let turns = 0; turns < 300; turns += 1) {
    while (stream.writableLength < piece.length) {
      stream.write(piece);
      turns = 0;
    }
    await new Promise(setImmediate);
  }
  for (let ticks = 0; ticks < 5; ticks += 1) pass(limits.tickMs);
  const pong = await new Promise((resolve) => client.session.ping(resolve));
  assert.equal(pong, null, "the connection is still there");
});

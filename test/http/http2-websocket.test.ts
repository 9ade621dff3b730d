import assert from "node:assert/strict";
import { once } from "node:events";
import type { ServerHttp2Stream } from "node:http2";
import { type TestContext, test } from "node:test";
import { limits } from "../../src/config/limits.ts";
import { makeAuthority, makeCertificate } from "../support/certificates.ts";
import { FrameBackend, greeting } from "../support/h2-frame-backend.ts";
import {
  CODE,
  contentIn,
  FLAG,
  FRAME,
  FrameClient,
  frame,
  headers,
  request,
  u32,
} from "../support/h2-frames.ts";
import { type Answering, Http2Backend, h2cBackend } from "../support/http2-backend.ts";
import { RawClient } from "../support/raw-client.ts";
import { Recorder } from "../support/recorder.ts";
import { forwardTo, httpBackend, httpsBackendOf, RelayWorld } from "../support/relay-world.ts";
import { holdTicks, MARGIN_MS, turns } from "../support/ticks.ts";
import { bytesOfAnyValue, HANDSHAKE } from "../support/websocket.ts";

/** The key of {@link HANDSHAKE}, and what proves that it was read (RFC 6455 §1.3). */
const KEY = "dGhlIHNhbXBsZSBub25jZQ==";
const PROOF = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
const CONNECT = request({
  ":method": "CONNECT",
  ":protocol": "websocket",
  ":path": "/chat",
  origin: "https://a.example",
  "sec-websocket-version": "13",
});
const TUNNELS = { settings: { enableConnectProtocol: true } };

const authority = makeAuthority();
const server = makeCertificate({ names: ["backend.example"], issuer: authority });
const SECURE = { cert: server.chain, key: server.key };

/** One who asks for a WebSocket, by either protocol. */
interface Visitor extends Disposable {
  say(text: string): void;
  end(): void;
  /** Closes at once, not as if it were the end. */
  reset(): void;
  /** The status of the answer, when there is one. */
  status(): Promise<number>;
  /** Waits for these bytes behind the answer. */
  has(text: string): Promise<void>;
  /** Waits for the end, and says how it was. */
  ended(): Promise<"end" | "reset">;
}

async function overHttp1(port: number): Promise<Visitor> {
  const client = await RawClient.connect(port);
  client.say(HANDSHAKE);
  return {
    say: (text) => client.say(text),
    end: () => client.socket.end(),
    reset: () => client.socket.resetAndDestroy(),
    status: async () => {
      await client.has("\r\n\r\n");
      return client.statuses[0] ?? 0;
    },
    has: (text) =>
      client.until((each) => each.text.split("\r\n\r\n").at(1)?.includes(text) === true),
    ended: async () => {
      await client.gone();
      return client.isEnded ? "end" : "reset";
    },
    [Symbol.dispose]: () => client[Symbol.dispose](),
  };
}

async function overHttp2(port: number): Promise<Visitor> {
  const client = await FrameClient.connect(port);
  client.say(headers(1, CONNECT, FLAG.endHeaders));
  const content = () => contentIn(client.frames, 1);
  return {
    say: (text) => client.say(frame(FRAME.data, 0, 1, text)),
    end: () => client.say(frame(FRAME.data, FLAG.endStream, 1)),
    reset: () => client.say(frame(FRAME.reset, 0, 1, u32(8))),
    status: async () => {
      await client.until(() => client.status(1) !== 0);
      return client.status(1);
    },
    has: (text) => client.until(() => content().includes(text)),
    ended: async () => {
      await client.until(() => client.hasEnd(1) || client.of(FRAME.reset, 1).length > 0);
      return client.hasEnd(1) ? "end" : "reset";
    },
    [Symbol.dispose]: () => client[Symbol.dispose](),
  };
}

/** By either protocol: who asks, and what tells that there is a tunnel. */
const fronts = [
  { protocol: "http/1.1", visit: overHttp1, opened: 101 },
  { protocol: "h2", visit: overHttp2, opened: 200 },
] as const;

/** Makes a tunnel of a stream that asks for one, and says what it hears. */
const echo: Answering = ({ stream, headers: asked }) => {
  if (asked[":protocol"] !== "websocket") {
    stream.respond({ ":status": 204 }, { endStream: true });
    return;
  }
  stream.respond({ ":status": 200 });
  stream.write("first");
  stream.pipe(stream);
};

async function tunnel(front: (typeof fronts)[number], answer: Answering = echo) {
  const stack = new AsyncDisposableStack();
  const backend = stack.use(await Http2Backend.start(answer, TUNNELS));
  const action = forwardTo([h2cBackend(backend.port)]);
  const { protocol } = front;
  const world = stack.use(await RelayWorld.start({ action, protocol }));
  const visitor = stack.use(await front.visit(world.port));
  const { stream, headers: asked } = await backend.request(0);
  return { backend, visitor, stream, asked, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

async function closed(stream: ServerHttp2Stream): Promise<number> {
  if (!stream.closed) await once(stream, "close");
  return stream.rstCode;
}

for (const front of fronts) {
  const who = `a client of ${front.protocol}`;

  test(`A WebSocket of ${who} becomes a stream of an h2c backend that takes them, bytes both ways`, async () => {
    await using scene = await tunnel(front);
    const { visitor, asked } = scene;
    assert.equal(await visitor.status(), front.opened);
    assert.equal(asked[":method"], "CONNECT");
    assert.equal(asked[":protocol"], "websocket");
    assert.equal(asked[":scheme"], "http");
    assert.equal(asked[":authority"], "shop.example");
    assert.equal(asked[":path"], "/chat");
    assert.equal(asked.origin, "https://a.example");
    assert.equal(asked["sec-websocket-version"], "13");
    for (const name of ["sec-websocket-key", "upgrade", "connection", "host"])
      assert.equal(asked[name], undefined, name);
    await visitor.has("first");
    visitor.say("\x81\x02hi");
    await visitor.has("first\x81\x02hi");
    visitor.end();
    assert.equal(await visitor.ended(), "end");
    assert.equal(await closed(scene.stream), 0);
  });

  test(`Bytes of any value of ${who} go through a stream as they are, both ways, however they are cut`, async () => {
    await using scene = await tunnel(front);
    const { visitor } = scene;
    await visitor.has("first");
    const pieces = [1, 4_096, 4_097, 16_384].map(bytesOfAnyValue);
    for (const piece of pieces) visitor.say(piece);
    await visitor.has(`first${pieces.join("")}`);
  });

  for (const code of [0, 2, 8]) {
    test(`A tunnel of ${who} ends when the backend resets it with ${CODE[code]}, as what is cut`, async () => {
      await using backend = await FrameBackend.start(async (peer) => {
        peer.say(greeting([8, 1]));
        const stream = await peer.request(0);
        peer.say(
          headers(stream, [[":status", "200"]], FLAG.endHeaders),
          frame(FRAME.data, 0, stream, "first"),
          frame(FRAME.reset, 0, stream, u32(code)),
        );
      });
      const { protocol } = front;
      const action = forwardTo([h2cBackend(backend.port)]);
      await using world = await RelayWorld.start({ action, protocol });
      using visitor = await front.visit(world.port);
      assert.equal(await visitor.status(), front.opened);
      // With TLS, a connection that is closed without close_notify; here there is no TLS.
      assert.equal(await visitor.ended(), protocol === "h2" ? "reset" : "end");
    });
  }

  test(`A tunnel that ${who} breaks off is taken back at the backend, and the session goes on`, async () => {
    await using scene = await tunnel(front);
    await scene.visitor.has("first");
    scene.visitor.reset();
    assert.equal(await closed(scene.stream), 8);
    assert.equal(scene.backend.sessions[0]?.destroyed, false);
  });

  test(`A backend that refuses ${who} with 403 is answered from, and gets nothing of what it says`, async () => {
    await using scene = await tunnel(front, ({ stream }) => {
      stream.respond({ ":status": 403, "content-length": 2 });
      stream.end("no");
    });
    const pieces: unknown[] = [];
    scene.stream.on("data", (piece) => pieces.push(piece));
    scene.visitor.say("secret");
    assert.equal(await scene.visitor.status(), 403);
    await scene.visitor.has("no");
    await closed(scene.stream);
    assert.deepEqual(pieces, []);
  });

  test(`${who} gets 501 where an h2c backend takes no WebSockets, which is asked nothing`, async () => {
    await using backend = await Http2Backend.start(echo);
    const { protocol } = front;
    const action = forwardTo([h2cBackend(backend.port)]);
    await using world = await RelayWorld.start({ action, protocol });
    for (let round = 0; round < 2; round += 1) {
      using visitor = await front.visit(world.port);
      assert.equal(await visitor.status(), 501);
    }
    assert.deepEqual([backend.sessions.length, backend.asked.length], [1, 0]);
    assert.deepEqual(world.log.lines, [], "and it is not thought down");
  });

  test(`A WebSocket of ${who} goes to another backend where the first takes none`, async () => {
    await using h2c = await Http2Backend.start(echo);
    await using http1 = await Recorder.start(async (connection) => {
      await connection.head();
      connection.say("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n");
    });
    const { protocol } = front;
    const action = forwardTo([h2cBackend(h2c.port), httpBackend(http1.port)]);
    await using world = await RelayWorld.start({ action, protocol });
    using visitor = await front.visit(world.port);
    assert.equal(await visitor.status(), 403);
    assert.deepEqual([h2c.asked.length, http1.requests], [0, 1]);
  });

  for (const takes of [true, false]) {
    const how = takes ? "as a stream of its session" : "over HTTP/1.1";
    test(`WebSockets of ${who} go to an https backend ${how}, where it ${takes ? "takes" : "takes none of"} those`, async () => {
      const settings = takes ? TUNNELS.settings : {};
      await using backend = await Http2Backend.startSecure(echo, {
        ...SECURE,
        settings,
        allowHTTP1: true,
      });
      let handshakes = 0;
      backend.server.on("secureConnection", () => {
        handshakes += 1;
      });
      backend.server.on("upgrade", (asked, socket) => {
        socket.write(
          `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${asked.headers["sec-websocket-key"] === KEY ? PROOF : ""}\r\n\r\n`,
        );
        socket.end("first");
      });
      const { protocol } = front;
      const action = forwardTo([httpsBackendOf(backend.port, authority.certificate)]);
      await using world = await RelayWorld.start({ action, protocol });
      for (let round = 0; round < 3; round += 1) {
        using visitor = await front.visit(world.port);
        // A key of ours, with HTTP/2 in front: nobody proves it here.
        const status = takes || protocol === "http/1.1" ? front.opened : 502;
        assert.equal(await visitor.status(), status);
        if (status === front.opened) await visitor.has("first");
      }
      assert.deepEqual([handshakes, backend.sessions.length], [takes ? 1 : 4, 1]);
      assert.equal(backend.asked.length, takes ? 3 : 0);
    });
  }
}

test("A client of HTTP/1.1 gets the proof that it asked for, and no other", async () => {
  await using backend = await Http2Backend.start(({ stream }) => {
    stream.respond({
      ":status": 200,
      "sec-websocket-accept": "of-somebody-else",
      "sec-websocket-protocol": "chat",
      "content-length": 7,
    });
  }, TUNNELS);
  await using world = await RelayWorld.start({ action: forwardTo([h2cBackend(backend.port)]) });
  using client = await RawClient.connect(world.port);
  client.say(HANDSHAKE);
  await client.has("\r\n\r\n");
  assert.match(
    client.text,
    /^HTTP\/1\.1 101 \r\nsec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK\+xOo=\r\nsec-websocket-protocol: chat\r\n(?:date: [^\r]+\r\n)?Upgrade: websocket\r\nConnection: Upgrade\r\n\r\n$/i,
  );
});

test("A tunnel over HTTP/2 at both ends that says nothing is closed after the idle time, at both ends", async (t: TestContext) => {
  const pass = holdTicks(t);
  await using scene = await tunnel(fronts[1]);
  await scene.visitor.has("first");
  // In steps, since the session is asked meanwhile whether it is there.
  for (let left = limits.tunnelIdleTimeoutMs + MARGIN_MS; left > 0; left -= 5_000) {
    pass(Math.min(left, 5_000));
    await turns();
  }
  assert.equal(await scene.visitor.ended(), "reset");
  assert.equal(await closed(scene.stream), 8);
});

test("A backend that gives a tunnel no window holds up the client, and nobody else", async () => {
  const total = 16 * 1_024 * 1_024;
  await using scene = await tunnel(fronts[0], ({ stream, headers: asked }) => {
    if (asked[":protocol"] === undefined) stream.respond({ ":status": 204 }, { endStream: true });
    else stream.respond({ ":status": 200 });
  });
  const { visitor, stream } = scene;
  assert.equal(await visitor.status(), 101);
  const piece = "x".repeat(65_536);
  for (let sent = 0; sent < total; sent += piece.length) visitor.say(piece);
  await turns(200);
  assert.equal(stream.readableLength < 1_024 * 1_024, true);
  let received = 0;
  for await (const bytes of stream) {
    received += bytes.length;
    if (received === total) break;
  }
  assert.equal(received, total);
});

const OPEN_HEAD = (stream: number, flags: number = FLAG.endHeaders, status = "200"): Buffer =>
  headers(stream, [[":status", status]], flags);

/** What a backend says to the handshake, frame by frame, and what comes of it. */
const plays: readonly {
  readonly name: string;
  readonly says: (stream: number) => readonly Buffer[];
  readonly goes?: "end";
  /** With HTTP/2 in front; over HTTP/1.1 it is 101 for 200. */
  readonly status: number;
  /** What comes behind it, and how it ends, if it does. */
  readonly content?: string;
  readonly ends?: "end" | "reset";
  /** Does it take the deadline of the first byte? */
  readonly isLate?: true;
}[] = [
  { name: "does not answer", says: () => [], status: 504, isLate: true },
  { name: "resets the stream", says: (id) => [frame(FRAME.reset, 0, id, u32(2))], status: 502 },
  { name: "refuses the stream", says: (id) => [frame(FRAME.reset, 0, id, u32(7))], status: 502 },
  { name: "answers 101", says: (id) => [OPEN_HEAD(id, FLAG.endHeaders, "101")], status: 502 },
  {
    name: "speaks of the connection",
    says: (id) => [
      headers(
        id,
        [
          [":status", "200"],
          ["upgrade", "websocket"],
        ],
        FLAG.endHeaders,
      ),
    ],
    status: 502,
  },
  {
    name: "answers 201, and goes on",
    says: (id) => [OPEN_HEAD(id, FLAG.endHeaders, "201"), frame(FRAME.data, 0, id, "first")],
    status: 200,
    content: "first",
  },
  {
    name: "ends with its head",
    says: (id) => [OPEN_HEAD(id, FLAG.endHeaders | FLAG.endStream)],
    status: 200,
    ends: "end",
  },
  {
    name: "says something and ends",
    says: (id) => [OPEN_HEAD(id), frame(FRAME.data, FLAG.endStream, id, "first")],
    status: 200,
    content: "first",
    ends: "end",
  },
  {
    name: "goes away below the tunnel",
    says: (id) => [
      OPEN_HEAD(id),
      frame(FRAME.data, 0, id, "first"),
      frame(FRAME.goaway, 0, 0, Buffer.concat([u32(0), u32(2)])),
    ],
    status: 200,
    ends: "reset",
  },
  {
    name: "goes away behind the tunnel, which goes on",
    says: (id) => [
      OPEN_HEAD(id),
      frame(FRAME.goaway, 0, 0, Buffer.concat([u32(id), u32(0)])),
      frame(FRAME.data, 0, id, "first"),
    ],
    status: 200,
    content: "first",
  },
  {
    name: "says a second head",
    says: (id) => [OPEN_HEAD(id), OPEN_HEAD(id)],
    status: 200,
    ends: "reset",
  },
  {
    name: "closes the connection",
    says: (id) => [OPEN_HEAD(id), frame(FRAME.data, 0, id, "first")],
    goes: "end",
    status: 200,
    content: "first",
    ends: "reset",
  },
];

for (const front of fronts) {
  for (const { name, says, goes, status, content, ends, isLate } of plays) {
    const opened = status === 200 ? front.opened : status;
    test(`A backend that ${name}, asked for a tunnel by a client of ${front.protocol}: ${opened}${ends === undefined ? "" : `, then ${ends}`}`, async (t) => {
      const pass = holdTicks(t);
      await using backend = await FrameBackend.start(async (peer) => {
        peer.say(greeting([8, 1]));
        for (let index = 0; ; index += 1) {
          const stream = await peer.request(index);
          if (stream === 0) return;
          peer.say(...says(stream));
          if (goes === "end") peer.socket.end();
        }
      });
      const { protocol } = front;
      const timeouts = { connectMs: 5_000, firstByteMs: 15_000, idleMs: 15_000 };
      const action = forwardTo([h2cBackend(backend.port)], { timeouts });
      await using world = await RelayWorld.start({ action, protocol });
      using visitor = await front.visit(world.port);
      await (await backend.peer(0)).request(0);
      if (isLate) pass(timeouts.firstByteMs + MARGIN_MS);
      assert.equal(await visitor.status(), opened);
      if (content !== undefined) await visitor.has(content);
      if (ends === undefined) return;
      // With TLS, a connection that is cut has no close_notify; here there is no TLS.
      assert.equal(await visitor.ended(), protocol === "h2" ? ends : "end");
    });
  }
}

import assert from "node:assert/strict";
import { test } from "node:test";
import { limits } from "../../src/config/limits.ts";
import {
  FLAG,
  FRAME,
  FrameClient,
  fieldBlock,
  frame,
  headers,
  request,
  settings,
  u32,
} from "../support/h2-frames.ts";
import { answering, OK } from "../support/recorder.ts";
import { RelayScene } from "../support/relay-world.ts";

const H2 = { protocol: "h2" } as const;
const OPEN = FLAG.endHeaders;
/** More writes than any of these floods may come to. */
const TURNS_MAX = 2_000;
/** Frames that go out in one write. */
const AT_ONCE = 100;

interface Flood {
  readonly what: string;
  /** Comes once, before the flood. */
  readonly first?: Buffer;
  /** Comes again and again; `stream` is a number that was not used before. */
  readonly again: (stream: number) => Buffer;
  /** The code of the GOAWAY that ends it: INTERNAL_ERROR is Node's word where nghttp2 has had enough itself. */
  readonly code: string;
  /** Is each answer waited for before the next request goes out? */
  readonly isPatient?: boolean;
  /** So many requests reach the backend at most. */
  readonly requestsMax: number;
}

const floods: readonly Flood[] = [
  {
    what: "requests that are taken back at once (CVE-2023-44487)",
    again: (stream) => Buffer.concat([headers(stream), frame(FRAME.reset, 0, stream, u32(8))]),
    code: "INTERNAL_ERROR",
    requestsMax: 200,
  },
  {
    what: "requests with a window that grows by nothing (CVE-2025-8671)",
    again: (stream) =>
      Buffer.concat([headers(stream), frame(FRAME.windowUpdate, 0, stream, u32(0))]),
    code: "PROTOCOL_ERROR",
    requestsMax: 200,
  },
  {
    what: "requests with a window that overflows (CVE-2025-8671)",
    again: (stream) =>
      Buffer.concat([headers(stream), frame(FRAME.windowUpdate, 0, stream, u32(2 ** 31 - 1))]),
    code: "FLOW_CONTROL_ERROR",
    requestsMax: 200,
  },
  {
    what: "requests that go on after their end (CVE-2025-8671)",
    again: (stream) => Buffer.concat([headers(stream), frame(FRAME.data, 0, stream, "x")]),
    code: "STREAM_CLOSED",
    requestsMax: 200,
  },
  {
    what: "requests with a PRIORITY of the wrong length (CVE-2025-8671)",
    again: (stream) => Buffer.concat([headers(stream), frame(FRAME.priority, 0, stream, "xxxx")]),
    code: "FRAME_SIZE_ERROR",
    requestsMax: 200,
  },
  {
    what: "requests with more of a body than they say (CVE-2025-8671)",
    again: (stream) =>
      Buffer.concat([
        headers(stream, request({ ":method": "POST", "content-length": "1" }), OPEN),
        frame(FRAME.data, 0, stream, "xx"),
      ]),
    isPatient: true,
    code: "INTERNAL_ERROR",
    requestsMax: 200,
  },
  {
    what: "malformed requests",
    again: (stream) => headers(stream, request({ ":scheme": "ftp" })),
    isPatient: true,
    code: "ENHANCE_YOUR_CALM",
    requestsMax: 0,
  },
  {
    what: "requests that nghttp2 refuses itself",
    again: (stream) => headers(stream, request({ connection: "close" })),
    code: "INTERNAL_ERROR",
    requestsMax: 0,
  },
  {
    what: "requests beyond those that may be open",
    again: (stream) => headers(stream, request({ ":method": "POST" }), OPEN),
    code: "INTERNAL_ERROR",
    requestsMax: 100,
  },
  {
    what: "a head of many small CONTINUATION frames (CVE-2024-27983)",
    first: headers(1, request(), FLAG.endStream),
    again: () => frame(FRAME.continuation, 0, 1, fieldBlock([["x-a", "b"]])),
    code: "INTERNAL_ERROR",
    requestsMax: 0,
  },
  {
    what: "a head of empty CONTINUATION frames",
    first: headers(1, request(), FLAG.endStream),
    again: () => frame(FRAME.continuation, 0, 1),
    code: "INTERNAL_ERROR",
    requestsMax: 0,
  },
  {
    what: "PING (CVE-2019-9512)",
    again: () => frame(FRAME.ping, 0, 0, "12345678"),
    code: "ENHANCE_YOUR_CALM",
    requestsMax: 0,
  },
  {
    what: "PING after a GOAWAY of the client's, with a request still open",
    first: Buffer.concat([headers(1), frame(FRAME.goaway, 0, 0, Buffer.concat([u32(0), u32(0)]))]),
    again: () => frame(FRAME.ping, 0, 0, "12345678"),
    code: "ENHANCE_YOUR_CALM",
    requestsMax: 1,
  },
  {
    what: "answers to PINGs that were not sent",
    again: () => frame(FRAME.ping, FLAG.ack, 0, "12345678"),
    code: "INTERNAL_ERROR",
    requestsMax: 0,
  },
  {
    what: "SETTINGS (CVE-2019-9515)",
    again: () => settings([4, 65_535]),
    code: "ENHANCE_YOUR_CALM",
    requestsMax: 0,
  },
  {
    what: "empty SETTINGS",
    again: () => settings(),
    code: "ENHANCE_YOUR_CALM",
    requestsMax: 0,
  },
  {
    what: "PRIORITY (CVE-2019-9513)",
    again: (stream) => frame(FRAME.priority, 0, stream, "\0\0\0\0\x10"),
    code: "ENHANCE_YOUR_CALM",
    requestsMax: 0,
  },
  {
    what: "WINDOW_UPDATE of the connection",
    again: () => frame(FRAME.windowUpdate, 0, 0, u32(1)),
    code: "ENHANCE_YOUR_CALM",
    requestsMax: 0,
  },
  {
    what: "frames of a kind nobody knows",
    again: () => frame(FRAME.unknown, 0, 0, "x".repeat(1_000)),
    code: "ENHANCE_YOUR_CALM",
    requestsMax: 0,
  },
  {
    what: "empty DATA (CVE-2019-9518)",
    first: headers(1, request({ ":method": "POST" }), OPEN),
    again: () => frame(FRAME.data, 0, 1),
    code: "INTERNAL_ERROR",
    requestsMax: 1,
  },
  {
    what: "DATA that is nothing but padding",
    first: headers(1, request({ ":method": "POST" }), OPEN),
    again: () => frame(FRAME.data, FLAG.padded, 1, `\xff${"\0".repeat(255)}`),
    code: "ENHANCE_YOUR_CALM",
    requestsMax: 1,
  },
  {
    what: "RST_STREAM for a stream that was closed before",
    first: Buffer.concat([headers(1), frame(FRAME.reset, 0, 1, u32(8))]),
    again: () => frame(FRAME.reset, 0, 1, u32(8)),
    code: "INTERNAL_ERROR",
    requestsMax: 1,
  },
];

for (const { what, first, again, code, isPatient = false, requestsMax } of floods) {
  test(`T25: A flood is cut: ${what}`, async () => {
    await using scene = await RelayScene.start(() => undefined, {}, H2);
    using client = await FrameClient.connect(scene.world.port);
    if (first !== undefined) client.say(first);
    const atOnce = isPatient ? 1 : AT_ONCE;
    for (let turn = 0; turn < TURNS_MAX && !client.isClosed; turn += 1) {
      const next = 3 + 2 * turn * atOnce;
      client.say(...Array.from({ length: atOnce }, (_, at) => again(next + 2 * at)));
      if (isPatient) await client.until(() => client.has(next));
      else await new Promise(setImmediate);
    }
    assert.ok(client.isClosed, "it was not cut");
    assert.equal(client.goawayCode, code);
    assert.ok(scene.backend.requests <= requestsMax, `${scene.backend.requests} requests`);
    while (scene.world.relay.open > 1) await new Promise(setImmediate);
  });
}

/** What a client may do all the time. */
const habits: readonly [what: string, again: (stream: number) => Buffer][] = [
  [
    "large heads that are new each time",
    (stream) => headers(stream, request({ cookie: `${stream}`.padEnd(8_000, "x") })),
  ],
  [
    "requests with a PING and a PRIORITY each",
    (stream) =>
      Buffer.concat([
        frame(FRAME.ping, 0, 0, "12345678"),
        headers(stream),
        frame(FRAME.priority, 0, stream, "\0\0\0\0\x10"),
      ]),
  ],
  [
    "bodies in pieces of one byte",
    (stream) =>
      Buffer.concat([
        headers(stream, request({ ":method": "POST" }), OPEN),
        ...Array.from({ length: 50 }, () => frame(FRAME.data, 0, stream, "x")),
        frame(FRAME.data, FLAG.endStream, stream),
      ]),
  ],
  [
    "hosts that are not served here",
    (stream) => headers(stream, request({ ":authority": "other.example" })),
  ],
];
const TIMES = 150;

for (const [what, again] of habits) {
  test(`A client is not cut for ${what}`, async () => {
    await using scene = await RelayScene.start(answering(OK), {}, H2);
    using client = await FrameClient.connect(scene.world.port);
    for (let turn = 0; turn < TIMES; turn += 1) {
      client.say(again(2 * turn + 1));
      await client.until(() => client.hasEnd(2 * turn + 1));
    }
    await new Promise((resolve) => setTimeout(resolve, 2 * limits.tickMs));
    assert.deepEqual([client.isClosed, client.of(FRAME.goaway).length], [false, 0]);
  });
}

test("T25: A window of the connection that overflows is an error of the connection", async () => {
  await using scene = await RelayScene.start(answering(OK), {}, H2);
  using client = await FrameClient.connect(scene.world.port);
  client.say(frame(FRAME.windowUpdate, 0, 0, u32(2 ** 31 - 1)));
  await client.closed();
  assert.equal(client.goawayCode, "FLOW_CONTROL_ERROR");
});

test("T25: Fields that a table makes large out of little are refused (HPACK bomb)", async () => {
  await using scene = await RelayScene.start(answering(OK), {}, H2);
  using client = await FrameClient.connect(scene.world.port);
  const seed = Buffer.concat([
    Buffer.from([0x40]),
    fieldBlock([["x-a", "y".repeat(4_000)]]).subarray(1),
  ]);
  client.say(
    frame(
      FRAME.headers,
      FLAG.endStream | FLAG.endHeaders,
      1,
      Buffer.concat([fieldBlock(request()), seed]),
    ),
  );
  await client.until(() => client.hasEnd(1));
  const bomb = Buffer.concat([fieldBlock(request()), Buffer.alloc(10_000, 0x80 | 62)]);
  client.say(frame(FRAME.headers, FLAG.endStream | FLAG.endHeaders, 3, bomb));
  await client.until(() => client.of(FRAME.reset, 3).length > 0);
  assert.equal(client.resetCode(3), "ENHANCE_YOUR_CALM");
  assert.equal(scene.backend.requests, 1);
});

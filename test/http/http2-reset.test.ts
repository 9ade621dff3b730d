import assert from "node:assert/strict";
import { test } from "node:test";
import { FrameBackend, type FramePeer, greeting } from "../support/h2-frame-backend.ts";
import {
  CODE,
  FLAG,
  FRAME,
  FrameClient,
  frame,
  headers,
  request,
  u32,
} from "../support/h2-frames.ts";
import { h2cBackend } from "../support/http2-backend.ts";
import { RawClient } from "../support/raw-client.ts";
import { forwardTo, get, RelayWorld } from "../support/relay-world.ts";

const CANCEL = 8;
/** Every kind of code of RFC 9113 §7, and one that nobody knows. */
const CODES = [0, 1, 2, 3, 5, 7, 8, 10, 11, 12, 13, 0xdead];

const nameOf = (code: number): string => CODE[code] ?? `code ${code}`;
const reset = (stream: number, code: number): Buffer => frame(FRAME.reset, 0, stream, u32(code));
const head = (stream: number, status: string, ...more: (readonly [string, string])[]): Buffer =>
  headers(stream, [[":status", status], ...more], FLAG.endHeaders);
const data = (stream: number, text: string, flags = 0): Buffer =>
  frame(FRAME.data, flags, stream, text);

/** What a client got of an answer. */
interface Seen {
  readonly status: number;
  /** Did it come to an end that the client takes for one? */
  readonly isWhole: boolean;
}

/** What means the same to whoever is behind us; the rest is about our connection, or would say that nothing was done. */
const PASSED_ON: Readonly<Record<number, string>> = { 8: "CANCEL", 11: "ENHANCE_YOUR_CALM" };

async function overHttp1(port: number): Promise<Seen> {
  using client = await RawClient.connect(port);
  client.say(get("Connection: close\r\n"));
  const text = await client.finished();
  const last = text.slice(text.lastIndexOf("HTTP/1.1"));
  const [lines = "", content = ""] = last.split("\r\n\r\n", 2);
  const length = /content-length: (\d+)/i.exec(lines)?.[1];
  const isSized = length !== undefined && content.length === Number(length);
  return { status: client.statuses.at(-1) ?? 0, isWhole: isSized || last.endsWith("0\r\n\r\n") };
}

async function overHttp2(port: number, code: number): Promise<Seen> {
  using client = await FrameClient.connect(port);
  client.say(headers(1));
  await client.until(() => client.hasEnd(1) || client.of(FRAME.reset, 1).length > 0);
  const isWhole = client.hasEnd(1);
  if (!isWhole) assert.equal(client.resetCode(1), PASSED_ON[code] ?? "INTERNAL_ERROR");
  assert.equal(client.of(FRAME.goaway).length, 0, "the connection goes on");
  return { status: client.status(1), isWhole };
}

/** Where the backend resets the stream, and what the client is to see. */
const moments: readonly {
  readonly name: string;
  readonly says: (stream: number) => readonly Buffer[];
  readonly seen: Seen;
}[] = [
  { name: "before its head", says: () => [], seen: { status: 502, isWhole: true } },
  {
    name: "right behind its head",
    says: (id) => [head(id, "200")],
    seen: { status: 200, isWhole: false },
  },
  {
    name: "in a body without a length",
    says: (id) => [head(id, "200"), data(id, "hello")],
    seen: { status: 200, isWhole: false },
  },
  {
    name: "in a sized body",
    says: (id) => [head(id, "200", ["content-length", "9"]), data(id, "hello")],
    seen: { status: 200, isWhole: false },
  },
  {
    name: "behind its end",
    says: (id) => [head(id, "200"), data(id, "hello", FLAG.endStream)],
    seen: { status: 200, isWhole: true },
  },
];

for (const [protocol, visit] of [
  ["http/1.1", overHttp1],
  ["h2", overHttp2],
] as const) {
  for (const { name, says, seen } of moments) {
    test(`A backend that resets its stream ${name}, whatever the code: a client of ${protocol} sees ${seen.status}, ${seen.isWhole ? "whole" : "cut"}`, async () => {
      let code = 0;
      await using backend = await FrameBackend.start(async (peer) => {
        peer.say(greeting());
        for (let index = 0; ; index += 1) {
          const stream = await peer.request(index);
          if (stream === 0) return;
          peer.say(...says(stream), reset(stream, code));
        }
      });
      const action = forwardTo([h2cBackend(backend.port)]);
      await using world = await RelayWorld.start({ action, protocol });
      for (code of CODES) assert.deepEqual(await visit(world.port, code), seen, nameOf(code));
      assert.equal(backend.peers.length, 1, "the session goes on");
    });
  }
}

/** When the client takes its request back, as far as the backend has come with it. */
const stages: readonly {
  readonly name: string;
  readonly asks: readonly Buffer[];
  readonly answers: (stream: number) => readonly Buffer[];
  /** Has the request come to the backend as far as it was said? */
  readonly hasCome: (peer: FramePeer, stream: number) => boolean;
  /** Does the whole request come to the backend? */
  readonly isWhole: boolean;
}[] = [
  {
    name: "before there is an answer",
    asks: [headers(1)],
    answers: () => [],
    hasCome: () => true,
    isWhole: true,
  },
  {
    name: "in the middle of its body",
    asks: [headers(1, request({ ":method": "POST" }), FLAG.endHeaders), data(1, "hello")],
    answers: () => [],
    hasCome: (peer, stream) => peer.of(FRAME.data, stream).length > 0,
    isWhole: false,
  },
  {
    name: "in the middle of its sized body",
    asks: [
      headers(1, request({ ":method": "POST", "content-length": "9" }), FLAG.endHeaders),
      data(1, "hello"),
    ],
    answers: () => [],
    hasCome: (peer, stream) => peer.of(FRAME.data, stream).length > 0,
    isWhole: false,
  },
  {
    name: "in the middle of the answer",
    asks: [headers(1)],
    answers: (id) => [head(id, "200"), data(id, "hello")],
    hasCome: () => true,
    isWhole: true,
  },
  {
    name: "in the middle of both",
    asks: [headers(1, request({ ":method": "POST" }), FLAG.endHeaders), data(1, "hello")],
    answers: (id) => [head(id, "200"), data(id, "hello")],
    hasCome: (peer, stream) => peer.of(FRAME.data, stream).length > 0,
    isWhole: false,
  },
];

for (const { name, asks, answers, hasCome, isWhole } of stages) {
  test(`A client that takes its request back ${name}, whatever the code, is CANCEL to the backend`, async () => {
    await using backend = await FrameBackend.start((peer) => peer.say(greeting()));
    const action = forwardTo([h2cBackend(backend.port)]);
    await using world = await RelayWorld.start({ action, protocol: "h2" });
    for (const [index, code] of CODES.entries()) {
      using client = await FrameClient.connect(world.port);
      client.say(...asks);
      const peer = await backend.peer(0);
      const stream = await peer.request(index);
      await peer.until(() => hasCome(peer, stream));
      peer.say(...answers(stream));
      const expected = answers(stream).length;
      await client.until(
        () => client.frames.filter((each) => each.stream === 1).length >= expected,
      );
      client.say(reset(1, code));
      await peer.until(() => peer.of(FRAME.reset, stream).length > 0);
      const codes = peer.of(FRAME.reset, stream).map(({ payload }) => payload.readUInt32BE(0));
      assert.deepEqual(codes, [CANCEL], nameOf(code));
      const ends = [...peer.of(FRAME.headers, stream), ...peer.of(FRAME.data, stream)].filter(
        ({ flags }) => (flags & FLAG.endStream) !== 0,
      );
      assert.equal(ends.length > 0, isWhole, `END_STREAM with ${nameOf(code)}`);
    }
    assert.equal(backend.peers.length, 1, "the session goes on");
  });
}

test("A backend whose connection is lost in the middle of an answer has taken nothing back: INTERNAL_ERROR", async () => {
  await using backend = await FrameBackend.start(async (peer) => {
    peer.say(greeting());
    const stream = await peer.request(0);
    peer.say(head(stream, "200"), data(stream, "hello"));
  });
  const action = forwardTo([h2cBackend(backend.port)]);
  await using world = await RelayWorld.start({ action, protocol: "h2" });
  using client = await FrameClient.connect(world.port);
  client.say(headers(1));
  await client.until(() => client.of(FRAME.data, 1).length > 0);
  (await backend.peer(0)).socket.destroy();
  await client.until(() => client.of(FRAME.reset, 1).length > 0);
  assert.equal(client.resetCode(1), "INTERNAL_ERROR");
});

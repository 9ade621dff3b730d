import assert from "node:assert/strict";
import { test } from "node:test";
import { limits } from "../../src/config/limits.ts";
import { FrameBackend, type FramePeer, greeting } from "../support/h2-frame-backend.ts";
import { contentIn, FRAME, frame, hasEnd, headers, u32 } from "../support/h2-frames.ts";
import { h2cBackend } from "../support/http2-backend.ts";
import { RawClient } from "../support/raw-client.ts";
import { forwardTo, get, post, RelayWorld } from "../support/relay-world.ts";

const NO_ERROR = 0;
const INTERNAL = 2;
const REFUSED = 7;
const CANCEL = 8;
const CALM = 11;

const reset = (stream: number, code: number): Buffer => frame(FRAME.reset, 0, stream, u32(code));
const goaway = (last: number, code: number): Buffer =>
  frame(FRAME.goaway, 0, 0, Buffer.concat([u32(last), u32(code)]));

/** How a backend takes back a request, and whether that says that it never looked at it (RFC 9113 §8.7). */
const refusals: readonly {
  readonly name: string;
  readonly says: (stream: number) => Buffer;
  readonly isUnseen: boolean;
}[] = [
  { name: "REFUSED_STREAM", says: (id) => reset(id, REFUSED), isUnseen: true },
  { name: "a GOAWAY below it", says: () => goaway(0, NO_ERROR), isUnseen: true },
  { name: "a GOAWAY with an error below it", says: () => goaway(0, CALM), isUnseen: true },
  { name: "a GOAWAY with an error at it", says: (id) => goaway(id, INTERNAL), isUnseen: false },
  { name: "INTERNAL_ERROR", says: (id) => reset(id, INTERNAL), isUnseen: false },
  { name: "CANCEL", says: (id) => reset(id, CANCEL), isUnseen: false },
  { name: "NO_ERROR", says: (id) => reset(id, NO_ERROR), isUnseen: false },
];

/** How the body comes: before the refusal, and after it. */
const bodies: readonly {
  readonly name: string;
  readonly before: string;
  readonly after?: string;
  /** What must come of it before it is refused; what must come of it the second time. */
  readonly first: string;
  readonly whole: string;
  /** Can it be given once more? */
  readonly isKept: boolean;
  readonly trailers?: boolean;
}[] = [
  { name: "no body", before: get(), first: "", whole: "", isKept: true },
  {
    name: "POST, no body",
    before: post("Content-Length: 0\r\n"),
    first: "",
    whole: "",
    isKept: true,
  },
  {
    name: "POST, a body",
    before: post("Content-Length: 5\r\n", "hello"),
    first: "hello",
    whole: "hello",
    isKept: true,
  },
  {
    name: "POST, half a body",
    before: post("Content-Length: 10\r\n", "hello"),
    after: "world",
    first: "hello",
    whole: "helloworld",
    isKept: true,
  },
  {
    name: "POST, half a body in chunks",
    before: post("Transfer-Encoding: chunked\r\n", "5\r\nhello\r\n"),
    after: "5\r\nworld\r\n0\r\n\r\n",
    first: "hello",
    whole: "helloworld",
    isKept: true,
  },
  {
    name: "POST, chunks with trailers",
    before: post(
      "TE: trailers\r\nConnection: TE\r\nTransfer-Encoding: chunked\r\n",
      "5\r\nhello\r\n0\r\nx-sum: 1\r\n\r\n",
    ),
    first: "hello",
    whole: "hello",
    isKept: true,
    trailers: true,
  },
  {
    name: "POST, chunks without content",
    before: post("Transfer-Encoding: chunked\r\n", "0\r\n\r\n"),
    first: "",
    whole: "",
    isKept: true,
  },
  {
    name: "POST, as much as is kept",
    before: post(
      `Content-Length: ${limits.keptBodyMaxBytes}\r\n`,
      "x".repeat(limits.keptBodyMaxBytes),
    ),
    first: "x".repeat(limits.keptBodyMaxBytes),
    whole: "x".repeat(limits.keptBodyMaxBytes),
    isKept: true,
  },
  {
    name: "POST, a byte more than is kept",
    before: post(
      `Content-Length: ${limits.keptBodyMaxBytes + 1}\r\n`,
      "x".repeat(limits.keptBodyMaxBytes + 1),
    ),
    first: "x".repeat(limits.keptBodyMaxBytes + 1),
    whole: "",
    isKept: false,
  },
];

/** The streams of requests: trailers are a second HEADERS of theirs. */
function streamsOf(peer: FramePeer): readonly number[] {
  return [...new Set(peer.of(FRAME.headers).map(({ stream }) => stream))];
}

for (const { name, says, isUnseen } of refusals) {
  for (const body of bodies) {
    const isAgain = body.isKept && isUnseen;
    test(`${body.name}, taken back by ${name}: ${isAgain ? "sent once more, 200" : "502"}`, async () => {
      const contents: string[] = [];
      let client: RawClient | undefined;
      await using backend = await FrameBackend.start(async (peer) => {
        peer.say(greeting());
        for (let index = 0; ; index += 1) {
          await peer.until(() => streamsOf(peer).length > index);
          const stream = streamsOf(peer)[index];
          if (stream === undefined) return;
          const isFirst = contents.length === 0;
          if (!isFirst) client?.say(body.after ?? "");
          const due = isFirst ? body.first : body.whole;
          const isEnough = () =>
            isFirst
              ? contentIn(peer.frames, stream).length >= due.length
              : hasEnd(peer.frames, stream);
          await peer.until(isEnough);
          contents.push(contentIn(peer.frames, stream));
          peer.say(isFirst ? says(stream) : headers(stream, [[":status", "200"]]));
        }
      });
      await using world = await RelayWorld.start({ action: forwardTo([h2cBackend(backend.port)]) });
      client = await RawClient.connect(world.port);
      client.say(body.before);
      await client.until(({ statuses }) => statuses.length > 0);
      assert.deepEqual(client.statuses, [isAgain ? 200 : 502]);
      assert.deepEqual(contents, isAgain ? [body.first, body.whole] : [body.first]);
      if (isAgain && body.trailers === true) {
        const peer = backend.peers.at(-1);
        assert.equal(peer?.of(FRAME.headers, streamsOf(peer).at(-1)).length, 2);
      }
      client[Symbol.dispose]();
    });
  }
}

test("A request that is refused twice is answered 502", async () => {
  await using backend = await FrameBackend.start(async (peer) => {
    peer.say(greeting());
    for (let index = 0; ; index += 1) {
      const stream = await peer.request(index);
      if (stream === 0) return;
      await peer.until(() => hasEnd(peer.frames, stream));
      peer.say(reset(stream, REFUSED));
    }
  });
  await using world = await RelayWorld.start({ action: forwardTo([h2cBackend(backend.port)]) });
  using client = await RawClient.connect(world.port);
  client.say(post("Content-Length: 2\r\n", "hi"));
  await client.has("HTTP/1.1 502");
  assert.equal(backend.requests, 2);
});

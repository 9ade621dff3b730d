import assert from "node:assert/strict";
import { test } from "node:test";
import { FrameBackend, type FramePeer, greeting } from "../support/h2-frame-backend.ts";
import { FLAG, FRAME, fieldBlock, frame, headers, u32 } from "../support/h2-frames.ts";
import { h2cBackend } from "../support/http2-backend.ts";
import { RawClient } from "../support/raw-client.ts";
import { forwardTo, get, RelayWorld } from "../support/relay-world.ts";

type Pairs = readonly (readonly [string, string])[];

/** A head of these fields; `goes on` without END_STREAM. */
function head(stream: number, fields: Pairs, ends: "ends" | "goes on" = "goes on"): Buffer {
  return headers(stream, fields, FLAG.endHeaders | (ends === "ends" ? FLAG.endStream : 0));
}

function data(stream: number, text: string, ends: "ends" | "goes on" = "goes on"): Buffer {
  return frame(FRAME.data, ends === "ends" ? FLAG.endStream : 0, stream, text);
}

function reset(stream: number, code: number): Buffer {
  return frame(FRAME.reset, 0, stream, u32(code));
}

function goaway(last: number, code: number): Buffer {
  return frame(FRAME.goaway, 0, 0, Buffer.concat([u32(last), u32(code)]));
}

const OK: Pairs = [[":status", "200"]];
const sized = (length: number): Pairs => [...OK, ["content-length", `${length}`]];
const NO_ERROR = 0;
const INTERNAL = 2;
const REFUSED = 7;
const CANCEL = 8;
const CALM = 11;

interface Hostility {
  readonly name: string;
  /** What the backend says to the first request of each connection, and how it leaves. */
  readonly says: (stream: number) => readonly Buffer[];
  readonly goes?: "end" | "reset";
  /** The status that the client sees first; 200 means an answer that had begun. */
  readonly status: number;
  /** Does the client see its connection cut, in place of a clean end? */
  readonly isCut?: boolean;
  /** Interim answers before it that reach the client; none unless said. */
  readonly interims?: number;
  /** How many requests reach the backend for one GET; 1 unless said. */
  readonly requests?: number;
}

const hostilities: readonly Hostility[] = [
  { name: "ends before its answer", says: () => [], goes: "end", status: 502 },
  { name: "resets the connection before its answer", says: () => [], goes: "reset", status: 502 },
  {
    name: "goes away in the middle of a head",
    says: (id) => [head(id, OK).subarray(0, 12)],
    goes: "end",
    status: 502,
  },
  {
    name: "ends in a sized body",
    says: (id) => [head(id, sized(9)), data(id, "hello")],
    goes: "end",
    status: 200,
    isCut: true,
  },
  {
    name: "ends in a body without a length",
    says: (id) => [head(id, OK), data(id, "hello")],
    goes: "end",
    status: 200,
    isCut: true,
  },
  {
    name: "resets the connection in a body without a length",
    says: (id) => [head(id, OK), data(id, "hello")],
    goes: "reset",
    status: 200,
    isCut: true,
  },
  { name: "resets the stream before its answer", says: (id) => [reset(id, INTERNAL)], status: 502 },
  {
    name: "resets the stream without an error before its answer",
    says: (id) => [reset(id, NO_ERROR)],
    status: 502,
  },
  {
    name: "refuses the stream again and again",
    says: (id) => [reset(id, REFUSED)],
    status: 502,
    requests: 2,
  },
  {
    name: "cancels the stream in a body",
    says: (id) => [head(id, OK), data(id, "hello"), reset(id, CANCEL)],
    status: 200,
    isCut: true,
  },
  {
    name: "resets the stream without an error in a body without a length",
    says: (id) => [head(id, OK), data(id, "hello"), reset(id, NO_ERROR)],
    status: 200,
    isCut: true,
  },
  {
    name: "resets the stream without an error in a sized body",
    says: (id) => [head(id, sized(9)), data(id, "hello"), reset(id, NO_ERROR)],
    status: 200,
    isCut: true,
  },
  {
    name: "resets the stream without an error right after its head",
    says: (id) => [head(id, OK), reset(id, NO_ERROR)],
    status: 200,
    isCut: true,
  },
  {
    name: "refuses the stream in a body",
    says: (id) => [head(id, OK), data(id, "hello"), reset(id, REFUSED)],
    status: 200,
    isCut: true,
  },
  {
    name: "ends a sized body early",
    says: (id) => [head(id, sized(9)), data(id, "hello", "ends")],
    status: 200,
    isCut: true,
  },
  {
    name: "says more than a sized body holds",
    says: (id) => [head(id, sized(2)), data(id, "hello", "ends")],
    status: 200,
    isCut: true,
  },
  {
    name: "promises a body and ends with its head",
    says: (id) => [head(id, sized(9), "ends")],
    status: 502,
  },
  {
    name: "gives two lengths",
    says: (id) => [head(id, [...sized(2), ["content-length", "3"]]), data(id, "ok", "ends")],
    status: 502,
  },
  {
    name: "gives a length that is no number",
    says: (id) => [head(id, [...OK, ["content-length", "+2"]]), data(id, "ok", "ends")],
    status: 502,
  },
  { name: "gives no status", says: (id) => [head(id, [["x-a", "b"]], "ends")], status: 502 },
  { name: "gives two statuses", says: (id) => [head(id, [...OK, ...OK], "ends")], status: 502 },
  {
    name: "gives a status that is no number",
    says: (id) => [head(id, [[":status", "2x0"]], "ends")],
    status: 502,
  },
  {
    name: "gives a status below 100",
    says: (id) => [head(id, [[":status", "099"]], "ends")],
    status: 502,
  },
  {
    name: "gives its status after a field",
    says: (id) => [head(id, [["x-a", "b"], ...OK], "ends")],
    status: 502,
  },
  {
    name: "gives a pseudo-header field of requests",
    says: (id) => [head(id, [...OK, [":path", "/"]], "ends")],
    status: 502,
  },
  { name: "switches protocols", says: (id) => [head(id, [[":status", "101"]])], status: 502 },
  {
    name: "sends Transfer-Encoding",
    says: (id) => [
      head(id, [...OK, ["transfer-encoding", "chunked"]]),
      data(id, "0\r\n\r\n", "ends"),
    ],
    status: 502,
  },
  {
    name: "sends Connection",
    says: (id) => [head(id, [...OK, ["connection", "close"]], "ends")],
    status: 502,
  },
  {
    name: "sends Keep-Alive",
    says: (id) => [head(id, [...OK, ["keep-alive", "1"]], "ends")],
    status: 502,
  },
  {
    name: "sends Upgrade",
    says: (id) => [head(id, [...OK, ["upgrade", "h2c"]], "ends")],
    status: 502,
  },
  {
    name: "writes a field name in upper case",
    says: (id) => [head(id, [...OK, ["X-A", "b"]], "ends")],
    status: 502,
  },
  {
    name: "writes a field name with a space",
    says: (id) => [head(id, [...OK, ["x a", "b"]], "ends")],
    status: 200,
  },
  {
    name: "writes an empty field name",
    says: (id) => [head(id, [...OK, ["", "b"]], "ends")],
    status: 200,
  },
  {
    name: "writes a line break into a value",
    says: (id) => [head(id, [...OK, ["x-a", "b\r\nx-b: c"]], "ends")],
    status: 200,
  },
  {
    name: "writes NUL into a value",
    says: (id) => [head(id, [...OK, ["x-a", "b\0"]], "ends")],
    status: 200,
  },
  { name: "writes a head of 20,000 bytes", says: (id) => big(id, 20_000), status: 502 },
  {
    name: "writes more than a hundred fields",
    says: (id) => [
      head(
        id,
        [...OK, ...Array.from({ length: 101 }, (_, at) => [`x-${at}`, "a"] as const)],
        "ends",
      ),
    ],
    status: 502,
  },
  {
    name: "never ends its head",
    says: (id) => [
      frame(FRAME.headers, 0, id, fieldBlock(OK)),
      ...Array.from({ length: 40 }, () =>
        frame(FRAME.continuation, 0, id, fieldBlock([["x-a", "b"]])),
      ),
    ],
    status: 502,
  },
  {
    name: "sends eleven interim answers",
    says: (id) => [
      ...Array.from({ length: 11 }, () => head(id, [[":status", "103"]])),
      head(id, OK, "ends"),
    ],
    status: 502,
    interims: 10,
  },
  {
    name: "ends the stream with an interim answer",
    says: (id) => [head(id, [[":status", "103"]], "ends")],
    status: 502,
  },
  {
    name: "gives an interim answer a length",
    says: (id) => [
      head(id, [
        [":status", "103"],
        ["content-length", "5"],
      ]),
      head(id, OK, "ends"),
    ],
    status: 502,
  },
  { name: "sends content before its head", says: (id) => [data(id, "hello")], status: 502 },
  {
    name: "sends a second head in the body",
    says: (id) => [head(id, OK), data(id, "hello"), head(id, OK), data(id, "more", "ends")],
    status: 200,
    isCut: true,
  },
  {
    name: "puts a status into the trailers",
    says: (id) => [head(id, OK), data(id, "hello"), head(id, OK, "ends")],
    status: 200,
    isCut: true,
  },
  {
    name: "puts upper case into the trailers",
    says: (id) => [head(id, OK), data(id, "hello"), head(id, [["X-A", "b"]], "ends")],
    status: 200,
    isCut: true,
  },
  {
    name: "sends content behind its end",
    says: (id) => [head(id, sized(5)), data(id, "hello", "ends"), data(id, "more")],
    status: 200,
  },
  {
    name: "pushes",
    says: (id) => [
      frame(FRAME.pushPromise, FLAG.endHeaders, id, Buffer.concat([u32(2), fieldBlock(OK)])),
    ],
    status: 502,
  },
  { name: "opens a stream of its own", says: () => [head(2, OK, "ends")], status: 502 },
  {
    name: "answers on a stream that nobody opened",
    says: (id) => [head(id + 2, OK, "ends")],
    status: 502,
  },
  {
    name: "sends a frame larger than we take",
    says: (id) => [head(id, OK), data(id, "x".repeat(20_000), "ends")],
    status: 200,
    isCut: true,
  },
  {
    name: "raises a window beyond its bound",
    says: (id) => [head(id, OK), frame(FRAME.windowUpdate, 0, id, u32(0x7fffffff))],
    status: 200,
    isCut: true,
  },
  {
    name: "sends a SETTINGS frame of five bytes",
    says: () => [frame(FRAME.settings, 0, 0, "abcde")],
    status: 502,
  },
  {
    name: "sends HTTP/1.1",
    says: () => [Buffer.from("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")],
    status: 502,
  },
  {
    name: "goes away for this stream and all, again and again",
    says: () => [goaway(0, NO_ERROR)],
    status: 502,
    requests: 2,
  },
  {
    name: "goes away with an error for this stream and all, again and again",
    says: () => [goaway(0, CALM)],
    status: 502,
    requests: 2,
  },
  {
    name: "goes away with an error that covers the stream",
    says: (id) => [goaway(id, INTERNAL)],
    status: 502,
  },
];

function big(stream: number, size: number): readonly Buffer[] {
  const block = fieldBlock([...OK, ["x-big", "b".repeat(size)]]);
  return [
    frame(FRAME.headers, FLAG.endStream, stream, block.subarray(0, 16_000)),
    frame(FRAME.continuation, FLAG.endHeaders, stream, block.subarray(16_000)),
  ];
}

async function play(peer: FramePeer, { says, goes }: Hostility): Promise<void> {
  peer.say(greeting());
  for (let index = 0; ; index += 1) {
    const stream = await peer.request(index);
    if (stream === 0) return;
    peer.say(...says(stream));
    if (goes === "end") peer.socket.end();
    else if (goes === "reset") {
      // What was said before is read first.
      await new Promise((resolve) => peer.socket.write("", resolve));
      setImmediate(() => peer.socket.resetAndDestroy());
    }
  }
}

for (const row of hostilities) {
  test(`A backend that ${row.name}: ${row.status}${row.isCut ? ", cut" : ""}`, async () => {
    await using backend = await FrameBackend.start((peer) => play(peer, row));
    await using world = await RelayWorld.start({ action: forwardTo([h2cBackend(backend.port)]) });
    using client = await RawClient.connect(world.port);
    client.say(get());
    await client.until(({ statuses }) => statuses.some((status) => status >= 200));
    const interims = Array.from({ length: row.interims ?? 0 }, () => 103);
    assert.deepEqual(client.statuses, [...interims, row.status]);
    // nghttp2 leaves out a field that it finds malformed; no row has a sound field of such a name.
    assert.doesNotMatch(client.text, /^x[- ]/im);
    if (row.isCut === true) {
      await client.finished();
      assert.doesNotMatch(client.text, /0\r\n\r\n$/, "no clean end");
    }
    assert.equal(backend.requests, row.requests ?? 1);
  });
}

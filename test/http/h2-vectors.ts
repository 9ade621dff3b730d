import {
  FLAG,
  FRAME,
  fieldBlock,
  frame,
  headers,
  request,
  settings,
  u32,
} from "../support/h2-frames.ts";

const OPEN = FLAG.endHeaders;
const WHOLE = FLAG.endHeaders | FLAG.endStream;
const POST = { ":method": "POST" };

/** What must never be a request of its own behind us. */
export const SMUGGLED = "GET /smuggled HTTP/1.1\r\nHost: shop.example\r\n\r\n";

/** How a stream ends: a status, the code of its RST_STREAM, or of the GOAWAY that ends everything. */
export type End = number | `reset ${string}` | `goaway ${string}`;

/** Heads that would be something else as HTTP/1.1 (Kettle, "HTTP/2: The Sequel is Always Worse", 2021). */
export const spoilingHeads: readonly [what: string, frames: Buffer, end: End][] = [
  [
    "Transfer-Encoding",
    headers(1, request({ ...POST, "transfer-encoding": "chunked" }), OPEN),
    "reset PROTOCOL_ERROR",
  ],
  ["Connection", headers(1, request({ connection: "x" })), "reset PROTOCOL_ERROR"],
  ["Keep-Alive", headers(1, request({ "keep-alive": "timeout=5" })), "reset PROTOCOL_ERROR"],
  [
    "Proxy-Connection",
    headers(1, request({ "proxy-connection": "close" })),
    "reset PROTOCOL_ERROR",
  ],
  ["Upgrade", headers(1, request({ upgrade: "h2c" })), "reset PROTOCOL_ERROR"],
  ["HTTP2-Settings", headers(1, request({ "http2-settings": "AAMAAABk" })), 400],
  ["TE: chunked", headers(1, request({ te: "chunked" })), "reset PROTOCOL_ERROR"],
  ["a name in capitals", headers(1, request({ "X-A": "b" })), "reset PROTOCOL_ERROR"],
  ["a second :path", headers(1, [...request(), [":path", "/b"]]), "reset PROTOCOL_ERROR"],
  [
    "a pseudo-header field behind others",
    headers(1, [["x-a", "b"], ...request()]),
    "reset PROTOCOL_ERROR",
  ],
  [
    "a pseudo-header field nobody knows",
    headers(1, request({ ":x": "b" })),
    "reset PROTOCOL_ERROR",
  ],
  [":status", headers(1, request({ ":status": "200" })), "reset PROTOCOL_ERROR"],
  ["no :method", headers(1, request({ ":method": undefined })), "reset PROTOCOL_ERROR"],
  ["no :path", headers(1, request({ ":path": undefined })), "reset PROTOCOL_ERROR"],
  ["an empty :path", headers(1, request({ ":path": "" })), "reset PROTOCOL_ERROR"],
  ["no :scheme", headers(1, request({ ":scheme": undefined })), "reset PROTOCOL_ERROR"],
  [
    "no :authority and no Host",
    headers(1, request({ ":authority": undefined })),
    "reset PROTOCOL_ERROR",
  ],
  ["an empty :authority", headers(1, request({ ":authority": "" })), "reset PROTOCOL_ERROR"],
  [
    "two Hosts",
    headers(1, [...request(), ["host", "shop.example"], ["host", "shop.example"]]),
    "reset PROTOCOL_ERROR",
  ],
  ["a Host that is another", headers(1, request({ host: "other.example" })), 400],
  [
    "user information in :authority",
    headers(1, request({ ":authority": "a@shop.example" })),
    "reset PROTOCOL_ERROR",
  ],
  [
    "a line break in :path",
    headers(1, request({ ":path": `/ HTTP/1.1\r\n\r\n${SMUGGLED}` })),
    "reset PROTOCOL_ERROR",
  ],
  ["a space in :path", headers(1, request({ ":path": "/ HTTP/1.1" })), "reset PROTOCOL_ERROR"],
  [
    "a URL in :path",
    headers(1, request({ ":path": "https://shop.example/" })),
    "reset PROTOCOL_ERROR",
  ],
  ["a fragment in :path", headers(1, request({ ":path": "/#a" })), 400],
  [
    "a space in :method",
    headers(1, request({ ":method": "GET / HTTP/1.1" })),
    "reset PROTOCOL_ERROR",
  ],
  [
    "a line break in :method",
    headers(1, request({ ":method": `GET / HTTP/1.1\r\n\r\n${SMUGGLED}` })),
    "reset PROTOCOL_ERROR",
  ],
  [
    "a line break in :authority",
    headers(1, request({ ":authority": `shop.example\r\nx: y` })),
    "reset PROTOCOL_ERROR",
  ],
  [
    "a line break in :scheme",
    headers(1, request({ ":scheme": "https\r\nx: y" })),
    "reset PROTOCOL_ERROR",
  ],
  ["space before a value", headers(1, request({ "x-a": " b" })), 400],
  ["space after a value", headers(1, request({ "x-a": "b\t" })), 400],
  [
    "a Content-Length that is no number",
    headers(1, request({ ...POST, "content-length": "1a" }), OPEN),
    "reset PROTOCOL_ERROR",
  ],
  [
    "a Content-Length with a sign",
    headers(1, request({ ...POST, "content-length": "+5" }), OPEN),
    "reset PROTOCOL_ERROR",
  ],
  [
    "a Content-Length of twenty digits",
    headers(1, request({ ...POST, "content-length": "9".repeat(20) }), OPEN),
    "reset PROTOCOL_ERROR",
  ],
  [
    "two Content-Lengths",
    headers(1, [...request(POST), ["content-length", "2"], ["content-length", "2"]], OPEN),
    "reset PROTOCOL_ERROR",
  ],
  [
    "a Content-Length without a body",
    headers(1, request({ ...POST, "content-length": "5" })),
    "reset PROTOCOL_ERROR",
  ],
];

/** Fields that nghttp2 leaves out, and what of them may not be seen behind us. */
export const droppedFields: readonly [what: string, name: string, value: string][] = [
  ["a line break in a value", "x-a", `b\r\n\r\n${SMUGGLED}`],
  ["a bare LF in a value", "x-a", "b\nx: y"],
  ["a NUL in a value", "x-a", "b\0c"],
  ["a colon in a name", "x-a: b", "c"],
  ["a space in a name", "x-a ", "b"],
  ["a line break in a name", "x-a: b\r\nx", "y"],
  ["an empty name", "", "b"],
  ["Transfer-Encoding by another name", "transfer-encoding\x0b", "chunked"],
];

/** Bodies that are not what they say. */
export const brokenBodies: readonly [what: string, frames: readonly Buffer[], end: End][] = [
  [
    "is longer than it says",
    [
      headers(1, request({ ...POST, "content-length": "2" }), OPEN),
      frame(FRAME.data, FLAG.endStream, 1, `hi${SMUGGLED}`),
    ],
    "goaway INTERNAL_ERROR",
  ],
  [
    "is shorter than it says",
    [
      headers(1, request({ ...POST, "content-length": "9" }), OPEN),
      frame(FRAME.data, FLAG.endStream, 1, "hi"),
    ],
    "reset PROTOCOL_ERROR",
  ],
  [
    "ends without its last bytes but with trailers",
    [
      headers(1, request({ ...POST, "content-length": "9" }), OPEN),
      frame(FRAME.data, 0, 1, "hi"),
      headers(1, [["x-a", "b"]]),
    ],
    "reset PROTOCOL_ERROR",
  ],
  [
    "is followed by fields that do not end it",
    [
      headers(1, request(POST), OPEN),
      frame(FRAME.data, 0, 1, "hi"),
      headers(1, [["x-a", "b"]], OPEN),
    ],
    "reset PROTOCOL_ERROR",
  ],
  [
    "has a pseudo-header field in its trailers",
    [headers(1, request(POST), OPEN), frame(FRAME.data, 0, 1, "hi"), headers(1, [[":path", "/b"]])],
    "reset PROTOCOL_ERROR",
  ],
];

/** What breaks the whole connection (RFC 9113 §4 to §6). */
export const brokenFrames: readonly [what: string, frames: readonly Buffer[], code: string][] = [
  ["DATA on no stream", [frame(FRAME.data, 0, 0, "x")], "PROTOCOL_ERROR"],
  ["DATA on a stream that was not begun", [frame(FRAME.data, 0, 1, "x")], "PROTOCOL_ERROR"],
  [
    "DATA with more padding than bytes",
    [headers(1, request(POST), OPEN), frame(FRAME.data, FLAG.padded, 1, "\x09x")],
    "PROTOCOL_ERROR",
  ],
  [
    "HEADERS on no stream",
    [frame(FRAME.headers, WHOLE, 0, fieldBlock(request()))],
    "PROTOCOL_ERROR",
  ],
  ["HEADERS on a stream of ours", [headers(2)], "PROTOCOL_ERROR"],
  [
    "HEADERS that end in the middle of a field",
    [frame(FRAME.headers, WHOLE, 1, fieldBlock(request()).subarray(0, -1))],
    "COMPRESSION_ERROR",
  ],
  [
    "HEADERS with an index that is not in the table",
    [frame(FRAME.headers, WHOLE, 1, Buffer.from([0xff, 0xff, 0x7f]))],
    "COMPRESSION_ERROR",
  ],
  [
    "HEADERS with a table larger than allowed",
    [
      frame(
        FRAME.headers,
        WHOLE,
        1,
        Buffer.concat([Buffer.from([0x3f, 0xe2, 0x1f]), fieldBlock(request())]),
      ),
    ],
    "COMPRESSION_ERROR",
  ],
  [
    "another frame in the middle of a head",
    [headers(1, request(), FLAG.endStream), frame(FRAME.ping, 0, 0, "12345678")],
    "PROTOCOL_ERROR",
  ],
  ["CONTINUATION without HEADERS", [frame(FRAME.continuation, OPEN, 1, "")], "PROTOCOL_ERROR"],
  [
    "CONTINUATION of another stream",
    [headers(1, request(), FLAG.endStream), frame(FRAME.continuation, OPEN, 3, "")],
    "PROTOCOL_ERROR",
  ],
  [
    "a frame larger than allowed",
    [headers(1, request(POST), OPEN), frame(FRAME.data, 0, 1, Buffer.alloc(16_385))],
    "FRAME_SIZE_ERROR",
  ],
  ["a PING of seven bytes", [frame(FRAME.ping, 0, 0, "1234567")], "FRAME_SIZE_ERROR"],
  ["a PING on a stream", [frame(FRAME.ping, 0, 1, "12345678")], "PROTOCOL_ERROR"],
  [
    "RST_STREAM on a stream that was not begun",
    [frame(FRAME.reset, 0, 1, u32(8))],
    "PROTOCOL_ERROR",
  ],
  ["RST_STREAM of three bytes", [headers(1), frame(FRAME.reset, 0, 1, "abc")], "FRAME_SIZE_ERROR"],
  ["SETTINGS of five bytes", [frame(FRAME.settings, 0, 0, "12345")], "FRAME_SIZE_ERROR"],
  ["SETTINGS on a stream", [frame(FRAME.settings, 0, 1, "")], "PROTOCOL_ERROR"],
  [
    "SETTINGS that acknowledge something with something",
    [frame(FRAME.settings, FLAG.ack, 0, "123456")],
    "FRAME_SIZE_ERROR",
  ],
  ["a window larger than 2^31 - 1", [settings([4, 2 ** 31])], "FLOW_CONTROL_ERROR"],
  ["ENABLE_PUSH that is neither 0 nor 1", [settings([2, 2])], "PROTOCOL_ERROR"],
  ["MAX_FRAME_SIZE below 16,384", [settings([5, 16_383])], "PROTOCOL_ERROR"],
  [
    "more SETTINGS in one frame than there are",
    [settings(...Array.from({ length: 33 }, () => [4, 1] as const))],
    "ENHANCE_YOUR_CALM",
  ],
  ["WINDOW_UPDATE of nothing", [frame(FRAME.windowUpdate, 0, 0, u32(0))], "PROTOCOL_ERROR"],
  ["WINDOW_UPDATE of three bytes", [frame(FRAME.windowUpdate, 0, 0, "abc")], "FRAME_SIZE_ERROR"],
  [
    "PUSH_PROMISE from a client",
    [headers(1, request(POST), OPEN), frame(FRAME.pushPromise, OPEN, 1, u32(2))],
    "PROTOCOL_ERROR",
  ],
  [
    "GOAWAY on a stream",
    [frame(FRAME.goaway, 0, 1, Buffer.concat([u32(0), u32(0)]))],
    "PROTOCOL_ERROR",
  ],
];

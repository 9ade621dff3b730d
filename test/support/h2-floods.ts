import { FLAG, FRAME, fieldBlock, frame, headers, request, settings, u32 } from "./h2-frames.ts";

const OPEN = FLAG.endHeaders;

/** What a hostile client of HTTP/2 sends without end. */
export interface H2Flood {
  readonly what: string;
  /** So many times it comes in the long story of it, over as many connections as that takes. */
  readonly reach: number;
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

export const h2Floods: readonly H2Flood[] = [
  {
    what: "requests that are taken back at once (CVE-2023-44487)",
    reach: 100_000,
    again: (stream) => Buffer.concat([headers(stream), frame(FRAME.reset, 0, stream, u32(8))]),
    code: "ENHANCE_YOUR_CALM",
    requestsMax: 200,
  },
  {
    what: "requests that are taken back at once, without an error code",
    reach: 100_000,
    again: (stream) => Buffer.concat([headers(stream), frame(FRAME.reset, 0, stream, u32(0))]),
    code: "ENHANCE_YOUR_CALM",
    requestsMax: 200,
  },
  {
    what: "requests with a window that grows by nothing (CVE-2025-8671)",
    reach: 10_000,
    again: (stream) =>
      Buffer.concat([headers(stream), frame(FRAME.windowUpdate, 0, stream, u32(0))]),
    code: "PROTOCOL_ERROR",
    requestsMax: 200,
  },
  {
    what: "requests with a window that overflows (CVE-2025-8671)",
    reach: 10_000,
    again: (stream) =>
      Buffer.concat([headers(stream), frame(FRAME.windowUpdate, 0, stream, u32(2 ** 31 - 1))]),
    code: "FLOW_CONTROL_ERROR",
    requestsMax: 200,
  },
  {
    what: "requests that go on after their end (CVE-2025-8671)",
    reach: 10_000,
    again: (stream) => Buffer.concat([headers(stream), frame(FRAME.data, 0, stream, "x")]),
    code: "STREAM_CLOSED",
    requestsMax: 200,
  },
  {
    what: "requests with a PRIORITY of the wrong length (CVE-2025-8671)",
    reach: 10_000,
    again: (stream) => Buffer.concat([headers(stream), frame(FRAME.priority, 0, stream, "xxxx")]),
    code: "FRAME_SIZE_ERROR",
    requestsMax: 200,
  },
  {
    what: "requests with more of a body than they say (CVE-2025-8671)",
    reach: 1_000, // each ends its connection
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
    reach: 10_000,
    again: (stream) => headers(stream, request({ ":scheme": "ftp" })),
    isPatient: true,
    code: "ENHANCE_YOUR_CALM",
    requestsMax: 0,
  },
  {
    what: "requests that nghttp2 refuses itself",
    reach: 10_000,
    again: (stream) => headers(stream, request({ connection: "close" })),
    code: "INTERNAL_ERROR",
    requestsMax: 0,
  },
  {
    what: "requests beyond those that may be open",
    reach: 10_000,
    again: (stream) => headers(stream, request({ ":method": "POST" }), OPEN),
    code: "INTERNAL_ERROR",
    requestsMax: 100,
  },
  {
    what: "a head of many small CONTINUATION frames (CVE-2024-27983)",
    reach: 10_000,
    first: headers(1, request(), FLAG.endStream),
    again: () => frame(FRAME.continuation, 0, 1, fieldBlock([["x-a", "b"]])),
    code: "INTERNAL_ERROR",
    requestsMax: 0,
  },
  {
    what: "a head of empty CONTINUATION frames",
    reach: 10_000,
    first: headers(1, request(), FLAG.endStream),
    again: () => frame(FRAME.continuation, 0, 1),
    code: "INTERNAL_ERROR",
    requestsMax: 0,
  },
  {
    what: "PING (CVE-2019-9512)",
    reach: 100_000,
    again: () => frame(FRAME.ping, 0, 0, "12345678"),
    code: "ENHANCE_YOUR_CALM",
    requestsMax: 0,
  },
  {
    what: "PING after a GOAWAY of the client's, with a request still open",
    reach: 100_000,
    first: Buffer.concat([headers(1), frame(FRAME.goaway, 0, 0, Buffer.concat([u32(0), u32(0)]))]),
    again: () => frame(FRAME.ping, 0, 0, "12345678"),
    code: "ENHANCE_YOUR_CALM",
    requestsMax: 1,
  },
  {
    what: "answers to PINGs that were not sent",
    reach: 100_000,
    again: () => frame(FRAME.ping, FLAG.ack, 0, "12345678"),
    code: "INTERNAL_ERROR",
    requestsMax: 0,
  },
  {
    what: "SETTINGS (CVE-2019-9515)",
    reach: 100_000,
    again: () => settings([4, 65_535]),
    code: "ENHANCE_YOUR_CALM",
    requestsMax: 0,
  },
  {
    what: "empty SETTINGS",
    reach: 100_000,
    again: () => settings(),
    code: "ENHANCE_YOUR_CALM",
    requestsMax: 0,
  },
  {
    what: "PRIORITY (CVE-2019-9513)",
    reach: 100_000,
    again: (stream) => frame(FRAME.priority, 0, stream, "\0\0\0\0\x10"),
    code: "ENHANCE_YOUR_CALM",
    requestsMax: 0,
  },
  {
    what: "WINDOW_UPDATE of the connection",
    reach: 100_000,
    again: () => frame(FRAME.windowUpdate, 0, 0, u32(1)),
    code: "ENHANCE_YOUR_CALM",
    requestsMax: 0,
  },
  {
    what: "frames of a kind nobody knows",
    reach: 10_000,
    again: () => frame(FRAME.unknown, 0, 0, "x".repeat(1_000)),
    code: "ENHANCE_YOUR_CALM",
    requestsMax: 0,
  },
  {
    what: "empty DATA (CVE-2019-9518)",
    reach: 100_000,
    first: headers(1, request({ ":method": "POST" }), OPEN),
    again: () => frame(FRAME.data, 0, 1),
    code: "INTERNAL_ERROR",
    requestsMax: 1,
  },
  {
    what: "DATA that is nothing but padding",
    reach: 100_000,
    first: headers(1, request({ ":method": "POST" }), OPEN),
    again: () => frame(FRAME.data, FLAG.padded, 1, `\xff${"\0".repeat(255)}`),
    code: "ENHANCE_YOUR_CALM",
    requestsMax: 1,
  },
  {
    what: "RST_STREAM for a stream that was closed before",
    reach: 100_000,
    first: Buffer.concat([headers(1), frame(FRAME.reset, 0, 1, u32(8))]),
    again: () => frame(FRAME.reset, 0, 1, u32(8)),
    code: "INTERNAL_ERROR",
    requestsMax: 1,
  },
];

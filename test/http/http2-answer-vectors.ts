import { limits } from "../../src/config/limits.ts";

/** What a backend of HTTP/2 says, and the HTTP/1.1 head or trailers that mean the same. */
export interface Http2AnswerVector {
  readonly name: string;
  /** Name, value, name, value … */
  readonly pairs: readonly string[];
  /** Of the request; GET unless said. */
  readonly method?: string;
  /** Does END_STREAM come with it? */
  readonly isWhole?: boolean;
  /** Was it asked to become a WebSocket? */
  readonly isTunnel?: boolean;
  /** `undefined`: it is refused, with 502. */
  readonly expect: string | undefined;
}

const OK = [":status", "200"];
/** RFC 6455 §1.3, with its key. */
const ACCEPT = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
const SWITCH = `HTTP/1.1 101 \r\nupgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-accept: ${ACCEPT}\r\n`;
const refused = undefined;

export const http2Answers: readonly Http2AnswerVector[] = [
  { name: "200", pairs: OK, expect: "HTTP/1.1 200 \r\n\r\n" },
  {
    name: "fields, each of its own",
    pairs: [...OK, "set-cookie", "a", "set-cookie", "b", "x", ""],
    expect: "HTTP/1.1 200 \r\nset-cookie: a\r\nset-cookie: b\r\nx: \r\n\r\n",
  },
  {
    name: "an end",
    pairs: OK,
    isWhole: true,
    expect: "HTTP/1.1 200 \r\ncontent-length: 0\r\n\r\n",
  },
  {
    name: "an end of HEAD",
    pairs: OK,
    method: "HEAD",
    isWhole: true,
    expect: "HTTP/1.1 200 \r\n\r\n",
  },
  ...["103", "204", "304"].map((status) => ({
    name: `an end with ${status}`,
    pairs: [":status", status],
    isWhole: true,
    expect: `HTTP/1.1 ${status} \r\n\r\n`,
  })),
  {
    name: "an end with a length",
    pairs: [...OK, "content-length", "7"],
    isWhole: true,
    expect: "HTTP/1.1 200 \r\ncontent-length: 7\r\n\r\n",
  },
  { name: "a tunnel", pairs: OK, isTunnel: true, expect: `${SWITCH}\r\n` },
  {
    name: "a tunnel with fields that have no place in one",
    pairs: [":status", "299", "content-length", "0", "sec-websocket-accept", "x", "x-a", "b"],
    isTunnel: true,
    expect: `${SWITCH}x-a: b\r\n\r\n`,
  },
  {
    name: "a refusal of a tunnel",
    pairs: [":status", "403", "sec-websocket-accept", "x"],
    isTunnel: true,
    expect: "HTTP/1.1 403 \r\nsec-websocket-accept: x\r\n\r\n",
  },
  { name: "nothing", pairs: [], expect: refused },
  { name: "no status", pairs: ["x-a", "b"], expect: refused },
  { name: "a status behind a field", pairs: ["x-a", "b", ...OK], expect: refused },
  { name: "a status twice", pairs: [...OK, ...OK], expect: refused },
  ...["", "20", "2000", "099", "2 0", "+20", "200 OK", "0xC"].map((status) => ({
    name: `the status ${JSON.stringify(status)}`,
    pairs: [":status", status],
    expect: refused,
  })),
  { name: "the status 101", pairs: [":status", "101"], expect: refused },
  {
    name: "the status 101 to a handshake",
    pairs: [":status", "101"],
    isTunnel: true,
    expect: refused,
  },
  { name: "a name in capitals", pairs: [...OK, "X-A", "b"], expect: refused },
  { name: "an empty name", pairs: [...OK, "", "b"], expect: refused },
  { name: "a name with a space", pairs: [...OK, "x a", "b"], expect: refused },
  { name: "a name with a line break", pairs: [...OK, "x: a\r\nx", "b"], expect: refused },
  { name: "a value with a line break", pairs: [...OK, "x", "a\r\nx: b"], expect: refused },
  { name: "a value with NUL", pairs: [...OK, "x", "a\0b"], expect: refused },
  ...["connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"].map(
    (name) => ({
      name: `${name}, which is of a connection`,
      pairs: [...OK, name, "x"],
      expect: refused,
    }),
  ),
];

const LONG = "x".repeat(limits.trailersMaxBytes);

export const http2Trailers: readonly Http2AnswerVector[] = [
  { name: "fields", pairs: ["grpc-status", "0", "x", ""], expect: "grpc-status: 0\r\nx: \r\n\r\n" },
  { name: "as much as may be", pairs: ["x", LONG.slice(5)], expect: `x: ${LONG.slice(5)}\r\n\r\n` },
  { name: "more than may be", pairs: ["x", LONG.slice(4)], expect: refused },
  {
    name: "more fields than may be",
    pairs: Array(2 * (limits.headMaxFields + 1)).fill("x"),
    expect: refused,
  },
  { name: "a status", pairs: OK, expect: refused },
  { name: "a name in capitals", pairs: ["X", "a"], expect: refused },
  { name: "a value with a line break", pairs: ["x", "a\r\nx: b"], expect: refused },
  { name: "a field of a connection", pairs: ["connection", "x"], expect: refused },
];

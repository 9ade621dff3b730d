/** Heads of answers to `GET /`, one row for each rule, and what each must be taken for. */
export interface AnswerVector {
  readonly name: string;
  /** As latin1. */
  readonly bytes: string;
  /** How the body ends, `interim`, `partial`, or `fault`. */
  readonly expect: "none" | "length" | "chunked" | "close" | "interim" | "partial" | "fault";
  /** Asked with this instead of GET. */
  readonly method?: string;
  /** Asked for a WebSocket, by a client that takes any 2xx for one (RFC 8441 §5). */
  readonly isConnect?: boolean;
}

function ok(lines: string): string {
  return `HTTP/1.1 200 OK\r\n${lines}\r\n`;
}

const SWITCH = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n";

export const answerVectors: readonly AnswerVector[] = [
  { name: "Content-Length", bytes: ok("Content-Length: 2\r\n"), expect: "length" },
  { name: "Transfer-Encoding", bytes: ok("Transfer-Encoding: chunked\r\n"), expect: "chunked" },
  {
    name: "a success that switches nothing",
    bytes: ok("Content-Length: 2\r\n"),
    isConnect: true,
    expect: "fault",
  },
  {
    name: "a failure to switch",
    bytes: "HTTP/1.1 300 Odd\r\nContent-Length: 2\r\n\r\n",
    isConnect: true,
    expect: "length",
  },
  { name: "neither", bytes: ok(""), expect: "close" },
  { name: "HTTP/1.0", bytes: "HTTP/1.0 200 OK\r\n\r\n", expect: "close" },
  { name: "no reason", bytes: "HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n", expect: "length" },
  {
    name: "no reason and no space",
    bytes: "HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n",
    expect: "length",
  },
  {
    name: "a status nobody registered",
    bytes: "HTTP/1.1 599 Odd\r\nContent-Length: 0\r\n\r\n",
    expect: "length",
  },
  {
    name: "a status that no HTTP has",
    bytes: "HTTP/1.1 600 Odd\r\nContent-Length: 0\r\n\r\n",
    expect: "fault",
  },
  {
    name: "204, whatever it says",
    bytes: "HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n",
    expect: "none",
  },
  {
    name: "304, whatever it says",
    bytes: "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n",
    expect: "none",
  },
  { name: "an answer to HEAD", bytes: ok("Content-Length: 5\r\n"), method: "HEAD", expect: "none" },
  {
    name: "a chunked answer to HEAD",
    bytes: ok("Transfer-Encoding: chunked\r\n"),
    method: "HEAD",
    expect: "none",
  },
  { name: "100", bytes: "HTTP/1.1 100 Continue\r\n\r\n", expect: "interim" },
  {
    name: "103 with fields",
    bytes: "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n",
    expect: "interim",
  },
  { name: "half a status line", bytes: "HTTP/1.1 2", expect: "partial" },
  { name: "half a head", bytes: "HTTP/1.1 200 OK\r\nX-A", expect: "partial" },
  { name: "all but the last byte", bytes: "HTTP/1.1 200 OK\r\n\r", expect: "partial" },
  { name: "HTTP/0.9", bytes: "<html>hello</html>", expect: "fault" },
  { name: "one byte that is not H", bytes: "x", expect: "fault" },
  { name: "a leading empty line", bytes: `\r\n${ok("")}`, expect: "fault" },
  { name: "HTTP/2.0", bytes: "HTTP/2.0 200 OK\r\n\r\n", expect: "fault" },
  { name: "HTTP/1.2", bytes: "HTTP/1.2 200 OK\r\n\r\n", expect: "fault" },
  { name: "ICY", bytes: "ICY 200 OK\r\n\r\n", expect: "fault" },
  { name: "a status of two digits", bytes: "HTTP/1.1 20 OK\r\n\r\n", expect: "fault" },
  { name: "a status of four digits", bytes: "HTTP/1.1 2000 OK\r\n\r\n", expect: "fault" },
  { name: "status 099", bytes: "HTTP/1.1 099 Odd\r\n\r\n", expect: "fault" },
  { name: "a status that is no number", bytes: "HTTP/1.1 abc OK\r\n\r\n", expect: "fault" },
  { name: "a NUL in the reason", bytes: "HTTP/1.1 200 O\0K\r\n\r\n", expect: "fault" },
  { name: "a bare CR in the reason", bytes: "HTTP/1.1 200 O\rK\r\n\r\n", expect: "fault" },
  { name: "bare LF throughout", bytes: "HTTP/1.1 200 OK\nContent-Length: 0\n\n", expect: "fault" },
  { name: "a NUL in a value", bytes: ok("X-A: \0\r\n"), expect: "fault" },
  { name: "a bare LF in a value", bytes: ok("X-A: b\nX-B: c\r\n"), expect: "fault" },
  { name: "an empty name", bytes: ok(": b\r\n"), expect: "fault" },
  { name: "a space before the colon", bytes: ok("Content-Length : 2\r\n"), expect: "fault" },
  { name: "a folded line", bytes: ok("X-A: b\r\n c\r\n"), expect: "fault" },
  { name: "101 fields", bytes: ok("a: b\r\n".repeat(101)), expect: "fault" },
  { name: "a head of over 16 KiB", bytes: ok(`X-A: ${"b".repeat(16_384)}\r\n`), expect: "fault" },
  { name: "a reason without end", bytes: `HTTP/1.1 200 ${"b".repeat(16_384)}`, expect: "fault" },
  {
    name: "Content-Length and Transfer-Encoding",
    bytes: ok("Content-Length: 2\r\nTransfer-Encoding: chunked\r\n"),
    expect: "fault",
  },
  {
    name: "two Content-Lengths",
    bytes: ok("Content-Length: 2\r\nContent-Length: 2\r\n"),
    expect: "fault",
  },
  { name: "Content-Length as a list", bytes: ok("Content-Length: 2, 2\r\n"), expect: "fault" },
  { name: "a negative Content-Length", bytes: ok("Content-Length: -2\r\n"), expect: "fault" },
  { name: "Content-Length with a plus", bytes: ok("Content-Length: +2\r\n"), expect: "fault" },
  { name: "an empty Content-Length", bytes: ok("Content-Length:\r\n"), expect: "fault" },
  {
    name: "Content-Length beyond 2^53",
    bytes: ok("Content-Length: 9007199254740993\r\n"),
    expect: "fault",
  },
  {
    name: "Transfer-Encoding gzip, chunked",
    bytes: ok("Transfer-Encoding: gzip, chunked\r\n"),
    expect: "fault",
  },
  {
    name: "Transfer-Encoding identity",
    bytes: ok("Transfer-Encoding: identity\r\n"),
    expect: "fault",
  },
  {
    name: "two Transfer-Encodings",
    bytes: ok("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"),
    expect: "fault",
  },
  {
    name: "Transfer-Encoding in HTTP/1.0",
    bytes: "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
    expect: "fault",
  },
  {
    name: "Connection naming Content-Length",
    bytes: ok("Content-Length: 2\r\nConnection: content-length\r\n"),
    expect: "fault",
  },
  { name: "Connection that is no list", bytes: ok("Connection: a b\r\n"), expect: "fault" },
  {
    name: "100 with a body",
    bytes: "HTTP/1.1 100 Continue\r\nContent-Length: 5\r\n\r\n",
    expect: "fault",
  },
  {
    name: "101 unasked",
    bytes: `${SWITCH}Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n`,
    expect: "fault",
  },
];

import type { Recorded } from "./recorded.ts";
import { OK } from "./recorder.ts";

/** What a backend does to a request, and what comes of it. */
export interface Hostility {
  readonly name: string;
  /** Bytes of the backend after the request head; `goes` says how it leaves. */
  readonly answer: string;
  readonly goes?: "end" | "reset";
  /** The statuses that the client sees, and whether its connection is cut in the middle of the last. */
  readonly expect: readonly number[];
  readonly isCut?: boolean;
}

const HEAD = "HTTP/1.1 200 OK\r\n";
/** The head of an answer in chunks. */
export const CHUNKED = `${HEAD}Transfer-Encoding: chunked\r\n\r\n`;

/** Every way in which a backend is known to answer wrongly, a row each. */
export const hostilities: readonly Hostility[] = [
  { name: "resets before its answer", answer: "", goes: "reset", expect: [502] },
  { name: "ends before its answer", answer: "", goes: "end", expect: [502] },
  { name: "ends in its status line", answer: "HTTP/1.1 2", goes: "end", expect: [502] },
  { name: "resets in its head", answer: `${HEAD}X-A: b`, goes: "reset", expect: [502] },
  { name: "ends in its head", answer: `${HEAD}X-A: b\r\n`, goes: "end", expect: [502] },
  {
    name: "resets in a sized body",
    answer: `${HEAD}Content-Length: 9\r\n\r\nhello`,
    goes: "reset",
    expect: [200],
    isCut: true,
  },
  {
    name: "ends in a sized body",
    answer: `${HEAD}Content-Length: 9\r\n\r\nhello`,
    goes: "end",
    expect: [200],
    isCut: true,
  },
  {
    name: "resets between chunks",
    answer: `${CHUNKED}5\r\nhello\r\n`,
    goes: "reset",
    expect: [200],
    isCut: true,
  },
  {
    name: "ends between chunks",
    answer: `${CHUNKED}5\r\nhello\r\n`,
    goes: "end",
    expect: [200],
    isCut: true,
  },
  {
    name: "ends in a chunk",
    answer: `${CHUNKED}9\r\nhello`,
    goes: "end",
    expect: [200],
    isCut: true,
  },
  {
    name: "ends before its trailers do",
    answer: `${CHUNKED}5\r\nhello\r\n0\r\n`,
    goes: "end",
    expect: [200],
    isCut: true,
  },
  {
    name: "resets in a body without framing",
    answer: `${HEAD}\r\nhello`,
    goes: "reset",
    expect: [200],
    isCut: true,
  },
  {
    name: "sends a broken chunk size",
    answer: `${CHUNKED}5\r\nhello\r\nzz\r\n`,
    expect: [502],
  },
  {
    name: "sends a chunk longer than its size",
    answer: `${CHUNKED}5\r\nhello!\r\n`,
    expect: [502],
  },
  {
    name: "sends chunks that end in bare LF",
    answer: `${CHUNKED}5\nhello\n0\n\n`,
    expect: [502],
  },
  {
    name: "sends a chunk size without end",
    answer: `${CHUNKED}5;${"a".repeat(2_000)}`,
    expect: [502],
  },
  {
    name: "sends trailers without end",
    answer: `${CHUNKED}0\r\nX-A: ${"a".repeat(9_000)}`,
    expect: [502],
  },
  {
    name: "sends a malformed trailer",
    answer: `${CHUNKED}0\r\nX A: b\r\n\r\n`,
    expect: [502],
  },
  {
    name: "sends Content-Length and Transfer-Encoding",
    answer: `${HEAD}Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n`,
    expect: [502],
  },
  {
    name: "sends two Content-Lengths",
    answer: `${HEAD}Content-Length: 2\r\nContent-Length: 3\r\n\r\nok`,
    expect: [502],
  },
  {
    name: "sends a Content-Length that is no number",
    answer: `${HEAD}Content-Length: two\r\n\r\nok`,
    expect: [502],
  },
  {
    name: "sends an unknown transfer coding",
    answer: `${HEAD}Transfer-Encoding: gzip\r\n\r\nok`,
    expect: [502],
  },
  { name: "speaks HTTP/0.9", answer: "<html>hello</html>", expect: [502] },
  { name: "speaks HTTP/2", answer: "\0\0\x12\x04\0\0\0\0\0\0\x03\0\0\0\x64", expect: [502] },
  { name: "speaks TLS (nginx CVE-2026-1642)", answer: "\x15\x03\x01\0\x02\x02\x0a", expect: [502] },
  { name: "sends a NUL in its head", answer: `${HEAD}X-A: \0\r\n\r\n`, expect: [502] },
  { name: "sends an empty field name", answer: `${HEAD}: b\r\n\r\n`, expect: [502] },
  {
    name: "splits its answer with a bare LF",
    answer: `${HEAD}X-A: b\nSet-Cookie: c\r\n\r\n`,
    expect: [502],
  },
  { name: "folds a line", answer: `${HEAD}X-A: b\r\n c\r\n\r\n`, expect: [502] },
  {
    name: "sends a head of over 16 KiB",
    answer: `${HEAD}X-A: ${"b".repeat(17_000)}\r\n\r\n`,
    expect: [502],
  },
  { name: "sends a field of 1 MB", answer: `${HEAD}X-A: ${"b".repeat(1_000_000)}`, expect: [502] },
  { name: "sends more than its Content-Length", answer: `${OK}and more`, expect: [200] },
  { name: "answers twice", answer: OK + OK.replace("ok", "no"), expect: [200] },
  { name: "sends a head without end", answer: HEAD + "a: b\r\n".repeat(101), expect: [502] },
  {
    name: "sends 101 unasked",
    answer: "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
    expect: [502],
  },
  {
    name: "sends interim answers without end",
    answer: "HTTP/1.1 103 Early Hints\r\n\r\n".repeat(11),
    expect: [...Array<number>(10).fill(103), 502],
  },
  {
    name: "sends an interim answer with a body",
    answer: `HTTP/1.1 103 Early Hints\r\nContent-Length: 2\r\n\r\nok${OK}`,
    expect: [502],
  },
  {
    name: "ends after an interim answer",
    answer: "HTTP/1.1 103 Early Hints\r\n\r\n",
    goes: "end",
    expect: [103, 502],
  },
];

/** Does it, once the head of a request has come. */
export function sayHostile({ answer, goes }: Hostility, connection: Recorded): void {
  const { socket } = connection;
  // What was written must leave before the reset does.
  if (goes === "reset") socket.write(answer, "latin1", () => socket.resetAndDestroy());
  else if (goes === "end") socket.end(answer, "latin1");
  else connection.say(answer);
}

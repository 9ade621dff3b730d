import assert from "node:assert/strict";
import { test } from "node:test";
import { limits } from "../../src/config/limits.ts";
import { admit } from "../../src/http/admit.ts";
import { readStreamHead, readStreamTrailers } from "../../src/http/h2-head.ts";
import { hostname } from "../support/relay-world.ts";

const HOST = hostname("shop.example");
const SITE = { host: HOST, answersFor: () => false };
const LINE = [":method", "GET", ":scheme", "https", ":authority", "shop.example", ":path", "/"];
const WEBSOCKET = [
  ":method",
  "CONNECT",
  ":protocol",
  "websocket",
  ":scheme",
  "https",
  ":authority",
  "shop.example",
  ":path",
  "/chat",
];

/** The line with one pseudo-header field changed, or left out. */
function line(name: string, value: string | undefined): string[] {
  const at = LINE.indexOf(name);
  const rest = [...LINE.slice(0, at), ...LINE.slice(at + 2)];
  return value === undefined ? rest : [...rest, name, value];
}

/** The status that a stream without a body is refused with, or 0. */
function judge(pairs: readonly string[], isWhole = true): number {
  const head = readStreamHead(pairs, isWhole);
  if (head.kind === "fault") return head.status;
  const request = admit(head, SITE);
  return request.kind === "fault" ? request.status : 0;
}

const GOOD: readonly (readonly [string, readonly string[]])[] = [
  ["a plain GET", LINE],
  ["an authority in capitals", line(":authority", "SHOP.Example")],
  ["an authority with a port", line(":authority", "shop.example:8443")],
  ["an authority with a trailing dot", line(":authority", "shop.example.")],
  ["Host in the place of :authority", [...line(":authority", undefined), "host", "shop.example"]],
  ["Host beside the same :authority", [...LINE, "host", "shop.example"]],
  ["Host in other letters than :authority", [...LINE, "host", "Shop.Example"]],
  ["pseudo-header fields in another order", [...LINE.slice(4), ...LINE.slice(0, 4)]],
  ["OPTIONS *", [":method", "OPTIONS", ...LINE.slice(2, 6), ":path", "*"]],
  ["TE: trailers", [...LINE, "te", "trailers"]],
  ["an empty value", [...LINE, "x-empty", ""]],
  ["obs-text in a value", [...LINE, "x-name", "caf\xe9"]],
  ["a Content-Length of nothing", [...LINE, "content-length", "0"]],
];

for (const [name, pairs] of GOOD) {
  test(`A stream head with ${name} is admitted`, () => assert.equal(judge(pairs), 0));
}

const BAD: readonly (readonly [string, number, readonly string[]])[] = [
  ["no :method (RFC 9113 §8.3.1)", 400, line(":method", undefined)],
  ["two :method", 400, [...LINE, ":method", "GET"]],
  ["an empty :method", 400, line(":method", "")],
  ["a :method with a space", 400, line(":method", "GET /x")],
  ["a :method with a whole request behind it", 400, line(":method", "GET / HTTP/1.1\r\nx: y")],
  ["an endless :method", 400, line(":method", "A".repeat(33))],
  ["a :method nobody registered", 501, line(":method", "FETCH")],
  ["a :method in lower case", 501, line(":method", "get")],
  ["TRACE", 405, line(":method", "TRACE")],
  ["CONNECT (T18)", 405, [":method", "CONNECT", ":authority", "shop.example:443"]],
  ["no :scheme", 400, line(":scheme", undefined)],
  ["two :scheme", 400, [...LINE, ":scheme", "https"]],
  ["an empty :scheme", 400, line(":scheme", "")],
  ["the :scheme http", 400, line(":scheme", "http")],
  ["a :scheme with a URL in it", 400, line(":scheme", "https://evil.example/?")],
  ["no :path", 400, line(":path", undefined)],
  ["two :path", 400, [...LINE, ":path", "/"]],
  ["an empty :path", 400, line(":path", "")],
  ["a :path without slash", 400, line(":path", "x")],
  ["a whole URL as :path", 400, line(":path", "https://shop.example/")],
  ["a :path with a space", 400, line(":path", "/a b")],
  ["a :path with a request line in it", 400, line(":path", "/ HTTP/1.1\r\nHost: evil\r\n\r\n")],
  ["a :path with a tab", 400, line(":path", "/a\tb")],
  ["a :path with NUL", 400, line(":path", "/a\0b")],
  ["a :path with a fragment", 400, line(":path", "/a#b")],
  ["a :path with a backslash", 400, line(":path", "/a\\b")],
  ["a :path with a byte over 0x7f", 400, line(":path", "/caf\xe9")],
  ["* without OPTIONS", 400, line(":path", "*")],
  ["a :path that is too long", 414, line(":path", `/${"a".repeat(limits.targetMaxBytes)}`)],
  ["neither :authority nor Host", 400, line(":authority", undefined)],
  ["two :authority", 400, [...LINE, ":authority", "shop.example"]],
  ["an empty :authority", 400, line(":authority", "")],
  ["a user in :authority", 400, line(":authority", "me@shop.example")],
  ["a path in :authority", 400, line(":authority", "shop.example/x")],
  ["two names in :authority", 400, line(":authority", "shop.example,evil.example")],
  ["a port that is none", 400, line(":authority", "shop.example:65536")],
  ["another :authority (T7)", 421, line(":authority", "other.example")],
  ["another Host alone (T7)", 421, [...line(":authority", undefined), "host", "other.example"]],
  ["Host that is not :authority (T24)", 400, [...LINE, "host", "other.example"]],
  ["Host with a port that :authority has not (T24)", 400, [...LINE, "host", "shop.example:1"]],
  ["two Host", 400, [...LINE, "host", "shop.example", "host", "shop.example"]],
  [
    "a pseudo-header field behind others",
    400,
    [...LINE.slice(0, 6), "accept", "*/*", ":path", "/"],
  ],
  ["a pseudo-header field of answers", 400, [...LINE, ":status", "200"]],
  ["a pseudo-header field nobody knows", 400, [...LINE, ":version", "HTTP/1.1"]],
  ["an empty name", 400, [...LINE, "", "x"]],
  ["a name in capitals (RFC 9113 §8.2.1)", 400, [...LINE, "Accept", "*/*"]],
  ["a name with a space", 400, [...LINE, "x y", "z"]],
  ["a name with a colon inside", 400, [...LINE, "x:y", "z"]],
  ["a name with CRLF", 400, [...LINE, "x\r\ny", "z"]],
  ["a name with a byte over 0x7f", 400, [...LINE, "caf\xe9", "z"]],
  ["a value with CRLF and a field", 400, [...LINE, "x", "y\r\ntransfer-encoding: chunked"]],
  ["a value with a bare LF", 400, [...LINE, "x", "y\nz"]],
  ["a value with a bare CR", 400, [...LINE, "x", "y\rz"]],
  ["a value with NUL", 400, [...LINE, "x", "y\0z"]],
  ["a value with DEL", 400, [...LINE, "x", "y\x7fz"]],
  ["a value with space before", 400, [...LINE, "x", " y"]],
  ["a value with a tab behind", 400, [...LINE, "x", "y\t"]],
  ["Connection (RFC 9113 §8.2.2)", 400, [...LINE, "connection", "keep-alive"]],
  ["Keep-Alive", 400, [...LINE, "keep-alive", "timeout=5"]],
  ["Proxy-Connection", 400, [...LINE, "proxy-connection", "keep-alive"]],
  ["Transfer-Encoding: chunked", 400, [...LINE, "transfer-encoding", "chunked"]],
  ["Transfer-Encoding: identity", 400, [...LINE, "transfer-encoding", "identity"]],
  ["Upgrade", 400, [...LINE, "upgrade", "websocket"]],
  ["HTTP2-Settings", 400, [...LINE, "http2-settings", "AAMAAABkAAQAoAAAAAIAAAAA"]],
  ["TE: gzip", 400, [...LINE, "te", "gzip"]],
  ["TE: trailers and more", 400, [...LINE, "te", "trailers, deflate;q=0.5"]],
  ["an Expect nobody knows", 417, [...LINE, "expect", "200-ok"]],
  ["two Content-Length", 400, [...LINE, "content-length", "1", "content-length", "1"]],
  ["a signed Content-Length", 400, [...LINE, "content-length", "+1"]],
  ["a Content-Length with zeros before", 400, [...LINE, "content-length", "01"]],
  ["a list as Content-Length", 400, [...LINE, "content-length", "1, 1"]],
  ["an empty Content-Length", 400, [...LINE, "content-length", ""]],
  ["too many fields", 431, [...LINE, ...Array(limits.headMaxFields * 2).fill("x")]],
  ["too much text", 431, [...LINE, "x", "y".repeat(limits.headMaxBytes)]],
  [
    "too many cookies",
    431,
    [
      ...LINE,
      ...Array(80)
        .fill(["cookie", "a".repeat(250)])
        .flat(),
    ],
  ],
  ["a :protocol without CONNECT (RFC 8441 §4)", 400, [...LINE, ":protocol", "websocket"]],
];

for (const [name, status, pairs] of BAD) {
  test(`T24: A stream head with ${name} gets ${status}`, () => assert.equal(judge(pairs), status));
}

const TUNNELS: readonly (readonly [string, number, readonly string[], boolean])[] = [
  ["to WebSocket", 0, WEBSOCKET, false],
  ["that ends at once", 400, WEBSOCKET, true],
  ["to a protocol nobody knows", 501, WEBSOCKET.with(3, "connect-udp"), false],
  ["without :scheme", 400, [...WEBSOCKET.slice(0, 4), ...WEBSOCKET.slice(6)], false],
  ["without :path", 400, WEBSOCKET.slice(0, 8), false],
  ["for another name", 421, WEBSOCKET.with(7, "other.example"), false],
  [
    "with a key of its own",
    400,
    [...WEBSOCKET, "sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="],
    false,
  ],
];

for (const [name, status, pairs, isWhole] of TUNNELS) {
  test(`An extended CONNECT ${name} gets ${status || "through the gate"}`, () =>
    assert.equal(judge(pairs, isWhole), status));
}

test("A stream head becomes the HTTP/1.1 head that means the same", () => {
  const head = readStreamHead(
    [...LINE, "accept", "*/*", "cookie", "a=1", "x", "y", "cookie", "b=2"],
    true,
  );
  assert.ok(head.kind === "head");
  assert.equal(
    head.fields.text,
    "host: shop.example\r\naccept: */*\r\nx: y\r\ncookie: a=1; b=2\r\n\r\n",
  );
  assert.deepEqual([head.method, head.target, head.minor], ["GET", "/", 1]);
});

test("A stream whose head says no length has a chunked body, unless nothing follows", () => {
  const framing = (pairs: readonly string[], isWhole: boolean) => {
    const head = readStreamHead(pairs, isWhole);
    const request = head.kind === "head" ? admit(head, SITE) : head;
    return request.kind === "admitted" ? request.framing : request.why;
  };
  assert.equal(framing(line(":method", "POST"), false), "chunked");
  assert.equal(framing(line(":method", "POST"), true), "none");
  assert.equal(framing([...line(":method", "POST"), "content-length", "5"], false), "length");
});

test("An extended CONNECT becomes the handshake of HTTP/1.1, with a new key each time", () => {
  const keys = [1, 2].map(() => {
    const head = readStreamHead([...WEBSOCKET, "sec-websocket-version", "13"], false);
    const request = head.kind === "head" ? admit(head, SITE) : head;
    assert.ok(request.kind === "admitted");
    assert.deepEqual([request.method, request.target, request.framing], ["GET", "/chat", "none"]);
    return request.webSocketKey;
  });
  assert.ok(keys[0] !== undefined && keys[0] !== keys[1]);
});

test("Trailers are read like fields, and no pseudo-header field is among them", () => {
  const trailers = readStreamTrailers(["grpc-status", "0", "x-sum", "1"]);
  assert.ok("text" in trailers);
  assert.equal(trailers.text, "grpc-status: 0\r\nx-sum: 1\r\n\r\n");
  for (const pairs of [
    [":path", "/"],
    ["x", "y\r\nz: 1"],
    ["Upper", "1"],
    ["connection", "te"],
  ]) {
    const refused = readStreamTrailers(pairs);
    assert.equal("status" in refused && refused.status, 400, pairs.join("="));
  }
});

import { limits } from "../../src/config/limits.ts";

/** A plain GET, as pairs. */
export const LINE = [
  ":method",
  "GET",
  ":scheme",
  "https",
  ":authority",
  "shop.example",
  ":path",
  "/",
];

/** The line with one pseudo-header field changed, or left out. */
export function line(name: string, value: string | undefined): string[] {
  const at = LINE.indexOf(name);
  const rest = [...LINE.slice(0, at), ...LINE.slice(at + 2)];
  return value === undefined ? rest : [...rest, name, value];
}

/** Heads that are admitted. */
export const goodHeads: readonly (readonly [string, readonly string[]])[] = [
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

/** An extended CONNECT (RFC 8441). */
export const WEBSOCKET = [
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

/** Heads without a body, and the statuses that they are refused with. */
export const badHeads: readonly (readonly [string, number, readonly string[]])[] = [
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
  [
    "a field too many, with those that begin with a colon",
    431,
    [...LINE, ...Array(2 * limits.headMaxFields - 6).fill("x")],
  ],
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

/** Heads of tunnels, the statuses that they are refused with or 0, and whether nothing follows them. */
export const tunnelHeads: readonly (readonly [string, number, readonly string[], boolean])[] = [
  ["to WebSocket", 0, WEBSOCKET, false],
  ["that ends at once", 400, WEBSOCKET, true],
  ["to a protocol nobody knows", 501, WEBSOCKET.with(3, "connect-udp"), false],
  ["with GET (RFC 8441 §4)", 400, WEBSOCKET.with(1, "GET"), false],
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

/** Trailers that are refused with 400. */
export const badTrailers: readonly (readonly [string, readonly string[]])[] = [
  ["a pseudo-header field", [":path", "/"]],
  ["a line break in a value", ["x", "y\r\nz: 1"]],
  ["a name in capitals", ["Upper", "1"]],
  ["a field of a connection", ["connection", "te"]],
];

/**
 * Requests and the answer each must get, one row for each rule or precedent. `name` says which. The
 * connection was opened for `shop.example`; `www.shop.example` belongs to the same route and
 * certificate, `other.example` to another.
 */
export interface HeadVector {
  readonly name: string;
  /** The bytes, as latin1. */
  readonly bytes: string;
  /** `200`: admitted; `0`: not complete yet, more must come; else the status of the refusal. */
  readonly expect: number;
}

const HOST = "Host: shop.example\r\n";

/** A GET with these further lines. */
function get(lines: string, target = "/"): string {
  return `GET ${target} HTTP/1.1\r\n${HOST}${lines}\r\n`;
}

function post(lines: string, body = ""): string {
  return `POST / HTTP/1.1\r\n${HOST}${lines}\r\n${body}`;
}

function line(text: string): string {
  return `${text}\r\n${HOST}\r\n`;
}

function hosted(host: string): string {
  return `GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`;
}

const requestLines: readonly HeadVector[] = [
  { name: "a plain GET", bytes: get(""), expect: 200 },
  { name: "one empty line before (RFC 9112 §2.2)", bytes: `\r\n${get("")}`, expect: 200 },
  { name: "two empty lines before", bytes: `\r\n\r\n${get("")}`, expect: 400 },
  { name: "a bare LF before", bytes: `\n${get("")}`, expect: 400 },
  { name: "a bare CR before", bytes: `\r${get("")}`, expect: 400 },
  { name: "a space before the method", bytes: ` ${get("")}`, expect: 400 },
  { name: "no method", bytes: line(" / HTTP/1.1"), expect: 400 },
  { name: "a method in lower case", bytes: line("get / HTTP/1.1"), expect: 501 },
  { name: "a method nobody registered", bytes: line("FOO / HTTP/1.1"), expect: 501 },
  { name: "QUERY, a registered method", bytes: line("QUERY / HTTP/1.1"), expect: 200 },
  { name: "PROPFIND, a registered method", bytes: line("PROPFIND / HTTP/1.1"), expect: 200 },
  { name: "a method that is no token", bytes: line("GE(T / HTTP/1.1"), expect: 400 },
  { name: "a method with a NUL", bytes: line("GET\0 / HTTP/1.1"), expect: 400 },
  { name: "a method with a byte over 0x7f", bytes: line("G\xc4T / HTTP/1.1"), expect: 400 },
  { name: "a method without end", bytes: "A".repeat(33), expect: 400 },
  { name: "TLS on the plaintext side", bytes: "\x16\x03\x01\x02\x00\x01", expect: 400 },
  { name: "the HTTP/2 preface", bytes: "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", expect: 400 },
  {
    name: "CONNECT with an authority",
    bytes: line("CONNECT shop.example:443 HTTP/1.1"),
    expect: 405,
  },
  { name: "CONNECT with a path", bytes: line("CONNECT / HTTP/1.1"), expect: 405 },
  { name: "TRACE (cross-site tracing)", bytes: line("TRACE / HTTP/1.1"), expect: 405 },
  {
    name: "TRACE with a body",
    bytes: `TRACE / HTTP/1.1\r\n${HOST}Content-Length: 1\r\n\r\nx`,
    expect: 405,
  },
  { name: "two spaces after the method", bytes: line("GET  / HTTP/1.1"), expect: 400 },
  { name: "two spaces after the target", bytes: line("GET /  HTTP/1.1"), expect: 400 },
  { name: "a tab for the first space", bytes: line("GET\t/ HTTP/1.1"), expect: 400 },
  { name: "a tab for the second space", bytes: line("GET /\tHTTP/1.1"), expect: 400 },
  { name: "a space at the end of the request line", bytes: line("GET / HTTP/1.1 "), expect: 400 },
  { name: "no target", bytes: line("GET HTTP/1.1"), expect: 400 },
  { name: "an empty target", bytes: line("GET  HTTP/1.1"), expect: 400 },
  { name: "HTTP/0.9: no version", bytes: "GET /\r\n\r\n", expect: 400 },
  { name: "HTTP/0.9, spelled out", bytes: line("GET / HTTP/0.9"), expect: 400 },
  { name: "HTTP/1.2", bytes: line("GET / HTTP/1.2"), expect: 400 },
  { name: "HTTP/2.0", bytes: line("GET / HTTP/2.0"), expect: 400 },
  { name: "HTTP/1.10", bytes: line("GET / HTTP/1.10"), expect: 400 },
  { name: "HTTP/1.", bytes: line("GET / HTTP/1."), expect: 400 },
  { name: "HTTP/1,1", bytes: line("GET / HTTP/1,1"), expect: 400 },
  { name: "HTTP/01.1", bytes: line("GET / HTTP/01.1"), expect: 400 },
  { name: "http/1.1 in lower case", bytes: line("GET / http/1.1"), expect: 400 },
  { name: "ICY/1.1", bytes: line("GET / ICY/1.1"), expect: 400 },
  {
    name: "a request line that ends in a bare LF",
    bytes: `GET / HTTP/1.1\n${HOST}\r\n`,
    expect: 400,
  },
  {
    name: "a request line that ends in a bare CR",
    bytes: `GET / HTTP/1.1\r${HOST}\r\n`,
    expect: 400,
  },
  {
    name: "a request line that ends in CR CR LF",
    bytes: `GET / HTTP/1.1\r\r\n${HOST}\r\n`,
    expect: 400,
  },
  { name: "HTTP/1.0 with Host", bytes: line("GET / HTTP/1.0"), expect: 200 },
];

const targets: readonly HeadVector[] = [
  { name: "a path with a query", bytes: get("", "/a/b?c=d&e=%20"), expect: 200 },
  { name: "a path of two slashes", bytes: get("", "//evil.example/"), expect: 200 },
  {
    name: "characters that browsers send unescaped",
    bytes: get("", '/a|b^c`d{e}"<>'),
    expect: 200,
  },
  { name: "dot segments, which are the backend's to read", bytes: get("", "/a/../b"), expect: 200 },
  { name: "a fragment", bytes: get("", "/a#b"), expect: 400 },
  { name: "a fragment alone", bytes: get("", "#"), expect: 400 },
  { name: "a backslash", bytes: get("", "/a\\b"), expect: 400 },
  { name: "a backslash first", bytes: get("", "\\\\evil.example"), expect: 400 },
  { name: "a NUL in the target", bytes: get("", "/a\0b"), expect: 400 },
  { name: "a bare CR in the target", bytes: get("", "/a\rb"), expect: 400 },
  { name: "a bare LF in the target", bytes: get("", "/a\nb"), expect: 400 },
  { name: "DEL in the target", bytes: get("", "/a\x7fb"), expect: 400 },
  { name: "a byte over 0x7f in the target", bytes: get("", "/\xc3\xa4"), expect: 400 },
  { name: "a target of 8,192 bytes", bytes: get("", `/${"a".repeat(8_191)}`), expect: 200 },
  { name: "a target of 8,193 bytes", bytes: get("", `/${"a".repeat(8_192)}`), expect: 414 },
  {
    name: "a target without end shows before its end",
    bytes: `GET /${"a".repeat(8_192)}`,
    expect: 414,
  },
  { name: "OPTIONS *", bytes: line("OPTIONS * HTTP/1.1"), expect: 200 },
  { name: "GET *", bytes: line("GET * HTTP/1.1"), expect: 400 },
  { name: "a relative path", bytes: line("GET a/b HTTP/1.1"), expect: 400 },
  { name: "a query alone", bytes: line("GET ?a HTTP/1.1"), expect: 400 },
  { name: "an authority for GET", bytes: line("GET shop.example:80 HTTP/1.1"), expect: 400 },
  {
    name: "an absolute URL of our host",
    bytes: line("GET https://shop.example/a HTTP/1.1"),
    expect: 200,
  },
  {
    name: "an absolute URL in http",
    bytes: line("GET http://shop.example/a HTTP/1.1"),
    expect: 200,
  },
  {
    name: "an absolute URL in capitals",
    bytes: line("GET HTTPS://SHOP.EXAMPLE/a HTTP/1.1"),
    expect: 200,
  },
  {
    name: "an absolute URL with a port",
    bytes: line("GET https://shop.example:8443/ HTTP/1.1"),
    expect: 200,
  },
  {
    name: "an absolute URL without a path",
    bytes: line("GET https://shop.example HTTP/1.1"),
    expect: 200,
  },
  {
    name: "an absolute URL of another host",
    bytes: line("GET https://other.example/ HTTP/1.1"),
    expect: 421,
  },
  {
    name: "an absolute URL with userinfo",
    bytes: line("GET https://shop.example@other.example/ HTTP/1.1"),
    expect: 400,
  },
  {
    name: "an absolute URL with our name as userinfo's host",
    bytes: line("GET https://u:p@shop.example/ HTTP/1.1"),
    expect: 400,
  },
  {
    name: "an absolute URL without authority",
    bytes: line("GET https:///a HTTP/1.1"),
    expect: 400,
  },
  {
    name: "an absolute URL in another scheme",
    bytes: line("GET ftp://shop.example/ HTTP/1.1"),
    expect: 400,
  },
  { name: "a file URL", bytes: line("GET file:///etc/passwd HTTP/1.1"), expect: 400 },
  {
    name: "an absolute URL of our host beside another Host, which it beats (RFC 9112 §3.2.2)",
    bytes: "GET https://shop.example/ HTTP/1.1\r\nHost: other.example\r\n\r\n",
    expect: 200,
  },
  {
    name: "an absolute URL beside a malformed Host",
    bytes: "GET https://shop.example/ HTTP/1.1\r\nHost: a b\r\n\r\n",
    expect: 400,
  },
  {
    name: "an absolute URL without Host",
    bytes: "GET https://shop.example/ HTTP/1.1\r\n\r\n",
    expect: 400,
  },
];

const hosts: readonly HeadVector[] = [
  { name: "Host in capitals", bytes: hosted("SHOP.EXAMPLE"), expect: 200 },
  { name: "Host with a trailing dot", bytes: hosted("shop.example."), expect: 200 },
  { name: "Host with a port", bytes: hosted("shop.example:443"), expect: 200 },
  { name: "Host with a port and a trailing dot", bytes: hosted("Shop.Example.:443"), expect: 200 },
  {
    name: "Host with another name of route and certificate",
    bytes: hosted("www.shop.example"),
    expect: 200,
  },
  {
    name: "Host with another route's name (domain fronting)",
    bytes: hosted("other.example"),
    expect: 421,
  },
  { name: "Host with a name nobody knows", bytes: hosted("nobody.example"), expect: 421 },
  { name: "Host with our name as a suffix", bytes: hosted("evilshop.example"), expect: 421 },
  {
    name: "Host with our name as a prefix",
    bytes: hosted("shop.example.evil.example"),
    expect: 421,
  },
  { name: "Host with an IPv4 address", bytes: hosted("192.0.2.1"), expect: 421 },
  { name: "Host with an IPv6 address", bytes: hosted("[2001:db8::1]:443"), expect: 421 },
  { name: "Host with IPv4 inside IPv6", bytes: hosted("[::ffff:192.0.2.1]"), expect: 421 },
  { name: "Host with half an IPv6 address", bytes: hosted("[2001:db8::1"), expect: 400 },
  { name: "Host with brackets around nonsense", bytes: hosted("[:::::]"), expect: 400 },
  { name: "no Host", bytes: "GET / HTTP/1.1\r\n\r\n", expect: 400 },
  { name: "no Host in HTTP/1.0", bytes: "GET / HTTP/1.0\r\n\r\n", expect: 400 },
  { name: "an empty Host", bytes: hosted(""), expect: 400 },
  { name: "two Hosts", bytes: get("Host: other.example\r\n"), expect: 400 },
  { name: "two equal Hosts", bytes: get(HOST), expect: 400 },
  { name: "two Hosts in different case", bytes: get("hOST: shop.example\r\n"), expect: 400 },
  { name: "Host with a list", bytes: hosted("shop.example,other.example"), expect: 400 },
  { name: "Host with userinfo", bytes: hosted("user@shop.example"), expect: 400 },
  { name: "Host with our name before @", bytes: hosted("shop.example@other.example"), expect: 400 },
  { name: "Host with a path", bytes: hosted("shop.example/a"), expect: 400 },
  { name: "Host with a query", bytes: hosted("shop.example?a"), expect: 400 },
  { name: "Host with a fragment", bytes: hosted("shop.example#a"), expect: 400 },
  { name: "Host with a backslash", bytes: hosted("shop.example\\a"), expect: 400 },
  { name: "Host with a space inside", bytes: hosted("shop. example"), expect: 400 },
  { name: "Host with a tab inside", bytes: hosted("shop\t.example"), expect: 400 },
  { name: "Host with a scheme", bytes: hosted("https://shop.example"), expect: 400 },
  { name: "Host with an empty port", bytes: hosted("shop.example:"), expect: 400 },
  { name: "Host with a port that is no number", bytes: hosted("shop.example:a"), expect: 400 },
  {
    name: "Host with a port of another host",
    bytes: hosted("shop.example:443@other.example"),
    expect: 400,
  },
  { name: "Host with two ports", bytes: hosted("shop.example:1:2"), expect: 400 },
  { name: "Host with a port out of range", bytes: hosted("shop.example:65536"), expect: 400 },
  {
    name: "another name's Host with a port out of range",
    bytes: hosted("www.shop.example:99999"),
    expect: 400,
  },
  { name: "Host with a negative port", bytes: hosted("shop.example:-1"), expect: 400 },
  { name: "Host with a byte over 0x7f", bytes: hosted("sh\xf6p.example"), expect: 400 },
  { name: "Host with a percent escape", bytes: hosted("shop%2eexample"), expect: 400 },
  { name: "Host with an empty label", bytes: hosted("shop..example"), expect: 400 },
  { name: "Host with two trailing dots", bytes: hosted("shop.example.."), expect: 400 },
  { name: "Host with an underscore", bytes: hosted("a_b.example"), expect: 400 },
  { name: "Host with a wildcard", bytes: hosted("*.example"), expect: 400 },
  { name: "Host with quotes", bytes: hosted('"shop.example"'), expect: 400 },
  { name: "Host with a zone", bytes: hosted("[fe80::1%25eth0]"), expect: 400 },
  { name: "Host with a decimal address", bytes: hosted("3221225985"), expect: 400 },
  { name: "Host with a hexadecimal address", bytes: hosted("0xc0000201"), expect: 400 },
  { name: "Host with white space around it", bytes: hosted(" \t shop.example \t "), expect: 200 },
];

const fields: readonly HeadVector[] = [
  { name: "a field without a value", bytes: get("X-A:\r\n"), expect: 200 },
  { name: "a field without space after the colon", bytes: get("X-A:b\r\n"), expect: 200 },
  { name: "a field with obs-text (RFC 9110 §5.5)", bytes: get("X-A: \xe9\r\n"), expect: 200 },
  { name: "a field with a tab in its value", bytes: get("X-A: b\tc\r\n"), expect: 200 },
  {
    name: "every token character in a name (RFC 9110 §5.6.2)",
    bytes: get("a!#$%&'*+-.^`|~9: b\r\n"),
    expect: 200,
  },
  {
    name: "a space before the colon (Node CVE-2019-15605 class)",
    bytes: get("X-A : b\r\n"),
    expect: 400,
  },
  { name: "a tab before the colon", bytes: get("X-A\t: b\r\n"), expect: 400 },
  {
    name: "Transfer-Encoding with a space before the colon",
    bytes: post("Transfer-Encoding : chunked\r\n"),
    expect: 400,
  },
  { name: "a space in a name", bytes: get("X A: b\r\n"), expect: 400 },
  { name: "an empty name", bytes: get(": b\r\n"), expect: 400 },
  { name: "a line without a colon", bytes: get("nonsense\r\n"), expect: 400 },
  { name: "a folded line (RFC 9112 §5.2)", bytes: get("X-A: b\r\n c\r\n"), expect: 400 },
  { name: "a line folded with a tab", bytes: get("X-A: b\r\n\tc\r\n"), expect: 400 },
  { name: "a folded first line", bytes: `GET / HTTP/1.1\r\n ${HOST}\r\n`, expect: 400 },
  { name: "a NUL in a name", bytes: get("X\0A: b\r\n"), expect: 400 },
  { name: "a NUL in a value", bytes: get("X-A: b\0c\r\n"), expect: 400 },
  { name: "a control character in a value", bytes: get("X-A: b\x01c\r\n"), expect: 400 },
  {
    name: "a control character before a bare LF",
    bytes: get("X-A: b\x01\nX-B: c\r\n"),
    expect: 400,
  },
  { name: "a vertical tab in a value", bytes: get("X-A: b\x0bc\r\n"), expect: 400 },
  { name: "DEL in a value", bytes: get("X-A: b\x7fc\r\n"), expect: 400 },
  { name: "a bare CR in a value (Node CVE-2023-30589)", bytes: get("X-A: b\rc\r\n"), expect: 400 },
  { name: "a bare CR that starts a line", bytes: get("X-A: b\r\n\rX-B: c\r\n"), expect: 400 },
  {
    name: "a bare LF in a value (response splitting)",
    bytes: get("X-A: b\nX-B: c\r\n"),
    expect: 400,
  },
  { name: "a line that ends in CR CR LF", bytes: get("X-A: b\r\r\n"), expect: 400 },
  { name: "an empty line of a bare LF", bytes: `GET / HTTP/1.1\r\n${HOST}\n`, expect: 400 },
  { name: "a bracket in a name", bytes: get("X[A]: b\r\n"), expect: 400 },
  { name: "a quote in a name", bytes: get('"X": b\r\n'), expect: 400 },
  { name: "a comma in a name", bytes: get("X,A: b\r\n"), expect: 400 },
  {
    name: "a byte over 0x7f in a name (Node CVE-2022-35256 class)",
    bytes: get("X\xa0A: b\r\n"),
    expect: 400,
  },
  {
    name: "__proto__ as a name (Node CVE-2026-21710)",
    bytes: get("__proto__: b\r\n"),
    expect: 200,
  },
  { name: "100 fields", bytes: get("a: b\r\n".repeat(99)), expect: 200 },
  { name: "101 fields (Node CVE-2026-58044)", bytes: get("a: b\r\n".repeat(100)), expect: 431 },
  {
    name: "a head of 16 KiB and more in one field",
    bytes: get(`X-A: ${"b".repeat(16_384)}\r\n`),
    expect: 431,
  },
  {
    name: "a head without end shows at the limit",
    bytes: `GET / HTTP/1.1\r\nX-A: ${"b".repeat(16_384)}`,
    expect: 431,
  },
  { name: "a name without end", bytes: `GET / HTTP/1.1\r\n${"b".repeat(16_384)}`, expect: 431 },
  {
    name: "a fault shows before the head is complete",
    bytes: "GET / HTTP/1.1\r\nX A",
    expect: 400,
  },
];

const lengths: readonly HeadVector[] = [
  { name: "Content-Length", bytes: post("Content-Length: 5\r\n", "hello"), expect: 200 },
  { name: "Content-Length 0", bytes: post("Content-Length: 0\r\n"), expect: 200 },
  { name: "GET with a body", bytes: get("Content-Length: 5\r\n"), expect: 200 },
  {
    name: "an empty Content-Length (HAProxy CVE-2023-40225)",
    bytes: post("Content-Length:\r\n"),
    expect: 400,
  },
  { name: "a blank Content-Length", bytes: post("Content-Length:  \t\r\n"), expect: 400 },
  {
    name: "Content-Length with a plus",
    bytes: post("Content-Length: +5\r\n", "hello"),
    expect: 400,
  },
  { name: "a negative Content-Length", bytes: post("Content-Length: -5\r\n"), expect: 400 },
  {
    name: "Content-Length with a leading zero",
    bytes: post("Content-Length: 05\r\n", "hello"),
    expect: 400,
  },
  { name: "Content-Length 00", bytes: post("Content-Length: 00\r\n"), expect: 400 },
  {
    name: "a hexadecimal Content-Length",
    bytes: post("Content-Length: 0x5\r\n", "hello"),
    expect: 400,
  },
  {
    name: "a fractional Content-Length",
    bytes: post("Content-Length: 5.0\r\n", "hello"),
    expect: 400,
  },
  {
    name: "Content-Length with an exponent",
    bytes: post("Content-Length: 5e0\r\n", "hello"),
    expect: 400,
  },
  {
    name: "Content-Length with an underscore",
    bytes: post("Content-Length: 1_0\r\n", "0123456789"),
    expect: 400,
  },
  {
    name: "Content-Length with a space inside",
    bytes: post("Content-Length: 1 0\r\n", "0123456789"),
    expect: 400,
  },
  {
    name: "Content-Length as a list",
    bytes: post("Content-Length: 5, 5\r\n", "hello"),
    expect: 400,
  },
  {
    name: "Content-Length as a list of different numbers",
    bytes: post("Content-Length: 5, 6\r\n", "hello"),
    expect: 400,
  },
  {
    name: "Content-Length in Arabic digits",
    bytes: post("Content-Length: \xd9\xa5\r\n", "hello"),
    expect: 400,
  },
  {
    name: "two Content-Lengths",
    bytes: post("Content-Length: 5\r\nContent-Length: 6\r\n", "hello"),
    expect: 400,
  },
  {
    name: "two equal Content-Lengths",
    bytes: post("Content-Length: 5\r\nContent-Length: 5\r\n", "hello"),
    expect: 400,
  },
  {
    name: "two Content-Lengths in different case",
    bytes: post("Content-Length: 5\r\ncontent-length: 0\r\n", "hello"),
    expect: 400,
  },
  {
    name: "Content-Length beyond 2^53",
    bytes: post("Content-Length: 9007199254740993\r\n"),
    expect: 400,
  },
  {
    name: "Content-Length of 17 digits",
    bytes: post("Content-Length: 10000000000000000\r\n"),
    expect: 400,
  },
  {
    name: "Content-Length of 2^64 + 5",
    bytes: post("Content-Length: 18446744073709551621\r\n", "hello"),
    expect: 400,
  },
  {
    name: "Content-Length and Transfer-Encoding (CL.TE)",
    bytes: post("Content-Length: 6\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\nG"),
    expect: 400,
  },
  {
    name: "Transfer-Encoding and Content-Length (TE.CL)",
    bytes: post("Transfer-Encoding: chunked\r\nContent-Length: 4\r\n", "5c\r\n"),
    expect: 400,
  },
  {
    name: "Content-Length 0 and Transfer-Encoding (HAProxy CVE-2021-40346 class)",
    bytes: post("Content-Length: 0\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"),
    expect: 400,
  },
];

const codings: readonly HeadVector[] = [
  {
    name: "Transfer-Encoding chunked",
    bytes: post("Transfer-Encoding: chunked\r\n", "0\r\n\r\n"),
    expect: 200,
  },
  {
    name: "Transfer-Encoding in capitals",
    bytes: post("TRANSFER-ENCODING: CHUNKED\r\n", "0\r\n\r\n"),
    expect: 200,
  },
  {
    name: "Transfer-Encoding identity",
    bytes: post("Transfer-Encoding: identity\r\n"),
    expect: 400,
  },
  {
    name: "Transfer-Encoding chunked, identity",
    bytes: post("Transfer-Encoding: chunked, identity\r\n", "0\r\n\r\n"),
    expect: 400,
  },
  {
    name: "Transfer-Encoding identity, chunked",
    bytes: post("Transfer-Encoding: identity, chunked\r\n", "0\r\n\r\n"),
    expect: 400,
  },
  {
    name: "Transfer-Encoding gzip, chunked: real, and not done",
    bytes: post("Transfer-Encoding: gzip, chunked\r\n", "0\r\n\r\n"),
    expect: 501,
  },
  { name: "Transfer-Encoding gzip", bytes: post("Transfer-Encoding: gzip\r\n"), expect: 400 },
  {
    name: "Transfer-Encoding chunked, chunked",
    bytes: post("Transfer-Encoding: chunked, chunked\r\n", "0\r\n\r\n"),
    expect: 400,
  },
  {
    name: "Transfer-Encoding xchunked",
    bytes: post("Transfer-Encoding: xchunked\r\n", "0\r\n\r\n"),
    expect: 400,
  },
  {
    name: "Transfer-Encoding chunkedx",
    bytes: post("Transfer-Encoding: chunkedx\r\n", "0\r\n\r\n"),
    expect: 400,
  },
  {
    name: "Transfer-Encoding chunked with a parameter",
    bytes: post("Transfer-Encoding: chunked;q=1\r\n", "0\r\n\r\n"),
    expect: 400,
  },
  {
    name: "Transfer-Encoding with a leading comma",
    bytes: post("Transfer-Encoding: ,chunked\r\n", "0\r\n\r\n"),
    expect: 400,
  },
  {
    name: "Transfer-Encoding in quotes",
    bytes: post('Transfer-Encoding: "chunked"\r\n', "0\r\n\r\n"),
    expect: 400,
  },
  {
    name: "Transfer-Encoding with a vertical tab (Kettle 2019)",
    bytes: post("Transfer-Encoding: \x0bchunked\r\n", "0\r\n\r\n"),
    expect: 400,
  },
  {
    name: "Transfer-Encoding with a NUL",
    bytes: post("Transfer-Encoding: chunked\0\r\n", "0\r\n\r\n"),
    expect: 400,
  },
  {
    name: "Transfer-Encoding on a folded line",
    bytes: post("Transfer-Encoding:\r\n chunked\r\n", "0\r\n\r\n"),
    expect: 400,
  },
  { name: "an empty Transfer-Encoding", bytes: post("Transfer-Encoding:\r\n"), expect: 400 },
  {
    name: "two Transfer-Encodings",
    bytes: post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"),
    expect: 400,
  },
  {
    name: "two Transfer-Encodings, one identity (Kettle 2019)",
    bytes: post("Transfer-Encoding: chunked\r\nTransfer-encoding: identity\r\n", "0\r\n\r\n"),
    expect: 400,
  },
  {
    name: "Transfer-Encoding in HTTP/1.0 (RFC 9112 §6.1)",
    bytes: `POST / HTTP/1.0\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    expect: 400,
  },
  {
    name: "Transfer_Encoding is another field",
    bytes: post("Transfer_Encoding: chunked\r\n"),
    expect: 200,
  },
];

const connections: readonly HeadVector[] = [
  { name: "Connection keep-alive", bytes: get("Connection: keep-alive\r\n"), expect: 200 },
  { name: "Connection with empty elements", bytes: get("Connection: , close,,\r\n"), expect: 200 },
  {
    name: "Connection naming a field of the client",
    bytes: get("X-A: b\r\nConnection: X-A\r\n"),
    expect: 200,
  },
  { name: "Connection naming Host", bytes: get("Connection: host\r\n"), expect: 400 },
  {
    name: "Connection naming Content-Length",
    bytes: post("Content-Length: 0\r\nConnection: content-length\r\n"),
    expect: 400,
  },
  {
    name: "Connection naming Transfer-Encoding",
    bytes: get("Connection: Transfer-Encoding\r\n"),
    expect: 400,
  },
  {
    name: "Connection naming X-Forwarded-Proto (Traefik CVE-2024-45410)",
    bytes: get("Connection: close, X-Forwarded-Proto\r\n"),
    expect: 400,
  },
  {
    name: "Connection naming X-Forwarded-For in odd case (Traefik #12690)",
    bytes: get("Connection: close, x-FORWARDED-for\r\n"),
    expect: 400,
  },
  {
    name: "Connection naming X-Forwarded-Host",
    bytes: get("connection: X-Forwarded-Host\r\n"),
    expect: 400,
  },
  {
    name: "Connection naming X-Real-IP (Fabio CVE-2025-48865)",
    bytes: get("Connection: X-Real-IP\r\n"),
    expect: 400,
  },
  { name: "Connection naming Forwarded", bytes: get("Connection: forwarded\r\n"), expect: 400 },
  {
    name: "Connection naming X-Request-Id",
    bytes: get("Connection: X-Request-Id\r\n"),
    expect: 400,
  },
  {
    name: "a second Connection naming Host",
    bytes: get("Connection: close\r\nConnection: host\r\n"),
    expect: 400,
  },
  {
    name: "Connection with a parameter",
    bytes: get("Connection: close;q=1\r\n"),
    expect: 400,
  },
  { name: "Connection in quotes", bytes: get('Connection: "close"\r\n'), expect: 400 },
];

const KEY = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
const WEBSOCKET = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n";

const upgrades: readonly HeadVector[] = [
  { name: "a WebSocket (RFC 6455 §1.2)", bytes: get(WEBSOCKET + KEY), expect: 200 },
  {
    name: "a WebSocket with keep-alive, as Firefox sends it",
    bytes: get(`Connection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\n${KEY}`),
    expect: 200,
  },
  {
    name: "Upgrade without its option is ignored (RFC 9110 §7.8)",
    bytes: get("Upgrade: h2c\r\n"),
    expect: 200,
  },
  {
    name: "Upgrade in HTTP/1.0 is ignored",
    bytes: `GET / HTTP/1.0\r\n${HOST}Connection: Upgrade\r\nUpgrade: h2c\r\n\r\n`,
    expect: 200,
  },
  {
    name: "h2c (upgrade smuggling)",
    bytes: get(
      "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n",
    ),
    expect: 400,
  },
  {
    name: "Upgrade to TLS (RFC 2817)",
    bytes: get("Connection: Upgrade\r\nUpgrade: TLS/1.0\r\n"),
    expect: 400,
  },
  {
    name: "Upgrade to websocket or h2c",
    bytes: get(`Connection: Upgrade\r\nUpgrade: websocket, h2c\r\n${KEY}`),
    expect: 400,
  },
  { name: "two Upgrades", bytes: get(`${WEBSOCKET}Upgrade: websocket\r\n${KEY}`), expect: 400 },
  {
    name: "an empty Upgrade",
    bytes: get(`Connection: Upgrade\r\nUpgrade:\r\n${KEY}`),
    expect: 400,
  },
  { name: "a WebSocket without a key", bytes: get(WEBSOCKET), expect: 400 },
  { name: "a WebSocket with two keys", bytes: get(WEBSOCKET + KEY + KEY), expect: 400 },
  {
    name: "a WebSocket with a short key",
    bytes: get(`${WEBSOCKET}Sec-WebSocket-Key: c2hvcnQ=\r\n`),
    expect: 400,
  },
  {
    name: "a WebSocket with a key that is not base64",
    bytes: get(`${WEBSOCKET}Sec-WebSocket-Key: !!hlIHNhbXBsZSBub25jZQ==\r\n`),
    expect: 400,
  },
  { name: "a WebSocket by POST", bytes: post(WEBSOCKET + KEY), expect: 400 },
  {
    name: "a WebSocket with Content-Length (Pingora CVE-2026-2833 class)",
    bytes: get(`${WEBSOCKET}${KEY}Content-Length: 5\r\n`),
    expect: 400,
  },
  {
    name: "a WebSocket with Content-Length 0",
    bytes: get(`${WEBSOCKET}${KEY}Content-Length: 0\r\n`),
    expect: 400,
  },
  {
    name: "a WebSocket with a chunked body",
    bytes: get(`${WEBSOCKET}${KEY}Transfer-Encoding: chunked\r\n`),
    expect: 400,
  },
];

const expectations: readonly HeadVector[] = [
  {
    name: "Expect 100-continue",
    bytes: post("Content-Length: 5\r\nExpect: 100-continue\r\n"),
    expect: 200,
  },
  {
    name: "Expect 100-Continue in odd case",
    bytes: post("Content-Length: 5\r\nExpect: 100-Continue\r\n"),
    expect: 200,
  },
  {
    name: "Expect something else",
    bytes: post("Content-Length: 5\r\nExpect: 200-ok\r\n"),
    expect: 417,
  },
  { name: "Expect nothing", bytes: post("Content-Length: 5\r\nExpect:\r\n"), expect: 417 },
  {
    name: "Expect twice",
    bytes: post("Content-Length: 5\r\nExpect: 100-continue\r\nExpect: 100-continue\r\n"),
    expect: 417,
  },
  {
    name: "Expect something else in HTTP/1.0 is ignored",
    bytes: `POST / HTTP/1.0\r\n${HOST}Content-Length: 5\r\nExpect: a\r\n\r\nhello`,
    expect: 200,
  },
];

const partials: readonly HeadVector[] = [
  { name: "nothing yet", bytes: "", expect: 0 },
  { name: "a CR", bytes: "\r", expect: 0 },
  { name: "an empty line", bytes: "\r\n", expect: 0 },
  { name: "half a method", bytes: "GE", expect: 0 },
  { name: "a method", bytes: "GET ", expect: 0 },
  { name: "half a target", bytes: "GET /a", expect: 0 },
  { name: "half a version", bytes: "GET / HTTP/1", expect: 0 },
  { name: "a version and CR", bytes: "GET / HTTP/1.1\r", expect: 0 },
  { name: "a request line", bytes: "GET / HTTP/1.1\r\n", expect: 0 },
  { name: "half a name", bytes: "GET / HTTP/1.1\r\nHo", expect: 0 },
  { name: "half a value", bytes: "GET / HTTP/1.1\r\nHost: sh", expect: 0 },
  { name: "a field line and CR", bytes: "GET / HTTP/1.1\r\nHost: shop.example\r", expect: 0 },
  {
    name: "everything but the last LF",
    bytes: "GET / HTTP/1.1\r\nHost: shop.example\r\n\r",
    expect: 0,
  },
];

export const headVectors: readonly HeadVector[] = [
  ...requestLines,
  ...targets,
  ...hosts,
  ...fields,
  ...lengths,
  ...codings,
  ...connections,
  ...upgrades,
  ...expectations,
  ...partials,
];

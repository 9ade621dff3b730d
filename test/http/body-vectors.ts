/** Chunked bodies, and what must come of each: the content, or a fault, or more to wait for. */
export interface BodyVector {
  readonly name: string;
  /** As latin1. */
  readonly bytes: string;
  readonly expect:
    | { readonly state: "done"; readonly content: string; readonly rest?: string }
    | { readonly state: "more"; readonly content: string }
    | { readonly state: "fault" };
}

const FAULT = { state: "fault" } as const;

function done(content: string, rest = "") {
  return { state: "done", content, rest } as const;
}

export const bodyVectors: readonly BodyVector[] = [
  { name: "an empty body", bytes: "0\r\n\r\n", expect: done("") },
  { name: "one chunk", bytes: "5\r\nhello\r\n0\r\n\r\n", expect: done("hello") },
  { name: "two chunks", bytes: "2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n", expect: done("hello") },
  {
    name: "a next request behind it",
    bytes: "1\r\na\r\n0\r\n\r\nGET /",
    expect: done("a", "GET /"),
  },
  { name: "a size in capitals", bytes: "A\r\n0123456789\r\n0\r\n\r\n", expect: done("0123456789") },
  {
    name: "a size in small letters",
    bytes: "a\r\n0123456789\r\n0\r\n\r\n",
    expect: done("0123456789"),
  },
  {
    name: "a size with leading zeros",
    bytes: "0005\r\nhello\r\n000\r\n\r\n",
    expect: done("hello"),
  },
  {
    name: "content that looks like framing",
    bytes: "7\r\n\r\n0\r\n\r\n\r\n0\r\n\r\n",
    expect: done("\r\n0\r\n\r\n"),
  },
  {
    name: "an extension (RFC 9112 §7.1.1)",
    bytes: "5;a\r\nhello\r\n0\r\n\r\n",
    expect: done("hello"),
  },
  {
    name: "an extension with a value",
    bytes: "5;a=b;c=d\r\nhello\r\n0\r\n\r\n",
    expect: done("hello"),
  },
  {
    name: "an extension with a quoted value",
    bytes: '5;a="b;c\\""\r\nhello\r\n0\r\n\r\n',
    expect: done("hello"),
  },
  { name: "an extension on the last chunk", bytes: "0;a=b\r\n\r\n", expect: done("") },
  { name: "trailers", bytes: "0\r\nX-A: b\r\n\r\nrest", expect: done("", "rest") },
  { name: "half a chunk", bytes: "5\r\nhel", expect: { state: "more", content: "hel" } },
  { name: "no size", bytes: "\r\nhello\r\n0\r\n\r\n", expect: FAULT },
  { name: "a size that is no number", bytes: "x\r\nhello\r\n0\r\n\r\n", expect: FAULT },
  { name: "a negative size", bytes: "-5\r\nhello\r\n0\r\n\r\n", expect: FAULT },
  { name: "a size with a plus", bytes: "+5\r\nhello\r\n0\r\n\r\n", expect: FAULT },
  { name: "a size with 0x (Kettle 2019)", bytes: "0x5\r\nhello\r\n0\r\n\r\n", expect: FAULT },
  {
    name: "a size with an underscore",
    bytes: "1_0\r\n0123456789012345\r\n0\r\n\r\n",
    expect: FAULT,
  },
  {
    name: "a size of 14 digits",
    bytes: "10000000000005\r\nhello\r\n0\r\n\r\n",
    expect: FAULT,
  },
  {
    name: "a size that overflows 64 bits",
    bytes: "10000000000000005\r\nhello\r\n0\r\n\r\n",
    expect: FAULT,
  },
  { name: "a space before the size", bytes: " 5\r\nhello\r\n0\r\n\r\n", expect: FAULT },
  { name: "a space after the size", bytes: "5 \r\nhello\r\n0\r\n\r\n", expect: FAULT },
  { name: "a tab after the size", bytes: "5\t\r\nhello\r\n0\r\n\r\n", expect: FAULT },
  { name: "a NUL after the size", bytes: "5\0\r\nhello\r\n0\r\n\r\n", expect: FAULT },
  { name: "a size line that ends in a bare LF", bytes: "5\nhello\r\n0\r\n\r\n", expect: FAULT },
  { name: "a size line that ends in a bare CR", bytes: "5\rhello\r\n0\r\n\r\n", expect: FAULT },
  { name: "a size line that ends in CR CR LF", bytes: "5\r\r\nhello\r\n0\r\n\r\n", expect: FAULT },
  {
    name: "an extension that ends in a bare LF (TERM.EXT)",
    bytes: "5;a\nhello\r\n0\r\n\r\n",
    expect: FAULT,
  },
  {
    name: "an extension with a bare LF inside (EXT.TERM)",
    bytes: "5;a\nb\r\nhello\r\n0\r\n\r\n",
    expect: FAULT,
  },
  {
    name: "an extension with a bare CR (Node CVE-2023-30589 class)",
    bytes: "5;a\rb\r\nhello\r\n0\r\n\r\n",
    expect: FAULT,
  },
  { name: "an extension with a space", bytes: "5; a\r\nhello\r\n0\r\n\r\n", expect: FAULT },
  {
    name: "an extension with a control character",
    bytes: "5;a\x01\r\nhello\r\n0\r\n\r\n",
    expect: FAULT,
  },
  { name: "an extension with an open quote", bytes: '5;a="b\r\nhello\r\n0\r\n\r\n', expect: FAULT },
  { name: "an extension without a name", bytes: "5;\r\nhello\r\n0\r\n\r\n", expect: FAULT },
  {
    name: "an extension of 1 KiB (Node CVE-2024-22019)",
    bytes: `5;${"a".repeat(1_024)}\r\nhello\r\n0\r\n\r\n`,
    expect: FAULT,
  },
  {
    name: "an extension without end",
    bytes: `5;${"a".repeat(1_024)}`,
    expect: FAULT,
  },
  {
    name: "a chunk that is too long for its size",
    bytes: "5\r\nhello!\r\n0\r\n\r\n",
    expect: FAULT,
  },
  {
    name: "a chunk that is too short for its size",
    bytes: "6\r\nhello\r\n0\r\n\r\n",
    expect: FAULT,
  },
  { name: "a chunk that ends in a bare LF", bytes: "5\r\nhello\n0\r\n\r\n", expect: FAULT },
  { name: "a chunk that ends in a bare CR", bytes: "5\r\nhello\r0\r\n\r\n", expect: FAULT },
  { name: "a chunk without an end", bytes: "5\r\nhello0\r\n\r\n", expect: FAULT },
  {
    name: "a chunk that ends in XX (Apache Traffic Server CVE-2024-53868 class)",
    bytes: "5\r\nhelloXX0\r\n\r\n",
    expect: FAULT,
  },
  { name: "a bare LF after the last chunk", bytes: "0\r\n\n", expect: FAULT },
  { name: "a bare CR after the last chunk", bytes: "0\r\n\rX", expect: FAULT },
  { name: "a trailer with a space before the colon", bytes: "0\r\nX-A : b\r\n\r\n", expect: FAULT },
  { name: "a folded trailer", bytes: "0\r\nX-A: b\r\n c\r\n\r\n", expect: FAULT },
  { name: "a trailer with a NUL", bytes: "0\r\nX-A: \0\r\n\r\n", expect: FAULT },
  { name: "a trailer with a bare LF", bytes: "0\r\nX-A: b\nX-B: c\r\n\r\n", expect: FAULT },
  { name: "a request where a trailer is due", bytes: "0\r\nGET / HTTP/1.1\r\n\r\n", expect: FAULT },
  {
    name: "101 trailers",
    bytes: `0\r\n${"a: b\r\n".repeat(101)}\r\n`,
    expect: FAULT,
  },
  {
    name: "9 KiB of trailers",
    bytes: `0\r\nX-A: ${"b".repeat(9_216)}\r\n\r\n`,
    expect: FAULT,
  },
];

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { limits } from "../../src/config/limits.ts";
import { crc32c } from "../../src/connection/crc32c.ts";
import { readProxyHeader } from "../../src/connection/proxy-protocol.ts";
import {
  ADDRESSES_V4,
  ADDRESSES_V6,
  binaryHeader,
  checksummed,
  SIGNATURE,
  tlv,
} from "../support/proxy-header.ts";

const bytes = (...parts: readonly (string | Buffer)[]) =>
  Buffer.concat(parts.map((part) => (typeof part === "string" ? Buffer.from(part) : part)));

/** A header of the largest size that is taken, padded by a NOOP. */
const filler = limits.proxyHeaderMaxBytes - 16 - ADDRESSES_V4.length - 3;
const largest = binaryHeader(0x21, 0x11, bytes(ADDRESSES_V4, tlv(4, Buffer.alloc(filler))));
/** HAProxy's `send-proxy-v2-ssl` for a client with a certificate, shortened. */
const ssl = tlv(0x20, bytes(Buffer.of(7, 0, 0, 0, 0), tlv(0x21, Buffer.from("TLSv1.3"))));

const V4 = "192.0.2.1:56324 192.0.2.2:443";
const V6 = "2001:db8::1:56324 2001:db8::2:443";

const accepted: readonly [what: string, header: Buffer, ends: string][] = [
  ["v1 TCP4", bytes("PROXY TCP4 192.0.2.1 192.0.2.2 56324 443\r\n"), V4],
  ["v1 TCP6", bytes("PROXY TCP6 2001:db8::1 2001:DB8:0:0::2 56324 443\r\n"), V6],
  ["v1 TCP6, mapped", bytes("PROXY TCP6 ::ffff:192.0.2.1 ::ffff:192.0.2.2 56324 443\r\n"), V4],
  [
    "v1, the longest addresses",
    bytes(`PROXY TCP6 ${"ffff:".repeat(7)}ffff ${"ffff:".repeat(7)}ffff 65535 65535\r\n`),
    `${"ffff:".repeat(7)}ffff:65535 ${"ffff:".repeat(7)}ffff:65535`,
  ],
  ["v1, port 0", bytes("PROXY TCP4 192.0.2.1 192.0.2.2 0 443\r\n"), "192.0.2.1:0 192.0.2.2:443"],
  ["v1 UNKNOWN", bytes("PROXY UNKNOWN\r\n"), "local"],
  ["v1 UNKNOWN with more", bytes(`PROXY UNKNOWN ${"x".repeat(91)}\r\n`), "local"],
  ["v2 TCP4", binaryHeader(0x21, 0x11, ADDRESSES_V4), V4],
  ["v2 TCP6", binaryHeader(0x21, 0x21, ADDRESSES_V6), V6],
  ["v2 UDP4 (QUIC)", binaryHeader(0x21, 0x12, ADDRESSES_V4), V4],
  ["v2 UDP6 (QUIC)", binaryHeader(0x21, 0x22, ADDRESSES_V6), V6],
  [
    "v2 TCP6, mapped",
    binaryHeader(
      0x21,
      0x21,
      Buffer.from(
        "00000000000000000000ffffc000020100000000000000000000ffffc0000202dc0401bb",
        "hex",
      ),
    ),
    V4,
  ],
  ["v2 UNSPEC", binaryHeader(0x21, 0x00), "local"],
  ["v2 UNIX", binaryHeader(0x21, 0x31, Buffer.alloc(216, "s")), "local"],
  ["v2 UNIX datagram", binaryHeader(0x21, 0x32, Buffer.alloc(216, "s")), "local"],
  ["v2 LOCAL", binaryHeader(0x20, 0x00), "local"],
  ["v2 LOCAL with anything", binaryHeader(0x20, 0xff, Buffer.from("anything")), "local"],
  ["v2 with TLVs", binaryHeader(0x21, 0x11, bytes(ADDRESSES_V4, ssl, tlv(0xee, ssl))), V4],
  ["v2 with an empty TLV", binaryHeader(0x21, 0x11, bytes(ADDRESSES_V4, tlv(5, bytes()))), V4],
  ["v2 with a checksum", checksummed(0x11, ADDRESSES_V4), V4],
  ["v2 with a checksum after a TLV", checksummed(0x21, bytes(ADDRESSES_V6, ssl)), V6],
  ["v2 as large as can be", largest, V4],
];

for (const [what, header, ends] of accepted) {
  test(`${what} is read, and not a byte further`, () => {
    const all = bytes(header, "\x16\x03\x01");
    assert.equal(describe(all), `${ends} ${header.length}`);
    for (let length = 1; length < header.length; length += 1) {
      const read = readProxyHeader(all.subarray(0, length));
      assert.equal(read.kind, "partial", `${length} bytes of it`);
      assert.ok(read.kind === "partial" && read.wantsBytes > length);
      assert.ok(read.kind === "partial" && read.wantsBytes <= header.length);
    }
  });
}

const wrongSum = checksummed(0x11, ADDRESSES_V4);
wrongSum.writeUInt8(2, 19); // another address than the one that was summed up

const refused: readonly [what: string, header: Buffer, why: RegExp][] = [
  ["a ClientHello", bytes("\x16\x03\x01\x02\x00\x01"), /no PROXY header/],
  ["a request", bytes("GET / HTTP/1.1\r\n"), /no PROXY header/],
  ["a request that begins alike", bytes("PROPFIND / HTTP/1.1\r\n"), /no PROXY header/],
  ["lower case", bytes("proxy TCP4 192.0.2.1 192.0.2.2 1 443\r\n"), /no PROXY header/],
  ["a line of 108 bytes", bytes(`PROXY UNKNOWN ${"x".repeat(92)}\r\n`), /more than 107 bytes/],
  ["a line without an end", bytes(`PROXY TCP4 ${"1".repeat(200)}`), /more than 107 bytes/],
  ["LF alone", bytes("PROXY TCP4 192.0.2.1 192.0.2.2 1 443\n"), /without CRLF/],
  ["a CR in its middle", bytes("PROXY TCP4 192.0.2.1\r192.0.2.2 1 443\r\n"), /without CRLF/],
  ["an unknown family", bytes("PROXY UDP4 192.0.2.1 192.0.2.2 1 443\r\n"), /family/],
  ["no family", bytes("PROXY \r\n"), /family/],
  ["two spaces", bytes("PROXY TCP4  192.0.2.1 192.0.2.2 1 443\r\n"), /two addresses/],
  ["a space at the end", bytes("PROXY TCP4 192.0.2.1 192.0.2.2 1 443 \r\n"), /two addresses/],
  ["no ports", bytes("PROXY TCP4 192.0.2.1 192.0.2.2\r\n"), /addresses that are none/],
  ["one port", bytes("PROXY TCP4 192.0.2.1 192.0.2.2 1\r\n"), /addresses that are none/],
  ["a port of 65536", bytes("PROXY TCP4 192.0.2.1 192.0.2.2 1 65536\r\n"), /addresses that/],
  ["a port with a zero", bytes("PROXY TCP4 192.0.2.1 192.0.2.2 01 443\r\n"), /addresses that/],
  ["a port with a sign", bytes("PROXY TCP4 192.0.2.1 192.0.2.2 +1 443\r\n"), /addresses that/],
  ["an octet of 256", bytes("PROXY TCP4 192.0.2.256 192.0.2.2 1 443\r\n"), /addresses that/],
  ["an octet with a zero", bytes("PROXY TCP4 192.0.2.01 192.0.2.2 1 443\r\n"), /addresses that/],
  ["three octets", bytes("PROXY TCP4 192.0.2 192.0.2.2 1 443\r\n"), /addresses that are none/],
  ["IPv6 as TCP4", bytes("PROXY TCP4 ::1 192.0.2.2 1 443\r\n"), /addresses that are none/],
  ["IPv4 as TCP6", bytes("PROXY TCP6 192.0.2.1 ::1 1 443\r\n"), /addresses that are none/],
  ["a zone", bytes("PROXY TCP6 fe80::1%lo ::1 1 443\r\n"), /addresses that are none/],
  ["brackets", bytes("PROXY TCP6 [::1] ::1 1 443\r\n"), /addresses that are none/],
  ["a name", bytes("PROXY TCP4 localhost 192.0.2.2 1 443\r\n"), /addresses that are none/],
  ["version 1 in binary", binaryHeader(0x11, 0x11, ADDRESSES_V4), /version or command/],
  ["version 3", binaryHeader(0x31, 0x11, ADDRESSES_V4), /version or command/],
  ["command 2", binaryHeader(0x22, 0x11, ADDRESSES_V4), /version or command/],
  ["command 15", binaryHeader(0x2f, 0x11, ADDRESSES_V4), /version or command/],
  ["an unknown transport", binaryHeader(0x21, 0x13, ADDRESSES_V4), /family/],
  ["an unspecified transport", binaryHeader(0x21, 0x10, ADDRESSES_V4), /family/],
  ["a family of 4", binaryHeader(0x21, 0x41, ADDRESSES_V4), /family/],
  ["addresses of 11 bytes", binaryHeader(0x21, 0x11, ADDRESSES_V4.subarray(1)), /cut short in/],
  ["IPv4 addresses as TCP6", binaryHeader(0x21, 0x21, ADDRESSES_V4), /cut short in/],
  ["one UNIX address", binaryHeader(0x21, 0x31, Buffer.alloc(108)), /cut short in/],
  ["a byte left over", binaryHeader(0x21, 0x11, bytes(ADDRESSES_V4, "x")), /TLV/],
  ["a TLV beyond it", binaryHeader(0x21, 0x11, bytes(ADDRESSES_V4, tlv(5, bytes(), 1))), /TLV/],
  [
    "a TLV of 64 KiB",
    binaryHeader(0x21, 0x11, bytes(ADDRESSES_V4, tlv(5, bytes("x"), 0xffff))),
    /TLV/,
  ],
  ["a wrong checksum", wrongSum, /wrong checksum/],
  [
    "a checksum of 3 bytes",
    binaryHeader(0x21, 0x11, bytes(ADDRESSES_V4, tlv(3, Buffer.alloc(3)))),
    /checksum that is none/,
  ],
  ["two checksums", checksummed(0x11, checksummed(0x11, ADDRESSES_V4).subarray(16)), /checksum/],
  ["a header that is too large", binaryHeader(0x21, 0x11, bytes(), 4_081), /too large/],
  ["the largest length", binaryHeader(0x21, 0x00, bytes(), 0xffff), /too large/],
  ["a large LOCAL", binaryHeader(0x20, 0x00, bytes(), 0xffff), /too large/],
];

for (const [what, header, why] of refused) {
  test(`${what} is no PROXY header`, () => {
    const read = readProxyHeader(header);
    assert.equal(read.kind, "malformed");
    assert.match(read.kind === "malformed" ? read.why : "", why);
  });
}

test("a wrong signature is seen at its first byte that differs", () => {
  for (const [at, byte] of SIGNATURE.entries()) {
    const header = Buffer.from(SIGNATURE.subarray(0, at + 1));
    header.writeUInt8(byte ^ 0x20, at);
    assert.equal(readProxyHeader(header).kind, "malformed", `at ${at}`);
  }
});

test("no bytes make the reader throw, or use more than there are", () => {
  const starts = fc.constantFrom(bytes(), bytes("PROXY "), SIGNATURE, largest.subarray(0, 40));
  fc.assert(
    fc.property(starts, fc.uint8Array({ maxLength: 300 }), (start, rest) => {
      const all = bytes(start, Buffer.from(rest));
      const read = readProxyHeader(all);
      if (read.kind === "partial") assert.ok(read.wantsBytes > all.length);
      else if (read.kind !== "malformed") assert.ok(read.length <= all.length);
    }),
    { numRuns: 2_000 },
  );
});

test("CRC32c is the one of RFC 3720 B.4", () => {
  assert.equal(crc32c(Buffer.alloc(32)), 0x8a9136aa);
  assert.equal(crc32c(Buffer.alloc(32, 0xff)), 0x62a8ab43);
  assert.equal(crc32c(Buffer.from("123456789")), 0xe3069283);
});

function describe(all: Buffer): string {
  const read = readProxyHeader(all);
  switch (read.kind) {
    case "proxied": {
      const { source, destination } = read.ends;
      const ends = [source, destination].map(({ address, port }) => `${address}:${port}`);
      return `${ends.join(" ")} ${read.length}`;
    }
    case "local":
      return `local ${read.length}`;
    default:
      return JSON.stringify(read);
  }
}

import assert from "node:assert/strict";
import { test } from "node:test";
import { writeProxyHeader } from "../../src/backend/proxy-header.ts";
import { parseIpAddress } from "../../src/base/ip-address.ts";
import { readProxyHeader } from "../../src/connection/proxy-protocol.ts";

function end(text: string, port: number) {
  const address = parseIpAddress(text);
  assert.ok(address);
  return { address, port };
}

const rows: readonly [source: string, destination: string, line: string][] = [
  ["192.0.2.1", "192.0.2.2", "PROXY TCP4 192.0.2.1 192.0.2.2 56324 443\r\n"],
  ["2001:db8::1", "2001:db8::2", "PROXY TCP6 2001:db8::1 2001:db8::2 56324 443\r\n"],
  ["192.0.2.1", "2001:db8::2", "PROXY TCP6 ::ffff:192.0.2.1 2001:db8::2 56324 443\r\n"],
];

for (const [from, to, line] of rows) {
  test(`the headers of a connection from ${from} to ${to} are read as what they say`, () => {
    const ends = { source: end(from, 56_324), destination: end(to, 443) };
    assert.equal(writeProxyHeader("v1", ends).toString(), line);
    for (const version of ["v1", "v2"] as const) {
      const header = writeProxyHeader(version, ends);
      assert.deepEqual(readProxyHeader(header), { kind: "proxied", ends, length: header.length });
    }
  });
}

test("version 2 is what the specification draws", () => {
  const ends = { source: end("192.0.2.1", 56_324), destination: end("192.0.2.2", 443) };
  assert.equal(
    writeProxyHeader("v2", ends).toString("hex"),
    "0d0a0d0a000d0a515549540a2111000cc0000201c0000202dc0401bb",
  );
});

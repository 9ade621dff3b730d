import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  addressOf,
  addressOfReverse,
  octetsOf,
  parseIpAddress,
  parseSocketAddress,
  reverseNameOf,
} from "../../src/base/ip-address.ts";
import { literalOf, parseUriHost } from "../../src/base/uri-host.ts";

/** A text, and the one spelling of the address that it is (RFC 5952 §4). */
const spellings: readonly (readonly [string, string | undefined])[] = [
  ["203.0.113.7", "203.0.113.7"],
  ["2001:db8::1", "2001:db8::1"],
  ["2001:DB8:0:0:0:0:0:1", "2001:db8::1"],
  ["2001:0db8:0000:0000:0001:0000:0000:0001", "2001:db8::1:0:0:1"],
  ["2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"],
  ["::", "::"],
  ["::1", "::1"],
  ["::ffff:203.0.113.7", undefined],
  ["::ffff:cb00:7107", undefined],
  ["fe80::1%eth0", undefined],
  ["[2001:db8::1]", undefined],
  ["203.0.113.07", undefined],
  ["203.0.113", undefined],
  ["0xcb007107", undefined],
  ["203.0.113.7.", undefined],
  ["203.0.113.7:443", undefined],
  ["shop.example", undefined],
  ["", undefined],
];

for (const [text, address] of spellings) {
  test(`"${text}" is ${address === undefined ? "no address that is certified" : address}`, () => {
    assert.equal(parseIpAddress(text), address);
    if (address !== undefined) assert.equal(parseUriHost(text), address);
  });
}

/** RFC 8738 §6 and RFC 3596 §2.5. */
const reversed: readonly (readonly [string, string])[] = [
  ["127.0.0.1", "1.0.0.127.in-addr.arpa"],
  ["203.0.113.7", "7.113.0.203.in-addr.arpa"],
  ["2001:db8::1", `1.${"0.".repeat(23)}8.b.d.0.1.0.0.2.ip6.arpa`],
];

for (const [text, name] of reversed) {
  test(`a hello for the challenge of ${text} asks for ${name}`, () => {
    const address = parseIpAddress(text) ?? assert.fail();
    assert.equal(reverseNameOf(address), name);
    assert.equal(addressOfReverse(name), address);
  });
}

for (const name of [
  "in-addr.arpa",
  "0.127.in-addr.arpa",
  "01.0.0.127.in-addr.arpa",
  "256.0.0.127.in-addr.arpa",
  "1.2.1.0.0.127.in-addr.arpa",
  "1.0.0.127.in-addr.arpa.example",
  "x.1.0.0.127.in-addr.arpa",
  "1.0.ip6.arpa",
  `10.${"0.".repeat(22)}8.b.d.0.1.0.0.2.ip6.arpa`,
]) {
  test(`${name} is the reverse name of no address`, () => {
    assert.equal(addressOfReverse(name), undefined);
  });
}

test("octets, text and reverse name of an address lead to one another", () => {
  const octets = fc.oneof(
    fc.uint8Array({ minLength: 4, maxLength: 4 }),
    fc.uint8Array({ minLength: 16, maxLength: 16 }),
  );
  fc.assert(
    fc.property(octets, (bytes) => {
      const address = addressOf(bytes);
      if (address === undefined) return bytes.length === 16; // IPv4 inside IPv6
      assert.deepEqual(octetsOf(address), Buffer.from(bytes));
      assert.equal(addressOfReverse(reverseNameOf(address)), address);
      return true;
    }),
  );
});

test("a socket for both families is at the IPv4 address that it says inside IPv6", () => {
  assert.equal(parseSocketAddress("::ffff:127.0.0.1"), "127.0.0.1");
  assert.equal(parseSocketAddress("fe80::1%eth0"), "fe80::1");
  assert.equal(parseSocketAddress(undefined), undefined);
});

test("an IPv6 address stands in brackets in a URL, and nothing else does", () => {
  const literals = ["2001:db8::1", "203.0.113.7", "a.example"].map((text) =>
    literalOf(parseUriHost(text) ?? assert.fail()),
  );
  assert.deepEqual(literals, ["[2001:db8::1]", "203.0.113.7", "a.example"]);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  addressesIn,
  isLoopbackAddress,
  isReservedAddress,
  unmapped,
} from "../../src/base/address-range.ts";

const rows = [
  { cidrs: [], address: "10.0.0.1", expect: false },
  { cidrs: ["10.0.0.0/8"], address: "10.255.255.255", expect: true },
  { cidrs: ["10.0.0.0/8"], address: "11.0.0.0", expect: false },
  { cidrs: ["10.0.0.0/8"], address: "::ffff:10.1.2.3", expect: true },
  { cidrs: ["10.0.0.0/8"], address: "::1", expect: false },
  { cidrs: ["192.0.2.1"], address: "192.0.2.1", expect: true },
  { cidrs: ["192.0.2.1/32"], address: "192.0.2.2", expect: false },
  { cidrs: ["2001:db8::/32"], address: "2001:db8:1::2", expect: true },
  { cidrs: ["2001:db8::/32"], address: "2001:db9::1", expect: false },
  { cidrs: ["192.0.2.0/24", "::1"], address: "::1", expect: true },
  { cidrs: ["0.0.0.0/0"], address: "203.0.113.1", expect: true },
  { cidrs: ["0.0.0.0/0"], address: "nonsense", expect: false },
  { cidrs: ["::/0"], address: "", expect: false },
];

for (const { cidrs, address, expect } of rows) {
  test(`"${address}" is ${expect ? "" : "not "}in [${cidrs.join(", ")}]`, () => {
    assert.equal(addressesIn(cidrs)(address), expect);
  });
}

test("What is no CIDR is a mistake of the caller", () => {
  assert.throws(() => addressesIn(["shop.example/8"]), TypeError);
});

test("Only an IPv4 address in IPv6 form is taken out of it", () => {
  assert.equal(unmapped("::FFFF:192.0.2.1"), "192.0.2.1");
  assert.equal(unmapped("::ffff:1"), "::ffff:1");
  assert.equal(unmapped("2001:db8::1"), "2001:db8::1");
});

const kinds = [
  { address: "127.0.0.53", reserved: true, loopback: true },
  { address: "::1", reserved: true, loopback: true },
  { address: "10.1.2.3", reserved: true, loopback: false },
  { address: "100.64.0.1", reserved: true, loopback: false },
  { address: "fd00::1", reserved: true, loopback: false },
  { address: "fe80::1", reserved: true, loopback: false },
  { address: "255.255.255.255", reserved: true, loopback: false },
  { address: "192.0.2.1", reserved: false, loopback: false },
  { address: "2001:db8::1", reserved: false, loopback: false },
  { address: "9.9.9.9", reserved: false, loopback: false },
];

for (const { address, reserved, loopback } of kinds) {
  test(`${address} is ${reserved ? "" : "not "}reserved, and ${loopback ? "" : "not "}loopback`, () => {
    assert.equal(isReservedAddress(address), reserved);
    assert.equal(isLoopbackAddress(address), loopback);
  });
}

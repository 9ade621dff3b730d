import assert from "node:assert/strict";
import { test } from "node:test";
import { clientKeyOf } from "../../src/base/client-key.ts";

const keys = [
  { address: "192.0.2.1", key: "192.0.2.1" },
  { address: "::ffff:192.0.2.1", key: "192.0.2.1" },
  { address: "2001:db8:1:2:3:4:5:6", key: "2001:db8:1:2::/64" },
  { address: "2001:0db8:0001:0002::1", key: "2001:db8:1:2::/64" },
  { address: "2001:db8::1", key: "2001:db8::/64" },
  { address: "2001:db8:1::2:3", key: "2001:db8:1::/64" },
  { address: "fe80::1%eth0", key: "fe80::/64" },
  { address: "::1", key: "::/64" },
  { address: "::", key: "::/64" },
  { address: "1::", key: "1::/64" },
  { address: "64:ff9b::192.0.2.1", key: "64:ff9b::/64" },
];

for (const { address, key } of keys) {
  test(`the client ${address} is counted as ${key}`, () => assert.equal(clientKeyOf(address), key));
}

import assert from "node:assert/strict";
import { test } from "node:test";
import { socketEnds } from "../../src/connection/socket-ends.ts";

const addresses: readonly [remoteAddress: string | undefined, client: string | undefined][] = [
  ["::ffff:192.0.2.7", "192.0.2.7"],
  ["192.0.2.7", "192.0.2.7"],
  ["2001:db8::7", "2001:db8::7"],
  ["fe80::7%eth0", "fe80::7"],
  ["::1", "::1"],
  [undefined, undefined],
];

for (const [remoteAddress, client] of addresses) {
  test(`the client at ${remoteAddress} is ${client}`, () => {
    const local = { remotePort: 56_324, localAddress: "::ffff:192.0.2.1", localPort: 443 };
    const ends = socketEnds({ remoteAddress, ...local });
    assert.equal(ends?.source.address, client);
    assert.equal(ends?.destination.address, client && "192.0.2.1");
  });
}

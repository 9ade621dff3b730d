import assert from "node:assert/strict";
import { test } from "node:test";
import { faultsOf } from "../support/config-text.ts";

/** What people write of a backend by mistake, and what they are told. */
const backends: readonly (readonly [string, string])[] = [
  ["10.0.0.5", "has no port, wanted one such as 10.0.0.5:3001"],
  ["localhost", "has no port, wanted one such as localhost:3001"],
  ["app.internal", "has no port, wanted one such as app.internal:3001"],
  ['"::1"', "has no port, wanted one such as [::1]:3001"],
  ['":3001"', "has no host, wanted 3001 alone for a port of this machine, or host:3001"],
  ["/run/app.sock", "is a path, wanted unix:/run/app.sock for a socket"],
  ["ws://10.0.0.5:3001", "has an unknown scheme, wanted http://: WebSockets go that way as well"],
  ["wss://10.0.0.5", "has an unknown scheme, wanted https://: WebSockets go that way as well"],
  ["grpc://10.0.0.5:50051", "has an unknown scheme, wanted h2c:// (or https://) for gRPC"],
  [
    "constructor://10.0.0.5",
    "has an unknown scheme, wanted a port such as 3001, host:port, http://, https://, h2c://, tcp:// or unix:/path",
  ],
  [
    "htp://10.0.0.5",
    "has an unknown scheme, wanted a port such as 3001, host:port, http://, https://, h2c://, tcp:// or unix:/path",
  ],
  [
    "two words",
    "is not a backend, wanted a port such as 3001, host:port, http://, https://, h2c://, tcp:// or unix:/path",
  ],
];

for (const [to, message] of backends) {
  test(`to: ${to}: ${message}`, () => {
    const [fault, ...others] = faultsOf(`hosts: { a.internal: { to: ${to} } }`);
    assert.equal(fault?.path, 'hosts["a.internal"].to');
    assert.equal(fault?.message, message);
    assert.deepEqual(others, []);
  });
}

test("the keys of a host that are not indented below it are told as that, and alone", () => {
  const text = "hosts:\n  a.internal:\n  to: 3001\n  compress: on\n  b.internal: 3002\n";
  assert.deepEqual(
    faultsOf(text).map(({ line, path, message }) => `${line} ${path}: ${message}`),
    ['2 hosts["a.internal"]: is empty, wanted `to` and what follows indented below it'],
  );
});

test("a host may be called like a key", () => {
  assert.deepEqual(
    faultsOf(
      "hosts: { backend: { to: 3001, issuer: internal } }\nauthority: { permit: [backend] }",
    ),
    [],
  );
});

const LIST = "a list such as [10.0.0.0/8], or off";
const RATE = "a mapping such as { requests: 100, per: 1s }, or off";
const HSTS = "a duration such as 60d, a mapping such as { maxAge: 365d }, or off";
const rules: readonly (readonly [key: string, value: string, message: string])[] = [
  ["hsts", "true", `is a switch that is on, wanted ${HSTS}`],
  ["hsts", "on", `is a switch that is on, wanted ${HSTS}`],
  ["allow", "10.0.0.0/8", `is text, wanted ${LIST}`],
  ["allow", "on", `is a switch that is on, wanted ${LIST}`],
  ["deny", "true", `is a switch that is on, wanted ${LIST}`],
  ["rateLimit", "10/s", `is text, wanted ${RATE}`],
  ["rateLimit", "100", `is a number, wanted ${RATE}`],
];
for (const [key, value, message] of rules) {
  test(`${key}: ${value} is told what to write`, () => {
    const faults = faultsOf(`hosts: { a.internal: { to: 3001, ${key}: ${value} } }`);
    assert.deepEqual(
      faults.map((fault) => fault.message),
      [message],
    );
  });
}

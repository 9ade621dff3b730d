import assert from "node:assert/strict";
import { test } from "node:test";
import { parseIpAddress } from "../../src/base/ip-address.ts";
import { buildRoutes } from "../../src/config/route.ts";
import { configOf, faultsOf } from "../support/config-text.ts";

/** The key of an entry, and the host that it means. */
const addresses: readonly (readonly [string, string])[] = [
  ["203.0.113.7", "203.0.113.7"],
  ['"203.0.113.7"', "203.0.113.7"],
  ['"2001:db8::1"', "2001:db8::1"],
  ['"[2001:DB8::0:1]"', "2001:db8::1"],
];

for (const [key, host] of addresses) {
  test(`the host ${key} is the address ${host}`, () => {
    const [entry] = configOf(`hosts: { ${key}: 3005 }`).hosts;
    assert.deepEqual(entry?.pattern, { kind: "exact", host });
  });
}

/** The key of an entry, and what is told about it. */
const wrong: readonly (readonly [string, RegExp])[] = [
  ["*.203.0.113.7", /^is no wildcard, wanted the address alone$/],
  ["203.0.113.7:443", /^is not a host, wanted a name without a port$/],
  ["fe80::1%eth0", /^is an address with a zone or with IPv4 inside/],
  ["::ffff:203.0.113.7", /^is an address with a zone or with IPv4 inside/],
  ["203.0.113.256", /^is not a host name/],
  ["127.0.0.1", /^no public authority certifies "127.0.0.1", set `issuer: internal`/],
  ["192.168.1.1", /^no public authority certifies "192.168.1.1"/],
];

for (const [key, says] of wrong) {
  test(`the host ${key} is a fault`, () => {
    const [fault, ...others] = faultsOf(`hosts: { "${key}": 3005 }`);
    assert.match(fault?.message ?? "", says);
    assert.deepEqual(others, []);
  });
}

test("an address that is spelt in two ways is the same host twice", () => {
  const [fault] = faultsOf('hosts: { "2001:db8::1": 3001, "[2001:db8:0::1]": 3002 }');
  assert.match(fault?.message ?? "", /stands on line 1 already/);
});

test("a list of names on demand holds no address", () => {
  const text = 'onDemand: { allow: [203.0.113.7] }\nhosts: { "*.shop.example": 3001 }';
  assert.match(faultsOf(text)[0]?.message ?? "", /^is an IP address/);
});

test("an address is answered to by its own entry alone, whatever the catch-all takes", () => {
  const { hosts } = configOf(`onDemand: { ask: "http://127.0.0.1:3000/" }
hosts: { 203.0.113.7: 3001, "*": 3002, a.example: 3003 }`);
  const routes = buildRoutes(hosts);
  const address = (text: string) => parseIpAddress(text) ?? assert.fail();
  assert.equal(routes.find(address("203.0.113.7")), hosts[0]);
  assert.equal(routes.find(address("203.0.113.8")), undefined);
  assert.equal(routes.findCertified(address("203.0.113.7")), hosts[0]);
  assert.equal(routes.findCertified(address("203.0.113.8")), undefined);
});

/** The addresses that are listed, the one that a hello was sent to, and the one that is meant. */
const meant: readonly (readonly [readonly string[], string | undefined, string | undefined])[] = [
  [[], "203.0.113.7", undefined],
  [["203.0.113.7"], "203.0.113.7", "203.0.113.7"],
  [["203.0.113.7"], "10.0.0.5", "203.0.113.7"],
  [["203.0.113.7"], undefined, "203.0.113.7"],
  [["203.0.113.7", "203.0.113.8"], "203.0.113.8", "203.0.113.8"],
  [["203.0.113.7", "203.0.113.8"], "10.0.0.5", undefined],
  [["203.0.113.7", "203.0.113.8"], undefined, undefined],
];

for (const [listed, local, address] of meant) {
  test(`with [${listed}] listed, a hello without a name to ${local} is for ${address}`, () => {
    const keys = [...listed, "a.example"].map((key) => `"${key}": 3001`);
    const routes = buildRoutes(configOf(`hosts: { ${keys.join(", ")} }`).hosts);
    assert.equal(
      routes.findAddress(local === undefined ? undefined : parseIpAddress(local)),
      address,
    );
  });
}

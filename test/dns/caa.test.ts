import assert from "node:assert/strict";
import { test } from "node:test";
import { isAllowedByCaa } from "../../src/dns/caa.ts";
import { Resolver } from "../../src/dns/resolver.ts";
import { type Said, startNameServer } from "../support/name-server.ts";

const OURS = ["ca.example", "ca.test"];
const SERVFAIL: Said = { rcode: "SERVFAIL" };

function caa(...properties: readonly (readonly [string, string])[]): Said {
  const answers = properties.map(([tag, value]) => ({
    type: "CAA" as const,
    name: "x",
    data: { flags: 0, tag: tag as "issue", value },
  }));
  return { answers };
}

const rows = [
  { what: "nothing anywhere", zone: {}, allowed: true },
  { what: "our name", zone: { "shop.example": caa(["issue", "ca.test"]) }, allowed: true },
  {
    what: "our name with parameters, in capitals",
    zone: { "shop.example": caa(["issue", " CA.example ; validationmethods=http-01"]) },
    allowed: true,
  },
  { what: "another CA", zone: { "shop.example": caa(["issue", "other.example"]) }, allowed: false },
  { what: "nobody", zone: { "shop.example": caa(["issue", ";"]) }, allowed: false },
  {
    what: "another CA and ours",
    zone: { "shop.example": caa(["issue", "other.example"], ["issue", "ca.example"]) },
    allowed: true,
  },
  {
    what: "ours further down than another",
    zone: { "www.shop.example": caa(["issue", "ca.example"]), "shop.example": caa(["issue", ";"]) },
    allowed: true,
  },
  {
    what: "only where to complain",
    zone: { "shop.example": caa(["iodef", "mailto:a@shop.example"]) },
    allowed: true,
  },
  {
    what: "wildcards for nobody",
    zone: { "shop.example": caa(["issue", "ca.example"], ["issuewild", ";"]) },
    allowed: true,
  },
  { what: "a server that fails", zone: { "shop.example": SERVFAIL }, allowed: false },
];

for (const { what, zone, allowed } of rows) {
  test(`CAA that names ${what} means ${allowed}`, async () => {
    const said = new Map<string, Said>(Object.entries(zone));
    await using server = await startNameServer((_type, name) => said.get(name) ?? { answers: [] });
    const resolver = new Resolver({ servers: [server.address], timeoutMs: 5_000, tries: 1 });
    const name = { host: "www.shop.example", isWildcard: false };
    assert.equal(await isAllowedByCaa(resolver, name, OURS, AbortSignal.timeout(20_000)), allowed);
  });
}

test("issuewild decides about a wildcard where it stands, and issue where it does not", async () => {
  const said = new Map<string, Said>([
    ["a.example", caa(["issue", ";"], ["issuewild", "ca.example"])],
    ["b.example", caa(["issue", "ca.example"])],
  ]);
  await using server = await startNameServer((_type, name) => said.get(name) ?? { answers: [] });
  const resolver = new Resolver({ servers: [server.address], timeoutMs: 5_000, tries: 1 });
  const signal = AbortSignal.timeout(20_000);
  for (const host of ["a.example", "b.example"])
    assert.equal(await isAllowedByCaa(resolver, { host, isWildcard: true }, OURS, signal), true);
  assert.equal(
    await isAllowedByCaa(resolver, { host: "a.example", isWildcard: false }, OURS, signal),
    false,
  );
});

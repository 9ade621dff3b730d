import assert from "node:assert/strict";
import { test } from "node:test";
import { Resolver } from "../../src/dns/resolver.ts";
import { findZone, followAliases } from "../../src/dns/zone.ts";
import { type Said, startNameServer } from "../support/name-server.ts";

const never = new AbortController().signal;
const ttl = 1;
const alias = (name: string, data: string): Said => ({
  answers: [{ type: "CNAME", name, ttl, data }],
});
const soa = (name: string) =>
  ({
    type: "SOA",
    name,
    ttl,
    data: { mname: "ns.example", rname: "ops.example", serial: 1 },
  }) as const;

const known: Readonly<Record<string, Said>> = {
  "SOA shop.example": { answers: [soa("shop.example")] },
  // An alias of a zone is answered with the alias and the SOA of the zone (RFC 1034 §4.3.2).
  "SOA www.shop.example": {
    answers: [
      { type: "CNAME", name: "www.shop.example", ttl, data: "shop.example" },
      soa("shop.example"),
    ],
  },
  "CNAME www.shop.example": alias("www.shop.example", "shop.example"),
  "CNAME one.example": alias("one.example", "Two.Example"),
  "CNAME two.example": alias("two.example", "end.example"),
  "CNAME round.example": alias("round.example", "trip.example"),
  "CNAME trip.example": alias("trip.example", "round.example"),
  "CNAME odd.example": alias("odd.example", "a b.example"),
  "CNAME broken.example": { rcode: "SERVFAIL" },
  "SOA broken.example": { rcode: "SERVFAIL" },
  "SOA a.broken.example": { rcode: "NXDOMAIN" },
};

async function worldOf() {
  const server = await startNameServer(
    (type, name) => known[`${type} ${name}`] ?? { rcode: "NXDOMAIN" },
  );
  const resolver = new Resolver({ servers: [server.address], timeoutMs: 5_000, tries: 1 });
  return { resolver, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
}

const zones = [
  ["_acme-challenge.a.shop.example", "shop.example"],
  ["shop.example", "shop.example"],
  ["_acme-challenge.www.shop.example", "shop.example"],
] as const;

for (const [name, zone] of zones) {
  test(`${name} is in the zone ${zone}`, async () => {
    await using world = await worldOf();
    assert.equal(await findZone(world.resolver, name, never), zone);
  });
}

test("a name without a zone, or that nobody knows of, is told", async () => {
  await using world = await worldOf();
  await assert.rejects(findZone(world.resolver, "a.other.test", never), {
    code: "DNS_FAILED",
    message: /no name above it has an SOA record/,
  });
  await assert.rejects(findZone(world.resolver, "a.broken.example", never), {
    code: "DNS_FAILED",
    message: /ESERVFAIL/,
  });
});

test("aliases are followed to their end, not in circles", async () => {
  await using world = await worldOf();
  assert.equal(await followAliases(world.resolver, "plain.example", never), "plain.example");
  assert.equal(await followAliases(world.resolver, "one.example", never), "end.example");
  const failures = [
    ["round.example", /leads on for more than 8/],
    ["odd.example", /leads to no name/],
    ["broken.example", /ESERVFAIL/],
  ] as const;
  for (const [name, message] of failures) {
    const attempt = followAliases(world.resolver, name, never);
    await assert.rejects(attempt, { code: "DNS_FAILED", message });
  }
});

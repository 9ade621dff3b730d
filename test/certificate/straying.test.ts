import assert from "node:assert/strict";
import { test } from "node:test";
import { addressesIn } from "../../src/base/address-range.ts";
import { Straying, strayingOf } from "../../src/certificate/straying.ts";
import type { Issuer } from "../../src/config/config.ts";
import { Resolver } from "../../src/dns/resolver.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { type Said, startNameServer } from "../support/name-server.ts";
import { keptLog, named } from "../support/stored.ts";

const none = () => false;
const vps = ["127.0.0.1", "::1", "203.0.113.7", "2001:db8::7"];
const natted = ["127.0.0.1", "10.0.0.4"];

const cases = [
  { name: "its own address", to: ["203.0.113.7"], own: vps, strays: false },
  { name: "its own IPv6 address, spelt otherwise", to: ["2001:DB8:0::7"], own: vps, strays: false },
  { name: "a foreign address", to: ["203.0.113.8"], own: vps, strays: true },
  { name: "a foreign IPv6 address", to: ["2001:db8::8"], own: vps, strays: true },
  {
    name: "a foreign address beside its own",
    to: ["203.0.113.8", "203.0.113.7"],
    own: vps,
    strays: false,
  },
  { name: "another machine of its network", to: ["10.0.0.9"], own: natted, strays: true },
  { name: "loopback", to: ["127.0.0.1"], own: natted, strays: false },
  {
    name: "a public address, while it knows none of its own",
    to: ["203.0.113.8"],
    own: natted,
    strays: false,
  },
  {
    name: "an IPv6 address, while it knows IPv4 alone",
    to: ["2001:db8::8"],
    own: ["203.0.113.7"],
    strays: false,
  },
  {
    name: "a foreign address, and one of a kind it knows nothing of",
    to: ["203.0.113.8", "2001:db8::8"],
    own: ["203.0.113.7"],
    strays: false,
  },
  { name: "what nothing is known to compare with", to: ["203.0.113.8"], own: [], strays: false },
] as const;

for (const { name, to, own, strays } of cases) {
  test(`a name that leads to ${name} is ${strays ? "refused" : "let through"}`, () => {
    const why = strayingOf(to, { addresses: own, isWhole: true }, none);
    assert.equal(why !== undefined, strays);
    if (strays) assert.equal(why, `it leads to ${to.join(", ")} in DNS, which is not this machine`);
  });
}

test("a name that leads to a CDN in addressesIn is let through", () => {
  const isTrusted = addressesIn(["198.51.100.0/24"]);
  assert.equal(
    strayingOf(["198.51.100.9"], { addresses: vps, isWhole: true }, isTrusted),
    undefined,
  );
});

test("while a listed host cannot be looked up, nothing is called foreign", () => {
  assert.equal(strayingOf(["203.0.113.8"], { addresses: vps, isWhole: false }, none), undefined);
});

const publicCa: Issuer = {
  kind: "acme",
  directory: "https://ca.example/directory",
  trust: undefined,
  eab: undefined,
  profile: undefined,
  preferredChain: undefined,
};
const zone: Readonly<Record<string, readonly string[]>> = {
  "www.shop.example": ["203.0.113.7"],
  "here.example": ["203.0.113.7"],
  "away.example": ["203.0.113.8"],
};

/** Against a real name server that knows `zone`; `broken.example` fails, `silent.example` is not answered. */
async function world(options: { readonly hasResolvers?: boolean; readonly listed?: string } = {}) {
  const say = (type: string, name: string): Said | undefined => {
    if (name === "silent.example") return undefined;
    if (name === "broken.example") return { rcode: "SERVFAIL" };
    const addresses = zone[name];
    if (addresses === undefined) return { rcode: "NXDOMAIN" };
    const answers = addresses.map((data) => ({ type: "A" as const, name, ttl: 60, data }));
    return { answers: type === "A" ? answers : [] };
  };
  const server = await startNameServer(say);
  const resolver = new Resolver({ servers: [server.address], timeoutMs: 300, tries: 2 });
  const clock = new ManualClock();
  const log = keptLog();
  const straying = new Straying({
    lookUp: (name, signal) => resolver.addresses(name, signal),
    listed: [named(options.listed ?? "www.shop.example")],
    addresses: () => ["127.0.0.1", "10.0.0.4"],
    isTrustedProxy: none,
    hasResolvers: options.hasResolvers ?? false,
    clock,
    log,
    signal: new AbortController().signal,
  });
  return {
    server,
    straying,
    clock,
    log,
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

const looks = [
  { name: "here.example", why: undefined },
  { name: "away.example", why: "it leads to 203.0.113.8 in DNS, which is not this machine" },
  { name: "gone.example", why: "it has no address in DNS (NXDOMAIN)" },
  { name: "broken.example", why: undefined },
  { name: "silent.example", why: undefined },
];

test("behind NAT the names of listed hosts tell where this machine is", async () => {
  await using at = await world();
  for (const { name, why } of looks)
    assert.equal(await at.straying.why(named(name), [publicCa]), why, name);
  assert.deepEqual(
    at.log.events.map(({ event, facts }) => [event, facts?.["host"]]),
    [
      ["on-demand.points-elsewhere", "away.example"],
      ["on-demand.points-elsewhere", "gone.example"],
    ],
  );
});

test("what was found is believed for a minute, and our own addresses for ten", async () => {
  await using at = await world();
  const look = () => at.straying.why(named("away.example"), [publicCa]);
  await Promise.all([look(), look(), look()]);
  await look();
  assert.equal(at.server.questions.length, 4, "A and AAAA of the name, and of the listed host");
  at.clock.advance(60_000);
  await look();
  assert.equal(at.server.questions.length, 6);
});

test("a listed host that cannot be looked up makes nobody foreign, and is asked about again in a minute", async () => {
  await using at = await world({ listed: "broken.example" });
  assert.equal(await at.straying.why(named("away.example"), [publicCa]), undefined);
  assert.equal(
    await at.straying.why(named("gone.example"), [publicCa]),
    "it has no address in DNS (NXDOMAIN)",
  );
});

const views = [
  {
    name: "the internal authority",
    issuer: { kind: "internal" },
    hasResolvers: true,
    looks: false,
  },
  { name: "a public CA", issuer: publicCa, hasResolvers: false, looks: true },
  {
    name: "a CA on this machine",
    issuer: { ...publicCa, directory: "https://127.0.0.1:14000/dir" },
    hasResolvers: false,
    looks: false,
  },
  {
    name: "a CA at an inner IPv6 address",
    issuer: { ...publicCa, directory: "https://[fd00::1]/dir" },
    hasResolvers: false,
    looks: false,
  },
  {
    name: "a CA of a private name",
    issuer: { ...publicCa, directory: "https://ca.internal/dir" },
    hasResolvers: false,
    looks: false,
  },
  {
    name: "a CA on this machine, with acme.resolvers",
    issuer: { ...publicCa, directory: "https://localhost:14000/dir" },
    hasResolvers: true,
    looks: true,
  },
] as const;

for (const { name, issuer, hasResolvers, looks: isLooked } of views) {
  test(`for ${name} DNS is ${isLooked ? "" : "not "}asked`, async () => {
    await using at = await world({ hasResolvers });
    const why = await at.straying.why(named("away.example"), [issuer]);
    assert.equal(why !== undefined, isLooked);
    assert.equal(at.server.questions.length > 0, isLooked);
  });
}

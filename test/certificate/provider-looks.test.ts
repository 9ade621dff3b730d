import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { test } from "node:test";
import { Holdings } from "../../src/certificate/holdings.ts";
import { Preflight } from "../../src/certificate/preflight.ts";
import type { DnsEntry } from "../../src/config/dns-entry.ts";
import { changeLimits } from "../../src/config/limits.ts";
import { Resolver } from "../../src/dns/resolver.ts";
import { zoneAt } from "../support/dns-zone.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { startNameServer } from "../support/name-server.ts";
import { keptLog, named } from "../support/stored.ts";

const DAY = 86_400_000;
const never = new AbortController().signal;

/** Names in the zones given that could not be proven in DNS, and the API of who puts records there. */
async function failedNames(
  zones: readonly string[],
  changes: { dnsProviderLooksMax?: number; preflightLookTimeoutMs?: number } = {},
) {
  const dns = Object.assign({}, ...zones.map((zone) => zoneAt(zone, "127.0.0.1")));
  const names = await startNameServer((type, name) => dns[`${type} ${name}`] ?? { answers: [] });
  changeLimits({ dnsPort: Number(names.address.split(":").at(-1)), ...changes });
  /** What the token sees; `undefined`: too much was asked. */
  const api: { seen: readonly string[] | undefined; asked: string[]; isSilent: boolean } = {
    ...{ seen: [], asked: [], isSilent: false },
  };
  const server = createServer((request, response) => {
    const name = new URL(request.url ?? "", "http://api").searchParams.get("name") ?? "";
    api.asked.push(name);
    if (api.isSilent) return;
    const result = api.seen?.includes(name) === true ? [{ id: name }] : [];
    response
      .writeHead(api.seen === undefined ? 429 : 200, { "content-type": "application/json" })
      .end(JSON.stringify({ success: api.seen !== undefined, errors: [], result }));
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const endpoint = `http://127.0.0.1:${Object(server.address()).port}/v4`;
  const entry: DnsEntry = {
    ...{ zones: [], authoritative: [] },
    provider: { kind: "cloudflare", token: "the-token", endpoint },
  };
  const [holdings, clock] = [new Holdings(), new ManualClock()];
  const resolvers = { servers: [names.address], timeoutMs: 5_000, tries: 1 };
  let moved = 0;
  const preflight = new Preflight({
    ...{ holdings, clock, log: keptLog(), resolver: new Resolver(resolvers), resolvers },
    dnsEntriesFor: () => [structuredClone(entry)], // as hosts have that each name their own
    arm: async () => () => {},
    look: async () => ({ kind: "unknown" }),
    directoryFor: () => undefined,
    caaIdentitiesFor: () => undefined,
    probe: async () => {},
    moved: () => {
      moved += 1;
    },
    remember: async () => {},
    random: () => 0,
  });
  const fail = (host: string) => {
    const holding = holdings.hold(named(host), true) ?? assert.fail();
    holding.lastError = { type: "DNS_FAILED", detail: "", hint: "", at: new Date().toISOString() };
    holding.cause = { type: "DNS_FAILED", issuer: "https://ca.example/", caaIdentities: [] };
    holding.failedChallenge = "dns-01";
    holding.nextAttemptAt = clock.now() + DAY;
    return holding;
  };
  /** What was asked of the API meanwhile. */
  const askedBy = async (looks: () => Promise<unknown>) => {
    api.asked = [];
    await looks();
    return api.asked;
  };
  return {
    ...{ api, fail, preflight },
    moved: () => moved,
    round: () => askedBy(() => preflight.lookAtAll(never)),
    askedBy,
    [Symbol.asyncDispose]: async () => {
      changeLimits({});
      server.closeAllConnections();
      await once(server.close(), "close");
      await names[Symbol.asyncDispose]();
    },
  };
}

test("40 names of one zone cost their DNS provider one look in a round, and are due once it sees the zone", async () => {
  await using world = await failedNames(["shop.example"]);
  const { api, fail, preflight, round, moved, askedBy } = world;
  const holdings = Array.from({ length: 40 }, (_, index) => fail(`n${index}.shop.example`));
  assert.deepEqual(await round(), ["shop.example", "example"]);
  assert.ok(holdings.every(({ cause }) => cause?.seenAt !== undefined));
  const failed = fail("late.shop.example");
  assert.deepEqual(await askedBy(() => preflight.lookAfterFailure(failed, never)), []);
  assert.notEqual(failed.cause?.seenAt, undefined);
  api.seen = ["shop.example"];
  assert.deepEqual(await round(), ["shop.example"]);
  assert.equal(moved(), 41);
});

test("a DNS provider that was asked too much is asked no more in that round, and nothing is seen", async () => {
  await using world = await failedNames(["one.example", "two.example"]);
  const { api, fail, preflight, round, askedBy } = world;
  api.seen = undefined;
  const first = fail("a.one.example");
  assert.deepEqual(await round(), ["one.example"]);
  const second = fail("a.two.example");
  assert.deepEqual(await askedBy(() => preflight.lookAfterFailure(second, never)), []);
  assert.deepEqual([first.cause?.seenAt, second.cause?.seenAt], [undefined, undefined]);
  api.seen = ["one.example"];
  assert.deepEqual((await round()).sort(), ["example", "one.example", "two.example"]);
  assert.deepEqual(
    [first, second].map(({ cause }) => cause?.seenAt !== undefined),
    [false, true],
  );
});

test("a DNS provider that says nothing is asked about a zone once in a round, and nothing is seen", async () => {
  await using world = await failedNames(["shop.example"], { preflightLookTimeoutMs: 50 });
  world.api.isSilent = true;
  const holdings = Array.from({ length: 40 }, (_, index) => world.fail(`n${index}.shop.example`));
  assert.deepEqual(await world.round(), ["shop.example"]);
  assert.ok(holdings.every(({ cause }) => cause?.seenAt === undefined));
});

test("however many zones there are, a round asks a DNS provider about so many", async () => {
  const zones = Array.from({ length: 8 }, (_, index) => `z${index}.example`);
  await using world = await failedNames(zones, { dnsProviderLooksMax: 3 });
  world.api.seen = zones;
  for (const zone of zones) world.fail(zone);
  for (let round = 0; round < 2; round += 1) assert.equal((await world.round()).length, 3);
});

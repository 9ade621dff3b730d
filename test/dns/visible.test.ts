import assert from "node:assert/strict";
import { test } from "node:test";
import { untilVisible, type VisibleOptions } from "../../src/dns/visible.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { type NameServer, type Said, startNameServer } from "../support/name-server.ts";

const never = new AbortController().signal;
const name = "_acme-challenge.shop.example";
const record = { name, value: "wanted" };
const shows = (...values: readonly string[]): Said => ({
  answers: values.map((value) => ({ type: "TXT", name, ttl: 1, data: [value] })),
});

/** What a server says at its first look, its second, and so on; the last is said for ever. */
type Script = readonly (Said | undefined)[];

const absent: Said = { rcode: "NXDOMAIN" };
const silent: Script = [undefined];

/** What the servers say, and after how many seconds the record is believed to be there. */
const seen: readonly (readonly [string, readonly Script[], number])[] = [
  ["every server at once", [[shows("wanted")], [shows("other", "wanted")]], 0],
  ["the slowest server", [[shows("wanted")], [absent, shows("other"), shows("wanted")]], 4],
  ["a server that did not know", [[{ rcode: "SERVFAIL" }, shows("wanted")]], 2],
  ["the others, when one says nothing for long", [[shows("wanted")], silent], 16],
];

for (const [what, scripts, seconds] of seen) {
  test(`a record is there when it is shown by ${what}`, async () => {
    await using world = await worldOf(scripts);
    const { outcome, seconds: taken } = await world.look();
    assert.deepEqual(outcome, { status: "fulfilled", value: undefined });
    assert.equal(taken, seconds);
  });
}

/** What the servers say for ever, and what is said of it after two minutes. */
const unseen: readonly (readonly [string, readonly Script[], RegExp])[] = [
  ["one server lacks", [[shows("wanted")], [absent]], /\(127\.0\.0\.1:\d+: NXDOMAIN\)$/],
  ["one server has another value", [[shows("x")]], /: other values\)$/],
  ["nobody knows of", [[{ rcode: "REFUSED" }]], /: EREFUSED\)$/],
  ["a server lacks and another hides", [[absent], silent], /: NXDOMAIN; .*: ETIMEOUT\)$/],
];

for (const [what, scripts, says] of unseen) {
  test(`N2: a record that ${what} is waited for two minutes and no longer`, async () => {
    await using world = await worldOf(scripts);
    const { outcome, seconds } = await world.look({ everyMs: 30_000 });
    assert.equal(outcome.status, "rejected");
    const { code, message } = outcome.status === "rejected" ? outcome.reason : {};
    assert.equal(code, "DNS_FAILED");
    assert.match(message, /^Cannot see the TXT record _acme-challenge\.shop\.example at every /);
    assert.match(message, says);
    assert.equal(seconds, 120);
  });
}

test("without a zone that can be found, every resolver of the configuration has to show it", async () => {
  await using one = await startNameServer((type) =>
    type === "TXT" ? shows("wanted") : { rcode: "SERVFAIL" },
  );
  await using other = await startNameServer((type) =>
    type === "TXT" ? shows("wanted") : { rcode: "REFUSED" },
  );
  await using world = await worldOf([], [one.address, other.address]);
  assert.equal((await world.look()).outcome.status, "fulfilled");
  for (const server of [one, other])
    assert.equal(server.questions.filter((asked) => asked === `TXT ${name}`).length, 1);
});

/** What servers say of a zone with one name server, at these addresses. */
function zoneAt(addresses: readonly string[]): Readonly<Record<string, Said>> {
  const soa = { mname: "ns.shop.example", rname: "ops.shop.example", serial: 1 };
  const at = { name: "shop.example", ttl: 1 };
  const host = { name: "ns.shop.example", ttl: 1 };
  return {
    "SOA shop.example": { answers: [{ type: "SOA", ...at, data: soa }] },
    "NS shop.example": { answers: [{ type: "NS", ...at, data: "ns.shop.example" }] },
    "A ns.shop.example": { answers: addresses.map((data) => ({ type: "A", ...host, data })) },
  };
}

test("N1: a record among 512 values, at a name server of 512 addresses, is found by asking at two of them", async () => {
  const nth = Array.from({ length: 512 }, (_, index) => index + 1);
  const says = {
    ...zoneAt(nth.map((each) => `127.0.${each >> 8}.${each & 255}`)),
    [`TXT ${name}`]: shows(...nth.slice(1).map((each) => `value-${each}`), "wanted"),
  } as Readonly<Record<string, Said>>;
  const at = { host: "127.0.0.1", port: 0, tcp: true };
  const answer = (type: string, asked: string) => says[`${type} ${asked}`] ?? absent;
  await using server = await startNameServer(answer, at);
  const port = Number(server.address.split(":")[1]);
  await using second = await startNameServer(answer, { ...at, host: "127.0.0.2", port });
  await using third = await startNameServer(answer, { ...at, host: "127.0.0.3", port });
  await using world = await worldOf([], [server.address], port);
  const { outcome, seconds } = await world.look();
  assert.equal(outcome.status, "fulfilled");
  assert.equal(seconds, 0);
  assert.deepEqual(second.questions, [`TXT ${name}`, `TXT ${name}`], "over UDP, then over TCP");
  assert.deepEqual(third.questions, []);
});

test("a zone whose servers cannot be reached is looked at through the resolvers", async () => {
  const says: Readonly<Record<string, Said>> = {
    ...zoneAt(["127.0.0.1"]),
    [`TXT ${name}`]: shows("wanted"),
  };
  await using resolver = await startNameServer(
    (type, asked) => says[`${type} ${asked}`] ?? { rcode: "NXDOMAIN" },
  );
  await using nobody = await startNameServer(() => undefined);
  await using world = await worldOf([], [resolver.address], Number(nobody.address.split(":")[1]));
  const { outcome, seconds } = await world.look();
  assert.equal(outcome.status, "fulfilled");
  assert.equal(seconds, 18);
  assert.ok(nobody.questions.includes(`TXT ${name}`));
});

test("waiting ends when it is told to", async () => {
  await using world = await worldOf([[absent]]);
  const stop = new AbortController();
  const work = untilVisible(record, world.options, stop.signal);
  await world.clock.asleep(1);
  stop.abort(new Error("stopped"));
  await assert.rejects(work, { message: "stopped" });
});

async function worldOf(scripts: readonly Script[], resolvers: readonly string[] = [], port = 53) {
  const servers: NameServer[] = [];
  for (const script of scripts) {
    let look = 0;
    servers.push(
      await startNameServer(() => {
        look += 1;
        return script[Math.min(look, script.length) - 1];
      }),
    );
  }
  const clock = new ManualClock();
  // Where a server says nothing, that is waited for.
  const isPatient = port === 53 && !scripts.includes(silent);
  const options: VisibleOptions = {
    resolvers: { servers: resolvers, timeoutMs: isPatient ? 5_000 : 200, tries: 1 },
    servers: scripts.length === 0 ? undefined : servers.map(({ address }) => address),
    port,
    clock,
    everyMs: 2_000,
    silentMs: 15_000,
    timeoutMs: 120_000,
  };
  return {
    clock,
    options,
    look: (changes: Partial<VisibleOptions> = {}) =>
      clock.until(untilVisible(record, { ...options, ...changes }, never), 1),
    [Symbol.asyncDispose]: async () => {
      for (const server of servers) await server[Symbol.asyncDispose]();
    },
  };
}

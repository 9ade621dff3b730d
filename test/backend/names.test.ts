import assert from "node:assert/strict";
import type { LookupAddress } from "node:dns";
import { once } from "node:events";
import { createServer } from "node:net";
import { test } from "node:test";
import { promisify } from "node:util";
import type { BackendUser } from "../../src/backend/connection.ts";
import { dial } from "../../src/backend/dial.ts";
import { BackendNames, type Found } from "../../src/backend/names.ts";
import { systemNames } from "../../src/backend/system-names.ts";
import { messageOf } from "../../src/base/errors.ts";
import { formatTime } from "../../src/base/format-time.ts";
import type { Backend } from "../../src/config/destination.ts";
import { limits } from "../../src/config/limits.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { keptLog } from "../support/stored.ts";
import { closeServer, listenAnywhere } from "../support/tls-door.ts";

const ONE = "192.0.2.1";
const OTHER = "192.0.2.2";

/** Names on a clock that stands still, and who answers for them. */
class World {
  readonly clock = new ManualClock();
  readonly log = keptLog();
  asked = 0;
  /** What is answered: an address, with its TTL, or why there is none. */
  answer: () => Promise<Found> = () => found(ONE, 60_000);
  readonly names = new BackendNames({
    find: () => {
      this.asked += 1;
      return this.answer();
    },
    clock: this.clock,
    log: this.log,
  });

  async lookup(name = "app.example"): Promise<string> {
    const ask = promisify((told: (error: Error | null, all: LookupAddress[]) => void) =>
      this.names.lookup(name, { all: true }, (error, all) =>
        told(error, [all].flat() as LookupAddress[]),
      ),
    );
    return (await ask()).map(({ address }) => address).join(" ");
  }
}

async function found(address: string, ttlMs: number | undefined): Promise<Found> {
  return { addresses: [{ address, family: 4 }], ttlMs };
}

async function failing(): Promise<Found> {
  throw Object.assign(new Error("getaddrinfo EAI_AGAIN app.example"), { code: "EAI_AGAIN" });
}

const holds: readonly (readonly [what: string, ttlMs: number | undefined, heldMs: number])[] = [
  ["a TTL of a minute", 60_000, 60_000],
  ["a TTL of nothing", 0, limits.nameTtlMinMs],
  ["a TTL of a day", 86_400_000, limits.nameTtlMaxMs],
  ["no TTL", undefined, limits.nameTtlMs],
];
for (const [what, ttlMs, heldMs] of holds) {
  test(`an answer with ${what} holds ${heldMs} ms, then the name is asked for again`, async () => {
    const world = new World();
    world.answer = () => found(ONE, ttlMs);
    assert.equal(await world.lookup(), ONE);
    world.answer = () => found(OTHER, ttlMs);
    world.clock.advance(heldMs - 1);
    assert.equal(await world.lookup(), ONE);
    world.clock.advance(1);
    assert.equal(await world.lookup(), OTHER);
    assert.equal(world.asked, 2);
  });
}

test("N1: while nobody answers the last good answer is kept for 60 s, told once, and asked for again every 5 s; then there is none", async () => {
  const world = new World();
  await world.lookup();
  world.answer = failing;
  for (let passed = 60_000; passed < 120_000; passed += limits.nameRetryMs) {
    world.clock.advance(passed === 60_000 ? 60_000 : limits.nameRetryMs);
    assert.equal(await world.lookup(), ONE);
    assert.equal(await world.lookup(), ONE);
  }
  assert.equal(world.asked, 1 + 12);
  const keptUntil = formatTime(world.clock.now() - 55_000 + 60_000);
  const reason = "getaddrinfo EAI_AGAIN app.example";
  const lost = { name: "app.example", reason, addresses: ONE, keptUntil };
  assert.deepEqual(world.log.only("backend.name-lost"), lost);
  world.clock.advance(limits.nameRetryMs);
  for (let each = 0; each < 3; each += 1)
    await assert.rejects(world.lookup(), { code: "BACKEND_UNREACHABLE", message: /EAI_AGAIN/ });
  assert.equal(world.asked, 1 + 12 + 1, "as seldom as before");

  world.answer = () => found(OTHER, 60_000);
  world.clock.advance(limits.nameRetryMs);
  assert.equal(await world.lookup(), OTHER);
  assert.deepEqual(world.log.only("backend.name-found"), { name: "app.example" });
});

test("N1: of an answer with 512 addresses of each family the first 32 of each are known, and told", async () => {
  const world = new World();
  const of = (family: 4 | 6, count: number) =>
    Array.from({ length: count }, (_, nth) => ({
      address: family === 4 ? `192.0.2.${nth}` : `2001:db8::${nth}`,
      family,
    }));
  world.answer = async () => ({ addresses: [...of(6, 512), ...of(4, 512)], ttlMs: 60_000 });
  const known = [...of(6, 32), ...of(4, 32)].map(({ address }) => address).join(" ");
  assert.equal(await world.lookup(), known);
  world.answer = failing;
  world.clock.advance(60_000);
  assert.equal(await world.lookup(), known);
  assert.equal(world.log.only("backend.name-lost")["addresses"], known);
});

for (const [what, answer] of [
  ["good", found],
  ["missing", failing],
] as const) {
  test(`K2: a clock that is set back by a year lets a ${what} answer last no longer`, async () => {
    const world = new World();
    await world.lookup();
    world.answer = () => answer(OTHER, 60_000);
    if (what === "missing") {
      world.clock.advance(60_000);
      await world.lookup();
    }
    world.clock.advance(-365 * 86_400_000);
    if (what === "good") assert.equal(await world.lookup(), OTHER);
    else await assert.rejects(world.lookup(), { code: "BACKEND_UNREACHABLE" });
  });
}

test("a name that nobody ever answered for is an error that says why", async () => {
  const world = new World();
  world.answer = failing;
  const message = "Cannot find the addresses of app.example: getaddrinfo EAI_AGAIN app.example";
  await assert.rejects(world.lookup(), { code: "BACKEND_UNREACHABLE", message });
});

test("a name server that is silent holds up a request for a second, when there is an older answer", async () => {
  const world = new World();
  await world.lookup();
  const slow = Promise.withResolvers<Found>();
  world.answer = () => slow.promise;
  world.clock.advance(60_000);
  const waiting = world.lookup();
  await world.clock.asleep(1);
  world.clock.advance(limits.nameWaitMs);
  assert.equal(await waiting, ONE);
  slow.resolve(await found(OTHER, 60_000));
  assert.equal(await world.lookup(), OTHER);
});

test("a hundred requests ask once, and of many names two are asked for at once", async () => {
  const world = new World();
  const slow = Promise.withResolvers<Found>();
  world.answer = () => slow.promise;
  const same = Array.from({ length: 100 }, () => world.lookup());
  const others = Array.from({ length: 100 }, (_, index) => world.lookup(`app-${index}.example`));
  await new Promise(setImmediate);
  assert.equal(world.asked, limits.nameLookupsMax);
  slow.resolve(await found(ONE, 60_000));
  assert.deepEqual(new Set(await Promise.all([...same, ...others])), new Set([ONE]));
  assert.equal(world.asked, 101);
});

test("a name whose addresses take no connection is asked for again, once a second at most", async () => {
  const world = new World();
  await world.lookup();
  world.answer = () => found(OTHER, 60_000);
  world.names.doubt("app.example");
  assert.equal(await world.lookup(), ONE);
  world.clock.advance(limits.nameTtlMinMs);
  assert.equal(await world.lookup(), OTHER);
});

const ways: readonly (readonly [what: string, addresses: readonly LookupAddress[]])[] = [
  ["refuses", [{ address: "127.0.0.2", family: 4 }]],
  ["of the other family refuses", [{ address: "::1", family: 6 }]],
  ["belongs to nobody", [{ address: "240.0.0.1", family: 4 }]],
];
for (const [what, dead] of ways) {
  test(`a connection is made though the first address ${what}`, async () => {
    await using app = await listening();
    const live = { address: "127.0.0.1", family: 4 };
    const names = new BackendNames({
      find: async () => ({ addresses: [...dead, live], ttlMs: undefined }),
      clock: new ManualClock(),
      log: keptLog(),
    });
    assert.equal(await outcomeOf("app.example", app.port, names), "127.0.0.1");
  });
}

test("a connection to localhost is made where its service listens", async () => {
  await using app = await listening();
  assert.equal(await outcomeOf("localhost", app.port, systemNames(keptLog())), "127.0.0.1");
});

test("what every address said is told, and the name is doubted", async () => {
  const world = new World();
  const both = ["127.0.0.2", "127.0.0.3"].map((address) => ({ address, family: 4 }));
  world.answer = async () => ({ addresses: both, ttlMs: 60_000 });
  await using app = await listening();
  await assert.rejects(outcomeOf("app.example", app.port, world.names), {
    message: `connect ECONNREFUSED 127.0.0.2:${app.port}; connect ECONNREFUSED 127.0.0.3:${app.port}`,
  });
  world.clock.advance(limits.nameTtlMinMs);
  await world.lookup();
  assert.equal(world.asked, 2);
});

async function listening() {
  const server = createServer((socket) => socket.on("error", () => {}).resume());
  const port = await listenAnywhere(server);
  return { port, [Symbol.asyncDispose]: () => closeServer(server) };
}

/** The address that took the connection; rejects with what kept it from being made. */
async function outcomeOf(host: string, port: number, names: BackendNames): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const user: BackendUser = {
    backendConnected: resolve,
    backendRead: () => true,
    backendEnded: () => {},
    backendDrained: () => {},
    backendClosed: (cause) => reject(new Error(messageOf(cause))),
  };
  const backend: Backend = { kind: "http", address: { host, port }, hostHeader: "client" };
  const connection = dial(backend, user, names);
  try {
    await promise;
    return connection.socket.remoteAddress ?? "";
  } finally {
    const closed = once(connection.socket, "close");
    connection.destroy();
    if (!connection.socket.closed) await closed;
  }
}

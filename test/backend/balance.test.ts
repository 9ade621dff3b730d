import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { Balancer } from "../../src/backend/balance.ts";
import { clientHash } from "../../src/backend/balance-client-hash.ts";
import { Deadlines } from "../../src/backend/deadlines.ts";
import type { Member, Seeker } from "../../src/backend/group.ts";
import type { Balance } from "../../src/config/destination.ts";
import { limits } from "../../src/config/limits.ts";
import { configOf } from "../support/config-text.ts";
import { deadPort } from "../support/dead-port.ts";
import { RawClient } from "../support/raw-client.ts";
import type { Recorded } from "../support/recorded.ts";
import { answering, OK, Recorder } from "../support/recorder.ts";
import {
  balance,
  forwardTo,
  get,
  HEALTH,
  httpBackend,
  pathRoute,
  post,
  RelayWorld,
} from "../support/relay-world.ts";
import { seeded } from "../support/seeded.ts";

/** A route of backends at ports 1, 2, 3 …, and what is asked of its balancer. */
class Choosing {
  readonly deadlines: Deadlines;
  readonly balancer: Balancer;
  readonly group;

  constructor(
    count: number,
    changes: Partial<Balance> = {},
    deadlines = new Deadlines(),
    seed = 7,
  ) {
    const next = seeded(seed);
    this.deadlines = deadlines;
    this.balancer = new Balancer(deadlines, { index: 0, of: 1 }, () => next(1_000_000) / 1_000_000);
    const backends = Array.from({ length: count }, (_, index) => httpBackend(index + 1));
    this.group = this.balancer.groupOf(pathRoute(backends, { balance: balance(changes) }));
  }

  /** The member at this port. */
  at(port: number): Member {
    const member = this.group.members[port - 1];
    assert.ok(member);
    return member;
  }

  seeker(tried: readonly number[] = [], client = "192.0.2.7", cookie?: string): Seeker {
    return {
      tried: tried.map((port) => this.at(port)),
      clientAddress: client,
      home: this.group.homeOf(cookie),
      backendFree: () => undefined,
    };
  }

  /** The port that a request goes to, where it stays; or why it goes nowhere. */
  take(tried?: readonly number[], client?: string, cookie?: string): number | string {
    const choice = this.balancer.choose(this.group, this.seeker(tried, client, cookie));
    return typeof choice === "string" ? choice : this.group.members.indexOf(choice) + 1;
  }

  /** As {@link take}, for requests that are over at once. */
  ask(tried: readonly number[] = [], client?: string, cookie?: string): number | string {
    const port = this.take(tried, client, cookie);
    if (typeof port === "number") this.balancer.release(this.at(port));
    return port;
  }

  asks(count: number): (number | string)[] {
    return Array.from({ length: count }, () => this.ask());
  }

  /** How many of `count` requests each gets. */
  shares(count: number): number[] {
    const shares = this.group.members.map(() => 0);
    for (const port of this.asks(count)) shares[Number(port) - 1]! += 1;
    return shares;
  }
}

/** Deadlines whose time goes on when the test says so. */
function ticking(t: TestContext): { deadlines: Deadlines; pass(ms: number): void } {
  t.mock.timers.enable({ apis: ["setInterval"] });
  const deadlines = new Deadlines();
  const watched = { tick: () => undefined };
  deadlines.watch(watched);
  t.after(() => deadlines.forget(watched));
  return { deadlines, pass: (ms) => t.mock.timers.tick(ms) };
}

test("Backends take turns", () => {
  assert.deepEqual(new Choosing(3).asks(4), [1, 2, 3, 1]);
});

test("Turns follow the weights exactly, and are spread out", () => {
  const choosing = new Choosing(3, { weights: [5, 1, 1] });
  assert.deepEqual(choosing.asks(7), [1, 1, 2, 1, 3, 1, 1]);
  assert.deepEqual(choosing.shares(700), [500, 100, 100]);
});

test("A request goes to the backend with the least to do for its weight", () => {
  const choosing = new Choosing(3, { method: "least-connections", weights: [1, 1, 2] });
  const taken = Array.from({ length: 8 }, () => choosing.take());
  assert.deepEqual(
    choosing.group.members.map(({ active }) => active),
    [2, 2, 4],
  );
  choosing.balancer.release(choosing.at(2));
  choosing.balancer.release(choosing.at(2));
  assert.equal(taken.length, 8);
  assert.equal(choosing.take(), 2);
});

test("Backends with equally little to do take turns", () => {
  assert.deepEqual(new Choosing(3, { method: "least-connections" }).shares(300), [100, 100, 100]);
});

test("Of two at random the less busy one is chosen, by weight within 5 % on a seeded run", () => {
  const choosing = new Choosing(4, { method: "random-two" });
  for (let count = 0; count < 400; count += 1) choosing.take();
  for (const { active } of choosing.group.members) assert.ok(Math.abs(active - 100) <= 5);
  const weighed = new Choosing(2, { method: "random-two", weights: [3, 1] });
  for (let count = 0; count < 400; count += 1) weighed.take();
  assert.ok(Math.abs(weighed.at(1).active - 300) <= 20, `${weighed.at(1).active}`);
});

test("Clients are dealt out by weight within 10 %, and each stays where it is", () => {
  const choosing = new Choosing(3, { method: "client-hash", weights: [2, 1, 1] });
  const shares = [0, 0, 0];
  for (let client = 0; client < 4_000; client += 1) {
    const address = `10.0.${client >> 8}.${client & 255}`;
    const port = Number(choosing.ask([], address));
    assert.equal(choosing.ask([], address), port);
    shares[port - 1]! += 1;
  }
  const wanted = [2_000, 1_000, 1_000];
  for (const [index, share] of shares.entries())
    assert.ok(Math.abs(share - wanted[index]!) <= wanted[index]! / 10, `${shares}`);
});

test("When a backend goes, its clients move and no others; they return with it", () => {
  const choosing = new Choosing(3, { method: "client-hash" });
  const clients = Array.from({ length: 300 }, (_, index) => `10.1.${index >> 8}.${index & 255}`);
  const before = clients.map((client) => choosing.ask([], client));
  choosing.balancer.setHealthy(choosing.at(2), false);
  for (const [index, client] of clients.entries()) {
    const now = choosing.ask([], client);
    if (before[index] === 2) assert.notEqual(now, 2);
    else assert.equal(now, before[index]);
  }
  choosing.balancer.setHealthy(choosing.at(2), true);
  assert.deepEqual(
    clients.map((client) => choosing.ask([], client)),
    before,
  );
});

const sameClient: readonly [one: string, other: string, isSame: boolean][] = [
  ["2001:db8::1", "2001:db8::2", true],
  ["2001:db8:0:0:1::1", "2001:db8::ffff", true],
  ["2001:db8:0:1::1", "2001:db8::1", false],
  ["192.0.2.1", "192.0.2.2", false],
  ["::ffff:192.0.2.1", "192.0.2.1", true],
];
for (const [one, other, isSame] of sameClient) {
  test(`${one} and ${other} are ${isSame ? "one client" : "two clients"}`, () => {
    assert.equal(clientHash(one) === clientHash(other), isSame);
  });
}

test("A cookie leads back to its backend, and another way when that is drained, down or tried", () => {
  const choosing = new Choosing(3, { method: "cookie" });
  for (const [index, member] of choosing.group.members.entries()) member.cookie = `id-${index + 1}`;
  for (let count = 0; count < 3; count += 1) assert.equal(choosing.ask([], undefined, "id-2"), 2);
  assert.notEqual(choosing.ask([2], undefined, "id-2"), 2);
  choosing.balancer.setDrained(choosing.at(2), true);
  assert.notEqual(choosing.ask([], undefined, "id-2"), 2);
  choosing.balancer.setDrained(choosing.at(2), false);
  choosing.balancer.setHealthy(choosing.at(2), false);
  assert.notEqual(choosing.ask([], undefined, "id-2"), 2);
  assert.equal(typeof choosing.ask([], undefined, "id-of-nobody"), "number");
});

test("A backend that takes no connection is passed over, each time for longer, up to a limit", (t) => {
  const { deadlines, pass } = ticking(t);
  const choosing = new Choosing(2, {}, deadlines);
  const outages = [2_000, 4_000, 8_000, 16_000, 30_000, 30_000];
  for (const [index, outMs] of outages.entries()) {
    assert.equal(choosing.balancer.markDown(choosing.at(2)), index === 0);
    assert.equal(choosing.balancer.markDown(choosing.at(2)), false); // another one of the same moment
    pass(outMs - limits.tickMs);
    assert.deepEqual(choosing.asks(3), [1, 1, 1]);
    pass(limits.tickMs);
    assert.deepEqual(new Set(choosing.asks(2)), new Set([1, 2]));
  }
});

test("One request tries a backend that was out, the others wait for how that ends", (t) => {
  const { deadlines, pass } = ticking(t);
  const choosing = new Choosing(2, {}, deadlines);
  choosing.balancer.markDown(choosing.at(2));
  pass(limits.backendDownMs);
  const six = choosing.asks(6);
  assert.equal(six.filter((port) => port === 2).length, 1);
  assert.equal(choosing.balancer.markUp(choosing.at(2)), true);
  assert.deepEqual(choosing.shares(10), [5, 5]);
});

test("When all are thought to be out they are tried all the same, each once for a request", () => {
  const choosing = new Choosing(3);
  for (const port of [1, 2, 3]) choosing.balancer.markDown(choosing.at(port));
  const tried: number[] = [];
  for (let next = choosing.ask(tried); typeof next === "number"; next = choosing.ask(tried))
    tried.push(next);
  assert.deepEqual(tried.toSorted(), [1, 2, 3]);
  assert.equal(choosing.ask(tried), "tried");
});

test("When the looks say that all are down, none is tried", () => {
  const choosing = new Choosing(2);
  for (const port of [1, 2]) choosing.balancer.setHealthy(choosing.at(port), false);
  assert.equal(choosing.ask(), "down");
  choosing.balancer.setHealthy(choosing.at(1), true);
  choosing.balancer.markDown(choosing.at(1));
  assert.equal(choosing.ask(), 1); // up by the looks: its failures alone are no reason for none
});

test("A row of failing answers puts a backend out, a good one between them does not", (t) => {
  const { deadlines, pass } = ticking(t);
  const choosing = new Choosing(3, { ejectAfter: 3 }, deadlines);
  const { balancer, group } = choosing;
  const answer = (isGood: boolean) => balancer.judge(group, choosing.at(2), isGood);
  assert.deepEqual([false, false, true, false, false].map(answer), Array(5).fill(undefined));
  assert.equal(answer(false), limits.backendDownMs);
  assert.ok(!choosing.asks(4).includes(2));
  pass(limits.backendDownMs);
  assert.ok(choosing.asks(3).includes(2));
  assert.deepEqual([false, false, false].map(answer), [undefined, undefined, 4_000]);
});

test("Failing answers put at most half of the backends out", () => {
  const choosing = new Choosing(3, { ejectAfter: 1 });
  const outFor = (port: number) =>
    choosing.balancer.judge(choosing.group, choosing.at(port), false);
  assert.equal(outFor(1), limits.backendDownMs);
  assert.equal(outFor(2), undefined);
  const only = new Choosing(1, { ejectAfter: 1 });
  assert.equal(only.balancer.judge(only.group, only.at(1), false), undefined);
});

test("A backend that is back starts with little, and has its whole share when the time is over", (t) => {
  const { deadlines, pass } = ticking(t);
  const choosing = new Choosing(2, { slowStartMs: 10_000, weights: [100, 100] }, deadlines);
  assert.deepEqual(choosing.shares(100), [50, 50]);
  choosing.balancer.setHealthy(choosing.at(2), false);
  choosing.balancer.setHealthy(choosing.at(2), true);
  assert.ok(choosing.shares(110)[1]! <= 11);
  pass(5_000);
  assert.ok(Math.abs(choosing.shares(150)[1]! - 50) <= 1);
  pass(5_000);
  assert.deepEqual(choosing.shares(100), [50, 50]);
});

test("A backend gets no more at once than it may have, and what waits has its turn in order", () => {
  const choosing = new Choosing(2, { maxConnections: 1 });
  const { balancer, group } = choosing;
  assert.deepEqual([choosing.take(), choosing.take(), choosing.take()], [1, 2, "full"]);
  const woken: string[] = [];
  const waiter = (name: string) => ({
    ...choosing.seeker(),
    backendFree: () => {
      woken.push(name);
      choosing.take();
    },
  });
  const [first, second, third] = [waiter("first"), waiter("second"), waiter("third")];
  for (const each of [first, second, third]) assert.ok(balancer.wait(group, each, false));
  balancer.giveUp(group, second);
  balancer.release(choosing.at(1));
  balancer.release(choosing.at(2));
  assert.deepEqual(woken, ["first", "third"]);
  const row = Array.from({ length: limits.backendQueueMax }, () => waiter(""));
  for (const each of row) assert.ok(balancer.wait(group, each, false));
  assert.equal(balancer.wait(group, first, false), false);
  for (const each of row) balancer.giveUp(group, each);
});

for (const [maxConnections, shares] of [
  [10, [3, 3, 2, 2]],
  [8, [2, 2, 2, 2]],
  [7, [2, 2, 2, 1]],
  [4, [1, 1, 1, 1]],
  [1, [1, 1, 1, 1]], // one that may have none would answer nobody; `check` warns of that
  [undefined, Array(4).fill(Number.POSITIVE_INFINITY)],
] as const) {
  test(`Of maxConnections: ${maxConnections} four workers have ${shares.join(", ")}`, () => {
    const route = pathRoute([httpBackend(1)], { balance: balance({ maxConnections }) });
    const maxOf = (index: number) =>
      new Balancer(new Deadlines(), { index, of: 4 }).groupOf(route).activeMax;
    assert.deepEqual([0, 1, 2, 3].map(maxOf), shares);
  });
}

function naming(name: string): string {
  return `HTTP/1.1 200 OK\r\nContent-Length: ${name.length}\r\nConnection: close\r\n\r\n${name}`;
}

test("With one of three backends dead, no request fails, and the others share them", async () => {
  await using first = await Recorder.start(answering(naming("first")));
  await using second = await Recorder.start(answering(naming("second")));
  const ports = [first.port, await deadPort(), second.port];
  await using world = await RelayWorld.start({ action: forwardTo(ports.map(httpBackend)) });
  using client = await RawClient.connect(world.port);
  for (let count = 1; count <= 20; count += 1) {
    client.say(post("Content-Length: 1\r\n", "x"));
    await client.until(({ statuses }) => statuses.length === count);
  }
  assert.deepEqual(new Set(client.statuses), new Set([200]));
  assert.ok(
    first.requests >= 8 && second.requests >= 8,
    `${first.requests} and ${second.requests}`,
  );
  assert.deepEqual(
    world.log.lines.map(({ event }) => event),
    ["backend.down"],
  );
});

test("With every backend dead the answer is 502, at once, and names none of them", async () => {
  const action = forwardTo([httpBackend(await deadPort())]);
  await using world = await RelayWorld.start({ action });
  using client = await RawClient.connect(world.port);
  const startedAt = performance.now();
  client.say(get());
  await client.has("502 Bad Gateway\n");
  assert.ok(performance.now() - startedAt < 1_000);
  assert.ok(!client.text.includes("127.0.0.1"));
});

test("A request that was lost before any answer goes to another backend, if it is safe to repeat", async () => {
  await using dying = await Recorder.start(async (connection) => {
    await connection.head();
    connection.socket.destroy();
  });
  await using well = await Recorder.start(answering(naming("well")));
  const backends = [httpBackend(dying.port), httpBackend(well.port)];
  await using world = await RelayWorld.start({ action: forwardTo(backends) });
  using client = await RawClient.connect(world.port);
  client.say(get());
  await client.until(({ statuses }) => statuses.length === 1);
  assert.deepEqual([client.statuses, dying.requests, well.requests], [[200], 1, 1]);
  client.say(get()); // the turn of the one that is well
  await client.until(({ statuses }) => statuses.length === 2);
  client.say(post("Content-Length: 1\r\n", "x"));
  await client.until(({ statuses }) => statuses.length === 3);
  assert.deepEqual([client.statuses, well.requests], [[200, 200, 502], 2]);
});

test("No more requests are sent again than the budget of the route allows", async () => {
  const die = async (connection: Recorded) => {
    await connection.head();
    connection.socket.destroy();
  };
  await using one = await Recorder.start(die);
  await using other = await Recorder.start(die);
  const backends = [httpBackend(one.port), httpBackend(other.port)];
  await using world = await RelayWorld.start({ action: forwardTo(backends) });
  using client = await RawClient.connect(world.port);
  for (let count = 1; count <= 20; count += 1) {
    client.say(get());
    await client.until(({ statuses }) => statuses.length === count);
  }
  const again = one.requests + other.requests - 20;
  assert.ok(again >= 4 && again <= 12, `${again} of 20 were sent again`);
});

test("A request waits for a backend that has all it may have, and no longer than it takes to connect", async () => {
  await using slow = await Recorder.start();
  const route = {
    balance: balance({ maxConnections: 1 }),
    timeouts: { connectMs: 300, firstByteMs: 60_000, idleMs: 60_000 },
  };
  await using world = await RelayWorld.start({
    action: forwardTo([httpBackend(slow.port)], route),
  });
  using first = await RawClient.connect(world.port);
  using second = await RawClient.connect(world.port);
  first.say(get());
  await (await slow.connection(0)).head();
  second.say(get());
  await second.has("503 Service Unavailable");
  assert.match(second.text, /\r\nRetry-After: 5\r\n/);
  second.say(get());
  slow.connections[0]?.say(OK);
  await first.has("ok");
  await (await slow.connection(0)).until(({ text }) => text.split("GET ").length === 3);
  slow.connections[0]?.say(OK);
  await second.has("ok");
  assert.equal(slow.connections.length, 1);
});

test("Backends that the looks say are down answer nobody: 503 with Retry-After, and no connection", async () => {
  await using idle = await Recorder.start();
  const backend = httpBackend(idle.port);
  await using world = await RelayWorld.start({ action: forwardTo([backend], { health: HEALTH }) });
  world.relay.hear({
    cookieSecret: "",
    drained: [],
    checked: [{ ...placeOf(idle.port), isHealthy: false }],
  });
  using client = await RawClient.connect(world.port);
  client.say(get());
  await client.has("503 Service Unavailable\n");
  assert.match(client.text, /\r\nRetry-After: 10\r\n/);
  assert.equal(idle.connections.length, 0);
});

test("A client is held to its backend by a cookie that names no internals, until that is drained", async () => {
  await using first = await Recorder.start(answering(naming("first")));
  await using second = await Recorder.start(answering(naming("second")));
  const backends = [httpBackend(first.port), httpBackend(second.port)];
  const route = { balance: balance({ method: "cookie" }) };
  await using world = await RelayWorld.start({ action: forwardTo(backends, route) });
  const news = { cookieSecret: Buffer.alloc(32, 1).toString("base64"), checked: [] };
  world.relay.hear({ ...news, drained: [] });
  const ask = async (lines: string) => {
    using client = await RawClient.connect(world.port);
    client.say(get(lines));
    await client.until(
      ({ statuses, text }) => statuses.length === 1 && /(first|second)$/.test(text),
    );
    const [, cookie] =
      /Set-Cookie: (\S+); Path=\/; Secure; HttpOnly; SameSite=Lax\r\n/.exec(client.text) ?? [];
    return { cookie, by: /(first|second)$/.exec(client.text)?.[1] };
  };
  const { cookie, by } = await ask("");
  assert.equal(by, "first");
  assert.match(cookie ?? "", /^__Host-latchkey=[\w-]{16}$/);
  for (let count = 0; count < 3; count += 1)
    assert.deepEqual(await ask(`Cookie: a=b; ${cookie}\r\n`), { cookie: undefined, by: "first" });
  world.relay.hear({ ...news, drained: [placeOf(first.port)] });
  const moved = await ask(`Cookie: ${cookie}\r\n`);
  assert.equal(moved.by, "second");
  assert.notEqual(moved.cookie, cookie);
  assert.notEqual(moved.cookie, undefined);
});

const cookieRules: readonly (readonly [rules: string, cookies: readonly string[]])[] = [
  ["remove: [Set-Cookie]", ["__Host-latchkey"]],
  ["set: { Set-Cookie: set=1 }", ["__Host-latchkey", "set"]],
  ["add: { Set-Cookie: added=1 }", ["__Host-latchkey", "added"]],
];

for (const [rules, cookies] of cookieRules) {
  test(`{ ${rules} } and a Connection that names it leave the cookie that leads to a backend`, async () => {
    await using backend = await Recorder.start(
      answering(
        "HTTP/1.1 200 OK\r\nConnection: set-cookie\r\nSet-Cookie: theirs=1\r\nContent-Length: 0\r\n\r\n",
      ),
    );
    const text = `hosts: { shop.example: { to: [${backend.port}, 1], balance: cookie, compress: on, headers: { response: { ${rules} } } } }`;
    const action = configOf(text).hosts[0]?.action ?? forwardTo([]);
    await using world = await RelayWorld.start({ action });
    const news = { cookieSecret: Buffer.alloc(32, 1).toString("base64"), checked: [] };
    world.relay.hear({ ...news, drained: [] });
    using client = await RawClient.connect(world.port);
    client.say(get());
    await client.has("\r\n\r\n");
    const told = [...client.text.matchAll(/Set-Cookie: ([^=]+)=/g)].map(([, name]) => name);
    assert.deepEqual(told.sort(), cookies);
  });
}

function placeOf(port: number) {
  return { host: "shop.example", path: "/", backend: `http://127.0.0.1:${port}` };
}

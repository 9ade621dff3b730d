import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { ResendBudget } from "../../src/backend/resend-budget.ts";
import type { Backend } from "../../src/config/destination.ts";
import { changeLimits, limits } from "../../src/config/limits.ts";
import { deadPort } from "../support/dead-port.ts";
import { temporaryFolder } from "../support/folders.ts";
import { RawClient } from "../support/raw-client.ts";
import { answering, OK, Recorder } from "../support/recorder.ts";
import {
  balance,
  forwardTo,
  get,
  HEALTH,
  httpBackend,
  RelayWorld,
} from "../support/relay-world.ts";
import { holdTicks, MARGIN_MS, turns } from "../support/ticks.ts";

const ONE_EACH = balance({ maxConnections: 1 });
const ERROR = "HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n";

/** So many clients, each with a request that has come to the relay. */
async function asking(world: RelayWorld, count: number): Promise<RawClient[]> {
  const clients: RawClient[] = [];
  for (let index = 0; index < count; index += 1) {
    const client = await RawClient.connect(world.port);
    client.say(get());
    await turns();
    clients.push(client);
  }
  return clients;
}

/** Other limits for one test. */
function change(t: TestContext, changes: Parameters<typeof changeLimits>[0]): void {
  changeLimits(changes);
  t.after(() => changeLimits({}));
}

function leave(clients: readonly RawClient[]): void {
  for (const client of clients) client[Symbol.dispose]();
}

function placeOf(port: number) {
  return { host: "shop.example", path: "/", backend: `http://127.0.0.1:${port}` };
}

function news(changes: { drained?: readonly number[]; healthy?: readonly [number, boolean] }) {
  const { drained = [], healthy } = changes;
  return {
    cookieSecret: "",
    drained: drained.map(placeOf),
    checked: healthy === undefined ? [] : [{ ...placeOf(healthy[0]), isHealthy: healthy[1] }],
  };
}

const comings = [
  {
    name: "found healthy again",
    leave: (world: RelayWorld, port: number) => world.relay.hear(news({ healthy: [port, false] })),
    come: (world: RelayWorld, port: number) => world.relay.hear(news({ healthy: [port, true] })),
  },
  {
    name: "no longer drained",
    leave: (world: RelayWorld, port: number) => world.relay.hear(news({ drained: [port] })),
    come: (world: RelayWorld) => world.relay.hear(news({})),
  },
];

for (const { name, leave: go, come } of comings) {
  test(`A backend that is ${name} gets all that waits, while the other one stays full`, async () => {
    await using held = await Recorder.start();
    await using back = await Recorder.start(answering(OK));
    const backends = [httpBackend(held.port), httpBackend(back.port)];
    await using world = await RelayWorld.start({
      action: forwardTo(backends, { balance: ONE_EACH, health: HEALTH }),
    });
    go(world, back.port);
    const [first, ...waiting] = await asking(world, 4);
    assert.deepEqual([held.requests, back.requests], [1, 0]);
    come(world, back.port);
    for (const client of waiting) await client.has("ok");
    assert.deepEqual([held.requests, back.requests, first?.statuses], [1, 3, []]);
    leave([...(first === undefined ? [] : [first]), ...waiting]);
  });
}

test("A backend that takes connections again gets all that waits, when its time out is over", async (t) => {
  const pass = holdTicks(t);
  await using folder = await temporaryFolder();
  const path = `${folder.path}/back.sock`;
  await using held = await Recorder.start();
  const backends: Backend[] = [
    httpBackend(held.port),
    { kind: "unix", path, hostHeader: "client" },
  ];
  await using world = await RelayWorld.start({
    action: forwardTo(backends, { balance: ONE_EACH }),
  });
  const clients = await asking(world, 4); // the second one finds out that nobody is there
  assert.deepEqual(
    world.log.lines.map(({ event }) => event),
    ["backend.down"],
  );
  await using back = await Recorder.start(answering(OK), path);
  pass(limits.backendDownMs + MARGIN_MS);
  for (const client of clients.slice(1)) await client.has("ok");
  assert.deepEqual([held.requests, back.requests], [1, 3]);
  leave(clients);
});

test("A backend that was put out for failing answers gets all that waits, when that is over", async (t) => {
  const pass = holdTicks(t);
  await using held = await Recorder.start();
  await using failing = await Recorder.start(answering(ERROR));
  const backends = [httpBackend(held.port), httpBackend(failing.port)];
  const rules = balance({ maxConnections: 1, ejectAfter: 1 });
  await using world = await RelayWorld.start({ action: forwardTo(backends, { balance: rules }) });
  const clients = await asking(world, 2);
  await clients[1]?.has("500 Oh");
  const waiting = await asking(world, 2);
  assert.equal(failing.requests, 1);
  failing.connections[0]?.socket.destroy();
  failing.script = answering(OK);
  await turns();
  pass(limits.backendDownMs + MARGIN_MS);
  for (const client of waiting) await client.has("ok");
  assert.deepEqual([held.requests, failing.requests], [1, 3]);
  leave([...clients, ...waiting]);
});

test("One more than may wait gets 503 at once, and who leaves the row keeps nobody waiting", async (t) => {
  change(t, { backendQueueMax: 2 });
  await using slow = await Recorder.start();
  const action = forwardTo([httpBackend(slow.port)], { balance: ONE_EACH });
  await using world = await RelayWorld.start({ action });
  const [first, leaving, second, tooMany] = await asking(world, 4);
  await tooMany?.has("503 Service Unavailable\n");
  assert.match(tooMany?.text ?? "", /\r\nRetry-After: 5\r\n/);
  leaving?.socket.resetAndDestroy(); // one that only ends its side still gets its answer
  await turns();
  const [last] = await asking(world, 1); // has the place of the one that left
  for (const client of [first, second, last]) {
    assert.deepEqual(last?.statuses, []);
    slow.connections[0]?.say(OK);
    await client?.has("ok");
  }
  assert.deepEqual([slow.requests, slow.connections.length], [3, 1]);
  leave([first, second, last, tooMany].filter((client) => client !== undefined));
});

test("What waits goes on in its turn, before what comes later, however much its clients leave", async () => {
  await using slow = await Recorder.start();
  const action = forwardTo([httpBackend(slow.port)], { balance: ONE_EACH });
  await using world = await RelayWorld.start({ action });
  const clients = await asking(world, 8);
  for (const [index, client] of clients.entries()) {
    if (index % 2 === 1) continue;
    clients[index + 1]?.socket.resetAndDestroy(); // while this one is served and the others wait
    await turns();
    slow.connections[0]?.say(OK);
    await client.has("ok");
  }
  assert.equal(slow.requests, 4);
  leave(clients);
});

test("A request is tried on as many backends as it may be, and on no more", async (t) => {
  await using well = await Recorder.start(answering(OK));
  const ports = [await deadPort(), await deadPort(), well.port];
  const action = forwardTo(ports.map(httpBackend));
  for (const [backendTriesMax, status] of [
    [2, 502],
    [3, 200],
  ] as const) {
    change(t, { backendTriesMax });
    await using world = await RelayWorld.start({ action });
    const [client] = await asking(world, 1);
    await client?.has("\r\n\r\n");
    assert.deepEqual(client?.statuses, [status]);
    client?.[Symbol.dispose]();
  }
  assert.equal(well.requests, 1);
});

test("However quiet it was before, no more requests are sent again at once than may be", () => {
  const budget = new ResendBudget();
  const spent = (now: number) => {
    let count = 0;
    while (budget.spend(now)) count += 1;
    return count;
  };
  for (let count = 0; count < 100_000; count += 1) budget.earn();
  assert.equal(spent(0), limits.resendsMax);
  assert.equal(spent(3_600_000), limits.resendsPerSecond);
});

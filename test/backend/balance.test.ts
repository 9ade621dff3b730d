import assert from "node:assert/strict";
import { test } from "node:test";
import { Balancer } from "../../src/backend/balance.ts";
import { Deadlines } from "../../src/backend/deadlines.ts";
import type { Backend } from "../../src/config/config.ts";
import { limits } from "../../src/config/limits.ts";
import { RawClient } from "../support/raw-client.ts";
import { answering, Recorder } from "../support/recorder.ts";
import {
  forwardTo,
  get,
  httpBackend,
  pathRoute,
  post,
  RelayWorld,
} from "../support/relay-world.ts";

const [one, two, three] = [httpBackend(1), httpBackend(2), httpBackend(3)];
const all = pathRoute([one, two, three]);

function turns(balancer: Balancer, count: number): (Backend | undefined)[] {
  return Array.from({ length: count }, () => balancer.choose(all, []));
}

test("Backends take turns", () => {
  assert.deepEqual(turns(new Balancer(new Deadlines()), 4), [one, two, three, one]);
});

test("A backend that is down is passed over until its time is over", (t) => {
  t.mock.timers.enable({ apis: ["setInterval"] });
  const deadlines = new Deadlines();
  const watched = { tick: () => {} };
  deadlines.watch(watched);
  const balancer = new Balancer(deadlines);
  assert.equal(balancer.markDown(two), true);
  assert.equal(balancer.markDown(two), false);
  assert.deepEqual(turns(balancer, 3), [one, three, one]);
  t.mock.timers.tick(limits.backendDownMs + limits.tickMs);
  assert.deepEqual(turns(balancer, 2), [two, three]);
  deadlines.forget(watched);
});

test("A backend that takes connections again is back at once", () => {
  const balancer = new Balancer(new Deadlines());
  assert.equal(balancer.markUp(one), false);
  balancer.markDown(one);
  assert.equal(balancer.markUp(one), true);
  assert.deepEqual(turns(balancer, 1), [one]);
});

test("When all are down they are tried all the same, each once for a request", () => {
  const balancer = new Balancer(new Deadlines());
  for (const backend of [one, two, three]) balancer.markDown(backend);
  const tried: Backend[] = [];
  for (let next = balancer.choose(all, tried); next; next = balancer.choose(all, tried))
    tried.push(next);
  assert.deepEqual(new Set(tried), new Set([one, two, three]));
  assert.equal(tried.length, 3);
});

test("The only backend of a route is tried, down or not", () => {
  const balancer = new Balancer(new Deadlines());
  balancer.markDown(one);
  assert.equal(balancer.choose(pathRoute([one]), []), one);
  assert.equal(balancer.choose(pathRoute([one]), [one]), undefined);
});

function naming(name: string): string {
  return `HTTP/1.1 200 OK\r\nContent-Length: ${name.length}\r\nConnection: close\r\n\r\n${name}`;
}

test("With one of three backends dead, no request fails, and the others share them", async () => {
  await using first = await Recorder.start(answering(naming("first")));
  await using second = await Recorder.start(answering(naming("second")));
  const dead = await Recorder.start();
  const { port } = dead;
  await dead[Symbol.asyncDispose]();
  const backends = [httpBackend(first.port), httpBackend(port), httpBackend(second.port)];
  await using world = await RelayWorld.start({ action: forwardTo(backends) });
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
  const dead = await Recorder.start();
  const { port } = dead;
  await dead[Symbol.asyncDispose]();
  await using world = await RelayWorld.start({ action: forwardTo([httpBackend(port)]) });
  using client = await RawClient.connect(world.port);
  const startedAt = performance.now();
  client.say(get());
  await client.has("502 Bad Gateway\n");
  assert.ok(performance.now() - startedAt < 1_000);
  assert.ok(!client.text.includes("127.0.0.1"));
});

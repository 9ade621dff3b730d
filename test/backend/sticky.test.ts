import assert from "node:assert/strict";
import { test } from "node:test";
import type { Backend, Balance } from "../../src/config/destination.ts";
import { limits } from "../../src/config/limits.ts";
import { configOf } from "../support/config-text.ts";
import { temporaryFolder } from "../support/folders.ts";
import { RawClient } from "../support/raw-client.ts";
import { answering, Recorder, type Script } from "../support/recorder.ts";
import { balance, forwardTo, get, httpBackend, post, RelayWorld } from "../support/relay-world.ts";
import { holdTicks, MARGIN_MS, turns } from "../support/ticks.ts";

const KEPT = { cookieSecret: Buffer.alloc(32, 1).toString("base64"), checked: [], drained: [] };

function naming(name: string): Script {
  return answering(ok(name));
}

function ok(name: string): string {
  return `HTTP/1.1 200 OK\r\nContent-Length: ${name.length}\r\n\r\n${name}`;
}

function placeOf(port: number) {
  return { host: "shop.example", path: "/", backend: `http://127.0.0.1:${port}` };
}

async function start(backends: readonly Backend[], changes: Partial<Balance> = {}) {
  const rules = balance({ method: "cookie", ...changes });
  const world = await RelayWorld.start({
    action: forwardTo(backends, { balance: rules }),
    clientAddress: "peer",
  });
  world.relay.hear(KEPT);
  return world;
}

/** A client whose request with this cookie has come to the relay. */
async function asking(world: RelayWorld, cookie: string | undefined): Promise<RawClient> {
  const client = await RawClient.connect(world.port);
  client.say(get(cookie === undefined ? "" : `Cookie: ${cookie}\r\n`));
  await turns();
  return client;
}

/** Who answers a request with this cookie, and which one it is given. */
async function ask(world: RelayWorld, cookie?: string) {
  using client = await asking(world, cookie);
  await client.until(({ text }) => /\r\n\r\n./.test(text));
  const [, given] = /Set-Cookie: ([^;]+);/.exec(client.text) ?? [];
  return { by: /\r\n\r\n(.*)/.exec(client.text)?.[1], given };
}

/** Two backends of one connection each: a client's own, which it holds, so that the same client's next request waits for it. */
async function fullHome() {
  await using stack = new AsyncDisposableStack();
  const own = stack.use(await Recorder.start());
  const other = stack.use(await Recorder.start(naming("other")));
  const backends = [httpBackend(own.port), httpBackend(other.port)];
  const world = stack.use(await start(backends, { maxConnections: 1 }));
  const first = stack.use(await asking(world, undefined));
  own.connections[0]?.say(ok("own"));
  await first.has("own");
  const [, cookie] = /Set-Cookie: ([^;]+);/.exec(first.text) ?? [];
  const holding = stack.use(await asking(world, cookie));
  const waiting = stack.use(await asking(world, cookie));
  const all = stack.move();
  return {
    ...{ own, other, world, holding, waiting },
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  };
}

test("A client waits for its own backend while that is full, although another one has room", async () => {
  await using full = await fullHome();
  const { own, other, world, holding, waiting } = full;
  assert.equal((await ask(world)).by, "other"); // who is held to none waits for none
  assert.deepEqual([own.requests, other.requests, waiting.text], [2, 1, ""]);
  own.connections[0]?.say(ok("own"));
  await holding.has("own");
  await turns();
  own.connections[0]?.say(ok("own"));
  await waiting.has("own");
  assert.deepEqual([own.requests, other.requests], [3, 1]);
  assert.ok(!waiting.text.includes("Set-Cookie"));
});

test("A client whose own backend is full for too long gets 503, and is nobody else's", async (t) => {
  const pass = holdTicks(t);
  await using full = await fullHome();
  const { other, holding, waiting } = full;
  pass(limits.backendConnectTimeoutMs + MARGIN_MS);
  await waiting.has("503 Service Unavailable\n");
  assert.match(waiting.text, /\r\nRetry-After: 5\r\n/);
  assert.deepEqual([other.requests, holding.text], [0, ""]);
});

test("A client that waits for its own backend goes elsewhere for good when that is drained", async () => {
  await using full = await fullHome();
  const { own, world, holding, waiting } = full;
  world.relay.hear({ ...KEPT, drained: [placeOf(own.port)] });
  await waiting.has("other");
  assert.match(waiting.text, /Set-Cookie: /);
  assert.equal(holding.text, "");
});

test("A client whose backend is out for a short time has one and the same stand-in, and goes back", async (t) => {
  const pass = holdTicks(t);
  await using folder = await temporaryFolder();
  const path = `${folder.path}/own.sock`;
  const own = await Recorder.start(naming("own"), path);
  await using one = await Recorder.start(naming("one"));
  await using other = await Recorder.start(naming("other"));
  const backends: Backend[] = [
    { kind: "unix", path, hostHeader: "client" },
    httpBackend(one.port),
    httpBackend(other.port),
  ];
  await using world = await start(backends);
  const { by, given } = await ask(world);
  assert.equal(by, "own");
  await own[Symbol.asyncDispose]();
  await turns();
  const answers = [await ask(world, given), await ask(world, given), await ask(world, given)];
  assert.equal(new Set(answers.map((answer) => answer.by)).size, 1, JSON.stringify(answers));
  assert.deepEqual(
    answers.map((answer) => answer.given),
    [undefined, undefined, undefined],
  );
  await using _back = await Recorder.start(naming("back"), path);
  pass(limits.backendDownMs + MARGIN_MS);
  assert.deepEqual(await ask(world, given), { by: "back", given: undefined });
});

test("A client whose backend is put out for failing answers goes back when that is over", async (t) => {
  const pass = holdTicks(t);
  await using own = await Recorder.start(naming("own"));
  await using other = await Recorder.start(naming("other"));
  const backends = [httpBackend(own.port), httpBackend(other.port)];
  await using world = await start(backends, { ejectAfter: 1 });
  const { given } = await ask(world);
  own.connections[0]?.socket.destroy();
  own.script = answering("HTTP/1.1 500 Oh\r\nContent-Length: 2\r\n\r\noh");
  await turns();
  assert.deepEqual(await ask(world, given), { by: "oh", given: undefined });
  assert.deepEqual(await ask(world, given), { by: "other", given: undefined });
  own.connections[1]?.socket.destroy();
  own.script = naming("own");
  await turns();
  pass(limits.backendDownMs + MARGIN_MS);
  assert.deepEqual(await ask(world, given), { by: "own", given: undefined });
});

test("A client whose backend is out for long is given to another one for good", async (t) => {
  const pass = holdTicks(t);
  const own = await Recorder.start(naming("own"));
  await using other = await Recorder.start(naming("other"));
  await using world = await start([httpBackend(own.port), httpBackend(other.port)]);
  const { by, given } = await ask(world);
  assert.equal(by, "own");
  await own[Symbol.asyncDispose]();
  await turns();
  for (let outMs = limits.backendDownMs; outMs < limits.backendDownMaxMs; outMs *= 2) {
    assert.deepEqual(await ask(world, given), { by: "other", given: undefined });
    pass(outMs + MARGIN_MS);
  }
  const moved = await ask(world, given);
  assert.equal(moved.by, "other");
  assert.match(moved.given ?? "", /^__Host-latchkey=/);
  assert.deepEqual(await ask(world, moved.given), { by: "other", given: undefined });
});

/** The names of the cookies of a host whose entries for `/api/` are these, in their order. */
async function namesOf(entries: readonly string[], backends: readonly Recorder[]) {
  const to = `to: [${backends.map(({ port }) => port).join(", ")}], balance: cookie`;
  const paths = entries.map((entry) => `{ ${entry} ${to} }`).join(", ");
  const [host] = configOf(`hosts: { shop.example: { ${to}, paths: { /api/: [${paths}] } } }`).hosts;
  assert.ok(host);
  await using world = await RelayWorld.start({ action: host.action });
  world.relay.hear(KEPT);
  const names = new Set<string | undefined>();
  for (const request of [
    get("", "/api/"),
    get("X-Canary: on\r\n", "/api/"),
    post("Content-Length: 0\r\n").replace("/", "/api/"),
    get(),
  ]) {
    using client = await RawClient.connect(world.port);
    client.say(request);
    await client.has("\r\n\r\nwell");
    names.add(/Set-Cookie: ([^=]+)=/.exec(client.text)?.[1]);
  }
  return names;
}

test("Entries of one prefix have a cookie each, whose name stays when others come and go", async () => {
  await using one = await Recorder.start(naming("well"));
  await using other = await Recorder.start(naming("well"));
  const backends = [one, other];
  const canary = 'match: { headers: { X-Canary: "*" } },';
  const posts = "match: { methods: [POST] },";
  const all = await namesOf([canary, posts, ""], backends);
  assert.equal(all.size, 4);
  const fewer = await namesOf([posts, ""], backends);
  assert.equal(fewer.size, 3);
  assert.ok(fewer.isSubsetOf(all), JSON.stringify([[...fewer], [...all]]));
});

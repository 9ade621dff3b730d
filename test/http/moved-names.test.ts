import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer as createHttp } from "node:http";
import { createServer as createHttp2, type ServerHttp2Stream, type Settings } from "node:http2";
import type { AddressInfo, Server, Socket } from "node:net";
import { test } from "node:test";
import { BackendNames, type Found } from "../../src/backend/names.ts";
import type { Backend } from "../../src/config/destination.ts";
import { limits } from "../../src/config/limits.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { RawClient } from "../support/raw-client.ts";
import { forwardTo, get, RelayWorld } from "../support/relay-world.ts";
import { keptLog } from "../support/stored.ts";
import { holdTicks, MARGIN_MS, turns } from "../support/ticks.ts";

const [OLD, NEW] = ["127.0.0.5", "127.0.0.6"];
const TTL_MS = 60_000;
/** Far more requests than answers need to be read. */
const REQUESTS_MAX = 500;

type Kind = "http" | "h2c";
const kinds: readonly Kind[] = ["http", "h2c"];

/** A machine with both addresses, which answers with the one that it was reached by; `/slow` when it is told to. */
class Machine implements AsyncDisposable {
  readonly #server: Server;
  /** By the address that they lead to. */
  readonly sockets: Socket[] = [];
  readonly #slow: (() => void)[] = [];
  #wake: () => void = () => undefined;

  static async start(kind: Kind, settings: Settings): Promise<Machine> {
    const machine = new Machine(kind, settings);
    await once(machine.#server.listen(0, "0.0.0.0"), "listening");
    return machine;
  }

  constructor(kind: Kind, settings: Settings) {
    this.#server = kind === "http" ? this.#http() : this.#http2(settings);
    this.#server.on("connection", (socket: Socket) => this.sockets.push(socket));
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** What answers the next request for `/slow`, when it has come. */
  async slow(): Promise<() => void> {
    for (;;) {
      const answer = this.#slow.shift();
      if (answer !== undefined) return answer;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #http(): Server {
    return createHttp(({ url, socket }, response) => {
      const { localAddress } = socket;
      this.#answer(url, () => response.end(localAddress));
    });
  }

  #http2(settings: Settings): Server {
    return createHttp2({ settings }).on(
      "stream",
      (stream: ServerHttp2Stream, { ":path": path }) => {
        const { localAddress } = stream.session?.socket ?? {};
        this.#answer(path, () => stream.end(localAddress));
      },
    );
  }

  #answer(path: string | undefined, answer: () => void): void {
    if (path === "/slow") this.#slow.push(answer);
    else answer();
    this.#wake();
  }
}

/** A relay to a name that leads to the old address until it is moved. */
class World implements AsyncDisposable {
  readonly clock = new ManualClock();
  readonly machine: Machine;
  readonly relay: RelayWorld;
  readonly client: RawClient;
  #asked = 0;

  static async start(
    kind: Kind,
    find: () => Promise<Found>,
    settings: Settings = {},
  ): Promise<World> {
    const machine = await Machine.start(kind, settings);
    const clock = new ManualClock();
    const address = { host: "app.example", port: machine.port };
    const backend: Backend = { kind, address, hostHeader: "client" };
    const names = new BackendNames({ find, clock, log: keptLog() });
    const relay = await RelayWorld.start({ action: forwardTo([backend]), names });
    return new World(machine, relay, await RawClient.connect(relay.port), clock);
  }

  constructor(machine: Machine, relay: RelayWorld, client: RawClient, clock: ManualClock) {
    [this.machine, this.relay, this.client, this.clock] = [machine, relay, client, clock];
  }

  /** The address that answers the next request of the same client. */
  async ask(): Promise<string | undefined> {
    this.#asked += 1;
    this.client.say(get());
    await this.client.until(({ text }) => addressesIn(text).length === this.#asked);
    return addressesIn(this.client.text).at(-1);
  }

  /** The old answer is over, and a new one is asked for. */
  async expire(): Promise<void> {
    await this.clock.asleep(1);
    this.clock.advance(TTL_MS);
  }

  /** A new address was answered for long enough: the old one is gone. */
  async move(): Promise<void> {
    for (let passed = 0; passed <= limits.nameGoneMs; passed += TTL_MS) await this.expire();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.client[Symbol.dispose]();
    await this.relay[Symbol.asyncDispose]();
    await this.machine[Symbol.asyncDispose]();
  }
}

/** What was answered, in order. */
function addressesIn(text: string): readonly string[] {
  return text.match(/127\.0\.0\.[56]/g) ?? [];
}

function at(address: string): Promise<Found> {
  return Promise.resolve({ addresses: [{ address, family: 4 }], ttlMs: TTL_MS });
}

for (const kind of kinds) {
  test(`requests over ${kind} follow a name that moves while they flow, though its old address still answers`, async () => {
    let address = OLD;
    await using world = await World.start(kind, () => at(address));
    assert.equal(await world.ask(), OLD);
    address = NEW;
    assert.equal(await world.ask(), OLD, "the answer still holds");
    await world.move();
    let requests = 0;
    while ((await world.ask()) === OLD) {
      requests += 1;
      assert.ok(requests < REQUESTS_MAX, `${requests} requests went to the old address`);
    }
    const [old] = world.machine.sockets;
    if (old?.closed === false) await once(old, "close");
    assert.equal(world.machine.sockets.length, 2);
  });

  test(`requests over ${kind} stay where the last good answer leads while nobody answers for the name`, async () => {
    let isKnown = true;
    let asked = 0;
    await using world = await World.start(kind, async () => {
      asked += 1;
      if (!isKnown) throw new Error("SERVFAIL");
      return await at(OLD);
    });
    assert.equal(await world.ask(), OLD);
    isKnown = false;
    await world.expire();
    for (let request = 0; request < REQUESTS_MAX / 10; request += 1)
      assert.equal(await world.ask(), OLD);
    assert.equal(asked, 2);
    assert.equal(world.machine.sockets.length, 1);
  });

  test(`a request over ${kind} that is under way when its name moves ends well, and the next goes to the new address`, async () => {
    let address = OLD;
    await using world = await World.start(kind, () => at(address));
    using slow = await RawClient.connect(world.relay.port);
    slow.say(get("", "/slow"));
    const answer = await world.machine.slow();
    address = NEW;
    await world.move();
    let requests = 0;
    while ((await world.ask()) === OLD) {
      requests += 1;
      assert.ok(requests < REQUESTS_MAX, `${requests} requests went to the old address`);
    }
    answer();
    await slow.has(OLD);
    const [old] = world.machine.sockets;
    if (old?.closed === false) await once(old, "close");
  });
}

test("a request that waits for a stream when its name moves gets one at the new address", async () => {
  let address = OLD;
  await using world = await World.start("h2c", () => at(address), { maxConcurrentStreams: 1 });
  const answers: (() => void)[] = [];
  const slow: RawClient[] = [];
  for (let session = 0; session < limits.backendSessionsMax; session += 1) {
    const client = await RawClient.connect(world.relay.port);
    client.say(get("", "/slow"));
    slow.push(client);
    answers.push(await world.machine.slow());
  }
  const waiting = world.ask();
  await turns();
  address = NEW;
  await world.move();
  assert.equal(await waiting, NEW);
  for (const answer of answers) answer();
  for (const client of slow) {
    await client.has(OLD);
    client[Symbol.dispose]();
  }
});

test("nobody asks for a name again when nobody is connected to it any more", async (t) => {
  const pass = holdTicks(t);
  let asked = 0;
  await using world = await World.start("http", () => {
    asked += 1;
    return at(OLD);
  });
  await world.ask();
  await world.expire();
  while (asked < 2) await turns(1);
  pass(limits.backendPoolIdleMs + MARGIN_MS);
  const [old] = world.machine.sockets;
  if (old?.closed === false) await once(old, "close");
  await turns();
  world.clock.advance(TTL_MS);
  await turns();
  assert.equal(asked, 2);
});

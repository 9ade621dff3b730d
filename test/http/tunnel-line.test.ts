import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { PLACES } from "../../src/base/counts.ts";
import type { Facts } from "../../src/base/errors.ts";
import { limits } from "../../src/config/limits.ts";
import { contentIn, FLAG, FRAME, FrameClient, frame, headers, u32 } from "../support/h2-frames.ts";
import { RawClient } from "../support/raw-client.ts";
import type { Recorded } from "../support/recorded.ts";
import { Recorder } from "../support/recorder.ts";
import { forwardTo, httpBackend, RelayWorld } from "../support/relay-world.ts";
import { holdTicks, MARGIN_MS, turns } from "../support/ticks.ts";
import { acceptWebSocket, CONNECT, HANDSHAKE } from "../support/websocket.ts";

const PROTOCOLS = ["http/1.1", "h2"] as const;

/** The client of a WebSocket, whatever carries it. */
interface Caller extends Disposable {
  say(text: string): void;
  /** Waits for what the backend has said so far to be `text`. */
  heard(text: string): Promise<void>;
  /** Waits for the end of what the backend says. */
  heardEnd(): Promise<void>;
  end(text: string): void;
  /** Goes without an end. */
  leave(): void;
}

/** A relay with a WebSocket open, and the lines that it has told. */
class Talk implements AsyncDisposable {
  readonly lines: Facts[];
  readonly world: RelayWorld;
  readonly client: Caller;
  readonly backend: Recorded;
  readonly #recorder: Recorder;

  static async open(protocol: (typeof PROTOCOLS)[number]): Promise<Talk> {
    const lines: Facts[] = [];
    const access = (facts: Facts) => void lines.push(facts);
    const recorder = await Recorder.start((connection) => acceptWebSocket(connection, "hi"));
    const action = forwardTo([httpBackend(recorder.port)]);
    const world = await RelayWorld.start({ action, protocol, access });
    const client = protocol === "h2" ? await callH2(world.port) : await callHttp1(world.port);
    await client.heard("hi");
    return new Talk(lines, world, client, recorder, await recorder.connection(0));
  }

  constructor(
    lines: Facts[],
    world: RelayWorld,
    client: Caller,
    recorder: Recorder,
    backend: Recorded,
  ) {
    this.lines = lines;
    this.world = world;
    this.client = client;
    this.#recorder = recorder;
    this.backend = backend;
  }

  /** The one line, when it is there. */
  async line(): Promise<Facts> {
    for (let turn = 0; this.lines.length === 0 && turn < 10_000; turn += 1) await turns(1);
    assert.equal(this.lines.length, 1);
    return this.lines[0] ?? {};
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.client[Symbol.dispose]();
    await this.world[Symbol.asyncDispose]();
    await this.#recorder[Symbol.asyncDispose]();
  }
}

async function callHttp1(port: number): Promise<Caller> {
  const client = await RawClient.connect(port);
  client.say(HANDSHAKE);
  return {
    say: (text) => client.say(text),
    heard: (text) => client.until((recorded) => recorded.text.endsWith(`\r\n\r\n${text}`)),
    heardEnd: () => client.until(({ isEnded }) => isEnded),
    end: (text) => void client.socket.end(text),
    leave: () => void client.socket.resetAndDestroy(),
    [Symbol.dispose]: () => client[Symbol.dispose](),
  };
}

async function callH2(port: number): Promise<Caller> {
  const client = await FrameClient.connect(port);
  client.say(headers(1, CONNECT, FLAG.endHeaders));
  return {
    say: (text) => client.say(frame(FRAME.data, 0, 1, text)),
    heard: (text) => client.until(() => contentIn(client.frames, 1) === text),
    heardEnd: () => client.until(() => client.hasEnd(1)),
    end: (text) => client.say(frame(FRAME.data, FLAG.endStream, 1, text)),
    leave: () => client.say(frame(FRAME.reset, 0, 1, u32(8))),
    [Symbol.dispose]: () => client[Symbol.dispose](),
  };
}

/** Ends of a WebSocket, and why it ended so; both sides have said two bytes before. */
const ends: readonly (readonly [
  what: string,
  end: (talk: Talk, pass: (ms: number) => void) => unknown,
  why: string | RegExp | undefined,
])[] = [
  [
    "that its client ends",
    async ({ client, backend }) => {
      client.end("");
      await backend.gone();
      backend.socket.end();
    },
    undefined,
  ],
  [
    "that its backend ends",
    ({ client, backend }) => {
      backend.socket.end();
      client.end("");
    },
    undefined,
  ],
  [
    "that its backend ends, whose client talks on",
    async ({ client, backend }) => {
      backend.socket.end();
      await client.heardEnd();
      for (let piece = 0; piece < 3; piece += 1) client.say("x".repeat(16_000));
      client.end("");
    },
    undefined,
  ],
  ["whose client goes", ({ client }) => client.leave(), "the client left"],
  [
    "whose backend breaks off",
    ({ backend, client }) => {
      backend.socket.resetAndDestroy();
      client.end("");
    },
    /^the backend broke off: /,
  ],
  [
    "without a byte for too long",
    (_, pass) => pass(limits.tunnelIdleTimeoutMs + MARGIN_MS),
    "nothing came from either side for too long",
  ],
  [
    "of which one side ends alone",
    async ({ client, backend }, pass) => {
      client.end("");
      await backend.gone();
      pass(limits.writeIdleTimeoutMs + MARGIN_MS);
    },
    "one side ended, and the other did not follow in time",
  ],
  [
    "that our own end cuts",
    ({ world }) => {
      world.relay.blame("this worker was to end");
      world.relay.close();
    },
    "this worker was to end",
  ],
];

for (const protocol of PROTOCOLS) {
  for (const [what, end, why] of ends) {
    test(`A WebSocket over ${protocol} ${what} leaves one line when it is over`, async (t: TestContext) => {
      const pass = holdTicks(t);
      await using talk = await Talk.open(protocol);
      talk.client.say("<>");
      await talk.backend.has("<>");
      assert.deepEqual(talk.lines, [], "it is told when it is over");
      await end(talk, pass);
      const { durationMs, connectMs, firstByteMs, ...told } = await talk.line();
      const { backend, requestId, why: said, ...rest } = told;
      assert.deepEqual(rest, {
        method: "GET",
        host: "shop.example",
        path: "/chat",
        status: 101,
        bytesIn: 2,
        bytesOut: 2,
        client: "192.0.2.7",
        user: undefined,
        clientCertificate: undefined,
      });
      if (why instanceof RegExp) assert.match(String(said), why);
      else assert.equal(said, why);
      assert.ok(Number(durationMs) > Number(connectMs) + Number(firstByteMs));
      assert.match(String(backend), /^http:/);
      assert.match(String(requestId), /^[0-9a-f]{32}$/);
    });
  }

  test(`A WebSocket over ${protocol} is counted when it is made, and is no request under way then; its bytes count at its end`, async () => {
    await using talk = await Talk.open(protocol);
    const { counts } = talk.world;
    const host = () => counts.take().hosts[0]?.answers;
    assert.deepEqual(host(), [0, 1, 0, 0, 0, 0], "one answer of 1xx");
    assert.equal(counts.take().requestsUnderWay, 0);
    talk.client.leave();
    await talk.line();
    assert.deepEqual(host(), [0, 1, 0, 0, 0, 0]);
    assert.equal(counts.take().requestsUnderWay, 0);
    const { bodyBytes } = PLACES;
    assert.deepEqual(counts.take().totals.slice(bodyBytes, bodyBytes + 2), [0, 2]);
  });
}

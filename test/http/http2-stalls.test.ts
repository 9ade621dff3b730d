import assert from "node:assert/strict";
import { test } from "node:test";
import { limits } from "../../src/config/limits.ts";
import { makeAuthority, makeCertificate } from "../support/certificates.ts";
import { FrameBackend, type FramePeer, greeting } from "../support/h2-frame-backend.ts";
import { FLAG, FRAME, fieldBlock, frame, headers, settings, u32 } from "../support/h2-frames.ts";
import { heldBytes } from "../support/held-bytes.ts";
import { h2cBackend } from "../support/http2-backend.ts";
import { RawClient } from "../support/raw-client.ts";
import { forwardTo, get, httpsBackendOf, post, RelayWorld } from "../support/relay-world.ts";
import { holdTicks, MARGIN_MS, turns } from "../support/ticks.ts";

const authority = makeAuthority();
const server = makeCertificate({ names: ["backend.example"], issuer: authority });
const SECURE = { cert: server.chain, key: server.key };

const CLIENTS = 8;
const STEP_MS = 5_000;
/** No row holds anything for longer than its deadlines; slack for the steps of the test. */
const SLACK_MS = 2 * STEP_MS;
const CONNECT_MS = limits.backendConnectTimeoutMs;
const SILENCE_MS = limits.backendSilenceMs + limits.backendPongMs;
const ANSWER_MS = limits.backendFirstByteTimeoutMs;
const IDLE_MS = limits.backendIdleTimeoutMs;

const OK: readonly (readonly [string, string])[] = [[":status", "200"]];
const head = (stream: number): Buffer => headers(stream, OK, FLAG.endHeaders);
const data = (stream: number, text: string, flags = 0): Buffer =>
  frame(FRAME.data, flags, stream, text);
const goaway = (last: number): Buffer =>
  frame(FRAME.goaway, 0, 0, Buffer.concat([u32(last), u32(0)]));
const PING = frame(FRAME.ping, 0, 0, "12345678");
const UPLOAD = post("Content-Length: 1000000\r\n", "x".repeat(1_000_000));

interface Stall {
  readonly name: string;
  /** What the backend does with a connection. */
  readonly plays: (peer: FramePeer) => void | Promise<void>;
  /** How it is spoken to: `raw` takes TCP where TLS is meant. h2c unless said. */
  readonly by?: "tls" | "raw";
  readonly asks?: string;
  /** The status that every client sees; with `isCut`, of an answer that does not end well. */
  readonly status: number;
  readonly isCut?: boolean;
  /** How many clients share the session; more than one, unless half a frame is the matter. */
  readonly clients?: 1;
  /** By when. */
  readonly withinMs: number;
}

/** Says `answers` to each request, once it has greeted. */
function each(answers: (stream: number) => readonly Buffer[], first: Buffer = greeting()) {
  return async (peer: FramePeer): Promise<void> => {
    peer.say(first);
    for (let index = 0; ; index += 1) {
      const stream = await peer.request(index);
      if (stream === 0) return;
      peer.say(...answers(stream));
    }
  };
}

/** Answers PINGs for as long as the connection lives, beside `plays`. */
function alive(plays: Stall["plays"]): Stall["plays"] {
  return async (peer) => {
    const playing = plays(peer);
    for (let count = 0; !peer.isClosed; count += 1) {
      await peer.until(() => peer.of(FRAME.ping).length > count);
      const ping = peer.of(FRAME.ping)[count];
      if (ping !== undefined && (ping.flags & FLAG.ack) === 0)
        peer.say(frame(FRAME.ping, FLAG.ack, 0, ping.payload));
    }
    await playing;
  };
}

const stalls: readonly Stall[] = [
  { name: "takes the connection", plays: () => undefined, status: 504, withinMs: CONNECT_MS },
  {
    name: "takes the connection, where TLS is due",
    by: "raw",
    plays: () => undefined,
    status: 504,
    withinMs: CONNECT_MS,
  },
  {
    name: "begins the handshake of TLS",
    by: "raw",
    plays: (peer) => peer.say(Buffer.from("160303007a02000076", "hex")),
    status: 504,
    withinMs: CONNECT_MS,
  },
  {
    name: "chooses HTTP/2 by ALPN",
    by: "tls",
    plays: () => undefined,
    status: 504,
    withinMs: CONNECT_MS,
  },
  {
    name: "says half a SETTINGS",
    plays: (peer) => peer.say(settings([3, 100]).subarray(0, 12)),
    status: 504,
    withinMs: CONNECT_MS,
  },
  { name: "says SETTINGS", plays: each(() => []), status: 504, withinMs: SILENCE_MS },
  {
    name: "says SETTINGS, over TLS",
    by: "tls",
    plays: each(() => []),
    status: 504,
    withinMs: SILENCE_MS,
  },
  {
    name: "says SETTINGS, and that it is there",
    plays: alive(each(() => [])),
    status: 504,
    withinMs: ANSWER_MS,
  },
  {
    name: "says half a HEADERS",
    plays: each((id) => [head(id).subarray(0, 12)]),
    status: 504,
    clients: 1,
    withinMs: SILENCE_MS,
  },
  {
    name: "says HEADERS and no CONTINUATION",
    plays: each((id) => [frame(FRAME.headers, 0, id, fieldBlock(OK))]),
    status: 504,
    clients: 1,
    withinMs: SILENCE_MS,
  },
  {
    name: "says half a CONTINUATION",
    plays: each((id) => [
      frame(FRAME.headers, 0, id, fieldBlock(OK)),
      frame(FRAME.continuation, FLAG.endHeaders, id, fieldBlock([["x-a", "b"]])).subarray(0, 11),
    ]),
    status: 504,
    clients: 1,
    withinMs: SILENCE_MS,
  },
  {
    name: "says an interim answer",
    plays: alive(each((id) => [headers(id, [[":status", "103"]], FLAG.endHeaders)])),
    status: 504,
    withinMs: ANSWER_MS,
  },
  {
    name: "says its head",
    plays: alive(each((id) => [head(id)])),
    status: 200,
    isCut: true,
    withinMs: IDLE_MS,
  },
  {
    name: "says half a DATA",
    plays: each((id) => [head(id), data(id, "hello").subarray(0, 11)]),
    status: 200,
    isCut: true,
    clients: 1,
    withinMs: SILENCE_MS + STEP_MS,
  },
  {
    name: "says DATA",
    plays: alive(each((id) => [head(id), data(id, "hello")])),
    status: 200,
    isCut: true,
    withinMs: IDLE_MS,
  },
  {
    name: "says DATA without content, a hundred times",
    plays: alive(each((id) => [head(id), ...Array.from({ length: 100 }, () => data(id, ""))])),
    status: 200,
    isCut: true,
    withinMs: IDLE_MS,
  },
  {
    name: "gives no window of streams",
    plays: alive(each(() => [], greeting([4, 0]))),
    asks: UPLOAD,
    status: 504,
    withinMs: IDLE_MS,
  },
  {
    name: "gives no further window of the connection",
    plays: alive(each(() => [], greeting([4, 10_000_000]))),
    asks: UPLOAD,
    status: 504,
    withinMs: IDLE_MS,
  },
  {
    name: "gives no window, and is not there",
    plays: each(() => [], greeting([4, 0])),
    asks: UPLOAD,
    status: 504,
    withinMs: SILENCE_MS,
  },
  {
    name: "reads nothing any more",
    plays: async (peer) => {
      peer.say(greeting([4, 10_000_000]));
      await peer.request(0);
      peer.socket.pause();
    },
    asks: UPLOAD,
    status: 504,
    withinMs: SILENCE_MS,
  },
  {
    name: "allows no stream",
    plays: alive(each(() => [], greeting([3, 0]))),
    status: 503,
    withinMs: CONNECT_MS,
  },
  {
    name: "says GOAWAY in place of each answer",
    plays: each(() => [goaway(0)]),
    status: 502,
    withinMs: 0,
  },
  {
    name: "says GOAWAY with its SETTINGS",
    plays: (peer) => peer.say(greeting(), goaway(0)),
    status: 502,
    withinMs: 0,
  },
  {
    name: "says GOAWAY with its SETTINGS and allows no stream",
    plays: (peer) => peer.say(greeting([3, 0]), goaway(0)),
    status: 502,
    withinMs: 0,
  },
  {
    name: "says GOAWAY that covers every stream",
    plays: alive(each(() => [goaway(0x7fffffff)])),
    status: 504,
    withinMs: ANSWER_MS,
  },
  {
    name: "says a hundred PINGs, and answers",
    plays: each((id) => [...Array.from({ length: 100 }, () => PING), headers(id, OK)]),
    status: 200,
    withinMs: 0,
  },
  {
    name: "says a hundred SETTINGS, and answers",
    plays: each((id) => [
      ...Array.from({ length: 100 }, () => settings([3, 100])),
      headers(id, OK),
    ]),
    status: 200,
    withinMs: 0,
  },
  // nghttp2 gives a connection up that has it owe more than a thousand acknowledgements.
  {
    name: "says ten thousand PINGs at once",
    plays: each(() => Array.from({ length: 10_000 }, () => PING)),
    status: 502,
    withinMs: 0,
  },
  {
    name: "says ten thousand SETTINGS at once",
    plays: each(() => Array.from({ length: 10_000 }, () => settings([3, 100]))),
    status: 502,
    withinMs: 0,
  },
  {
    name: "floods with WINDOW_UPDATE, and answers",
    plays: each((id) => [
      ...Array.from({ length: 1_000 }, () => frame(FRAME.windowUpdate, 0, 0, u32(1))),
      headers(id, OK),
    ]),
    status: 200,
    withinMs: 0,
  },
  {
    name: "floods with PING, reads no answer to them, and says nothing else",
    plays: async (peer) => {
      peer.say(greeting());
      await peer.request(0);
      peer.socket.pause();
      const flood = Buffer.concat(Array.from({ length: 10_000 }, () => PING));
      for (let round = 0; round < 50; round += 1) peer.say(flood);
    },
    status: 502,
    withinMs: 0,
  },
];

async function start({ by, plays }: Stall) {
  const stack = new AsyncDisposableStack();
  const backend = stack.use(
    by === "tls" ? await FrameBackend.startSecure(plays, SECURE) : await FrameBackend.start(plays),
  );
  const to =
    by === undefined
      ? h2cBackend(backend.port)
      : httpsBackendOf(backend.port, authority.certificate);
  const world = stack.use(await RelayWorld.start({ action: forwardTo([to]) }));
  return { backend, world, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

function hasSeen(client: RawClient, { status, isCut }: Stall): boolean {
  const final = client.statuses.find((each) => each >= 200);
  return final === status && (isCut !== true || client.isEnded || client.isClosed);
}

/** What was held before the first of these. */
let before: number | undefined;

for (const stall of stalls) {
  const what = stall.withinMs === 0 ? "" : " and nothing more";
  const { status, isCut } = stall;
  test(`A backend that ${stall.name}${what}: ${status}${isCut === true ? ", cut" : ""}, and nothing is left of it`, async (t) => {
    const pass = holdTicks(t);
    before ??= await heldBytes();
    await using scene = await start(stall);
    const { backend, world } = scene;
    const clients = await Promise.all(
      Array.from({ length: stall.clients ?? CLIENTS }, () => RawClient.connect(world.port)),
    );
    for (const client of clients) client.say(stall.asks ?? get());
    await turns();
    let passed = 0;
    const isOver = () => clients.every((client) => hasSeen(client, stall));
    for (; !isOver() && passed < 2 * ANSWER_MS; passed += STEP_MS) {
      pass(STEP_MS);
      await turns();
    }
    assert.deepEqual(
      clients.map((client) => client.statuses.filter((each) => each >= 200)),
      clients.map(() => [status]),
    );
    assert.ok(passed <= stall.withinMs + SLACK_MS, `after ${passed} ms`);
    for (const client of clients) {
      if (isCut === true) assert.doesNotMatch(client.text, /0\r\n\r\n$/, "no clean end");
      client[Symbol.dispose]();
    }
    for (const peer of backend.peers) peer.socket.resume();
    // What is idle goes by its own deadline.
    for (let left = limits.backendSessionIdleMs + MARGIN_MS; left > 0; left -= STEP_MS) {
      pass(STEP_MS);
      await turns();
    }
    assert.deepEqual(
      [world.relay.open, backend.peers.filter(({ isClosed }) => !isClosed).length],
      [0, 0],
    );
    assert.ok(backend.peers.length <= 2 * CLIENTS + 2, `${backend.peers.length} connections`);
  });
}

test("Nothing is held after all these", async () => {
  const left = (await heldBytes()) - (before ?? 0);
  assert.ok(left < 1_024 * 1_024, `${left} bytes are held`);
});

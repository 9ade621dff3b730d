import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { limits } from "../../src/config/limits.ts";
import {
  FLAG,
  FRAME,
  FrameClient,
  frame,
  headers,
  request,
  settings,
  u32,
} from "../support/h2-frames.ts";
import { answering, OK, type Script } from "../support/recorder.ts";
import { RelayScene } from "../support/relay-world.ts";
import { holdTicks, turns } from "../support/ticks.ts";

/** Each limit of HTTP/2 holds at its own number: what Node would take by default, or one more than we do, fails here. */
const H2 = { protocol: "h2" } as const;
const OPEN = FLAG.endHeaders;
const PING = frame(FRAME.ping, 0, 0, "12345678");
const CANCEL = u32(8);
const POST = request({ ":method": "POST" });

/** A connection on which no time passes. */
async function connect(t: TestContext, script: Script = () => undefined, first?: Buffer) {
  const pass = holdTicks(t);
  const stack = new AsyncDisposableStack();
  const scene = stack.use(await RelayScene.start(script, {}, H2));
  const client = stack.use(await FrameClient.connect(scene.world.port, first));
  await read(client);
  return { pass, scene, client, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

/** Waits until all that the client has said was read, or the connection has ended. */
async function read(client: FrameClient): Promise<void> {
  const before = client.of(FRAME.ping).length;
  client.say(PING);
  await client.until(() => client.of(FRAME.ping).length > before);
}

/** Says something again and again, and returns at the how many-th time the connection ended; 0: at none. */
async function endsAt(client: FrameClient, max: number, again: (stream: number) => Buffer) {
  for (let count = 1; count <= max; count += 1) {
    client.say(again(2 * count - 1));
    await read(client);
    await read(client); // the end comes behind what was read with its cause
    if (client.isClosed) return count;
  }
  return 0;
}

test(`Of ${limits.h2StreamsMax} requests at once none is refused, and the next one is`, async (t) => {
  await using held = await connect(t);
  const { client } = held;
  for (let count = 1; count <= limits.h2StreamsMax; count += 1)
    client.say(headers(2 * count - 1, POST, OPEN));
  await read(client);
  assert.equal(client.of(FRAME.reset).length, 0);
  client.say(headers(2 * limits.h2StreamsMax + 1, POST, OPEN));
  await read(client);
  assert.deepEqual(
    client.of(FRAME.reset).map(({ stream }) => stream),
    [2 * limits.h2StreamsMax + 1],
  );
  assert.equal(client.of(FRAME.goaway).length, 0);
});

test(`The connection ends with invalid frame ${limits.h2InvalidFramesMax + 1}, not before`, async (t) => {
  await using held = await connect(t);
  const broken = request({ connection: "close" });
  const count = await endsAt(held.client, 200, (stream) => headers(stream, broken));
  assert.equal(count, limits.h2InvalidFramesMax + 1);
});

test(`The connection ends with request ${limits.h2ResetBurst + 1} that is taken back at once, not before`, async (t) => {
  await using held = await connect(t);
  const again = (stream: number) =>
    Buffer.concat([headers(stream), frame(FRAME.reset, 0, stream, CANCEL)]);
  assert.equal(await endsAt(held.client, 200, again), limits.h2ResetBurst + 1);
});

test(`The connection ends with request ${limits.h2RejectedStreamsMax + 1} that there is no memory for, not before`, async (t) => {
  const { h2SessionMemoryMegabytes } = limits;
  t.after(() => Object.assign(limits, { h2SessionMemoryMegabytes }));
  Object.assign(limits, { h2SessionMemoryMegabytes: 1 });
  await using held = await connect(t, answeringLarge, settings([1, 0], [4, 0]));
  const { client } = held;
  const full = await fill(client);
  assert.ok(full < limits.h2StreamsMax, "the memory is full");
  const count = await endsAt(client, 200, (stream) => headers(2 * full + 2 + stream));
  assert.equal(count, limits.h2RejectedStreamsMax); // one was rejected before
});

test("As many answers as there may be wait for a client that takes none, and another request is answered", async (t) => {
  await using held = await connect(t, answeringLarge, settings([1, 0], [4, 0]));
  const { client } = held;
  assert.equal(await fill(client), limits.h2StreamsMax, "none was refused");
  client.say(frame(FRAME.reset, 0, 1, CANCEL), headers(2 * limits.h2StreamsMax + 1));
  await client.until(() => client.has(2 * limits.h2StreamsMax + 1));
  assert.equal(client.status(2 * limits.h2StreamsMax + 1), 200);
});

const answeringLarge: Script = async (connection) => {
  await connection.head();
  const body = "x".repeat(200_000);
  connection.say(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
};

/** Asks until a request is refused, and returns how many were answered. */
async function fill(client: FrameClient): Promise<number> {
  for (let count = 1; count <= limits.h2StreamsMax; count += 1) {
    const stream = 2 * count - 1;
    client.say(headers(stream));
    await client.until(() => client.has(stream));
    if (client.of(FRAME.reset, stream).length > 0) return count - 1;
    await turns(5); // until as much waits as may
  }
  return limits.h2StreamsMax;
}

/** How many fields a head has, and the status that it is answered with; beyond those nghttp2 refuses it unread. */
for (const [fields, end] of [
  [limits.headMaxFields, 200],
  [limits.headMaxFields + 1, 431],
  [2 * limits.headMaxFields, 431],
  [2 * limits.headMaxFields + 1, "ENHANCE_YOUR_CALM"],
] as const) {
  test(`A head of ${fields} fields ends with ${end}`, async (t) => {
    await using held = await connect(t, answering(OK));
    const { client } = held;
    const more = Array.from({ length: fields - 4 }, (_, at) => [`x-${at}`, ""]);
    client.say(headers(1, request(Object.fromEntries(more))));
    await client.until(() => client.hasEnd(1) || client.of(FRAME.reset, 1).length > 0);
    assert.equal(client.hasEnd(1) ? client.status(1) : client.resetCode(1), end);
  });
}

test(`SETTINGS of ${limits.h2SettingsMax} entries are taken, and no larger ones`, async (t) => {
  await using held = await connect(t);
  const { client } = held;
  const of = (count: number) =>
    settings(...Array.from({ length: count }, () => [4, 65_535] as const));
  client.say(of(limits.h2SettingsMax));
  await read(client);
  assert.equal(client.isClosed, false);
  client.say(of(limits.h2SettingsMax + 1));
  await client.closed();
  assert.equal(client.goawayCode, "ENHANCE_YOUR_CALM");
});

const OVERHEAD = (limits.h2OverheadBurstBytes * limits.h2OverheadLeaveShare) / 100;
/** Frames that nobody knows, of about so many bytes on the wire. */
const unknown = (bytes: number) =>
  Buffer.concat(
    Array.from({ length: bytes / 100 }, () => frame(FRAME.unknown, 0, 0, Buffer.alloc(91))),
  );

test(`What belongs to no request costs nothing up to ${OVERHEAD} bytes; then requests under way are the last ones`, async (t) => {
  await using held = await connect(t);
  const { pass, scene, client } = held;
  client.say(headers(1));
  const backend = await scene.backend.connection(0);
  pass(limits.tickMs);
  const slack = 2_000; // a PING for each of our looks, and what has run off
  client.say(unknown(OVERHEAD - slack));
  await read(client);
  pass(limits.tickMs);
  await turns();
  assert.equal(client.of(FRAME.goaway).length, 0);
  client.say(unknown(2 * slack));
  await read(client);
  pass(limits.tickMs);
  await client.until(() => client.of(FRAME.goaway).length > 0);
  assert.deepEqual([client.goawayCode, client.goawayLast], ["ENHANCE_YOUR_CALM", 1]);
  client.say(headers(3));
  backend.say(OK);
  await client.until(() => client.hasEnd(1));
  await turns();
  pass(2 * limits.tickMs);
  await client.closed();
  assert.deepEqual([client.status(1), client.has(3)], [200, false]);
  const told = scene.world.refused.map(({ code }) => code);
  assert.deepEqual(told, ["HTTP2_FLOOD"]);
});

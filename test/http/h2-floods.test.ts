import assert from "node:assert/strict";
import { test } from "node:test";
import type { Facts } from "../../src/base/errors.ts";
import { limits } from "../../src/config/limits.ts";
import { h2Floods } from "../support/h2-floods.ts";
import {
  FLAG,
  FRAME,
  FrameClient,
  fieldBlock,
  frame,
  headers,
  request,
  u32,
} from "../support/h2-frames.ts";
import { answering, OK } from "../support/recorder.ts";
import { RelayScene } from "../support/relay-world.ts";
import { holdTicks } from "../support/ticks.ts";

const H2 = { protocol: "h2" } as const;
const OPEN = FLAG.endHeaders;
const [NO_ERROR, CANCEL] = [0, 8];
/** More writes than any of these floods may come to. */
const TURNS_MAX = 2_000;
/** Frames that go out in one write. */
const AT_ONCE = 100;

for (const { what, first, again, code, isPatient = false, requestsMax } of h2Floods) {
  test(`T25: A flood is cut: ${what}`, async () => {
    await using scene = await RelayScene.start(() => undefined, {}, H2);
    using client = await FrameClient.connect(scene.world.port);
    if (first !== undefined) client.say(first);
    const atOnce = isPatient ? 1 : AT_ONCE;
    for (let turn = 0; turn < TURNS_MAX && !client.isClosed; turn += 1) {
      const next = 3 + 2 * turn * atOnce;
      client.say(...Array.from({ length: atOnce }, (_, at) => again(next + 2 * at)));
      if (isPatient) await client.until(() => client.has(next));
      else await new Promise(setImmediate);
    }
    await client.closed();
    assert.equal(client.goawayCode, code);
    assert.ok(scene.backend.requests <= requestsMax, `${scene.backend.requests} requests`);
    while (scene.world.relay.open > 1) await new Promise(setImmediate);
  });
}

for (const { who, trusted, code, isCut } of [
  { who: "A client", trusted: [], code: CANCEL, isCut: true },
  { who: "A client with no error to tell", trusted: [], code: NO_ERROR, isCut: true },
  {
    who: "A trusted proxy, which is many clients,",
    trusted: ["192.0.2.7"],
    code: CANCEL,
    isCut: false,
  },
]) {
  test(`T25: ${who} that takes requests back is ${isCut ? "cut" : "not cut"} for what it did over connections before`, async (t) => {
    holdTicks(t);
    await using scene = await RelayScene.start(() => undefined, {}, { ...H2, trusted });
    const perConnection = limits.h2ResetBurst / 2;
    for (let done = 0; done < limits.h2ClientResetBurst; done += perConnection) {
      using before = await FrameClient.connect(scene.world.port);
      await takeBack(before, perConnection, code);
      assert.equal(before.of(FRAME.goaway).length, 0);
    }
    using client = await FrameClient.connect(scene.world.port);
    await takeBack(client, 1, code);
    if (isCut) await client.closed();
    assert.equal(client.goawayCode, isCut ? "ENHANCE_YOUR_CALM" : undefined);
  });
}

test("T25: Requests under way that we end with their connection are not taken back by the client", async (t) => {
  const pass = holdTicks(t);
  const whys = new Set<Facts[string]>();
  const access = ({ why }: Facts) => void whys.add(why);
  await using scene = await RelayScene.start(() => undefined, {}, { ...H2, access });
  for (let ended = 0; ended <= limits.h2ClientResetBurst; ended += limits.h2StreamsMax) {
    using client = await FrameClient.connect(scene.world.port);
    const streams = Array.from({ length: limits.h2StreamsMax }, (_, at) => 2 * at + 1);
    client.say(...streams.map((stream) => headers(stream)), frame(FRAME.ping, 0, 0, "12345678"));
    await client.until(() => client.of(FRAME.ping).length > 0);
    client.say(...Array.from({ length: 1_000 }, () => frame(FRAME.ping, 0, 0, "12345678")));
    await client.until(() => client.of(FRAME.ping).length > 1_000);
    pass(limits.tickMs);
    await client.closed();
    assert.equal(client.goawayCode, "ENHANCE_YOUR_CALM");
  }
  assert.deepEqual([...whys], ["the client sent too much that belongs to no request"]);
  using client = await FrameClient.connect(scene.world.port);
  await takeBack(client, 1, CANCEL);
  assert.equal(client.goawayCode, undefined);
});

/** Takes so many requests back, and waits until that has been read. */
async function takeBack(client: FrameClient, count: number, code: number): Promise<void> {
  for (let at = 0; at < count; at += 1)
    client.say(headers(2 * at + 1), frame(FRAME.reset, 0, 2 * at + 1, u32(code)));
  client.say(frame(FRAME.ping, 0, 0, "12345678"));
  await client.until(() => client.of(FRAME.ping).length > 0);
}

/** What a client may do all the time. */
const habits: readonly [what: string, again: (stream: number) => Buffer][] = [
  [
    "large heads that are new each time",
    (stream) => headers(stream, request({ cookie: `${stream}`.padEnd(8_000, "x") })),
  ],
  [
    "requests with a PING and a PRIORITY each",
    (stream) =>
      Buffer.concat([
        frame(FRAME.ping, 0, 0, "12345678"),
        headers(stream),
        frame(FRAME.priority, 0, stream, "\0\0\0\0\x10"),
      ]),
  ],
  [
    "bodies in pieces of one byte",
    (stream) =>
      Buffer.concat([
        headers(stream, request({ ":method": "POST" }), OPEN),
        ...Array.from({ length: 50 }, () => frame(FRAME.data, 0, stream, "x")),
        frame(FRAME.data, FLAG.endStream, stream),
      ]),
  ],
  [
    "hosts that are not served here",
    (stream) => headers(stream, request({ ":authority": "other.example" })),
  ],
];
const TIMES = 150;

for (const [what, again] of habits) {
  test(`A client is not cut for ${what}`, async () => {
    await using scene = await RelayScene.start(answering(OK), {}, H2);
    using client = await FrameClient.connect(scene.world.port);
    for (let turn = 0; turn < TIMES; turn += 1) {
      client.say(again(2 * turn + 1));
      await client.until(() => client.hasEnd(2 * turn + 1));
    }
    await new Promise((resolve) => setTimeout(resolve, 2 * limits.tickMs));
    assert.deepEqual([client.isClosed, client.of(FRAME.goaway).length], [false, 0]);
  });
}

test("T25: A window of the connection that overflows is an error of the connection", async () => {
  await using scene = await RelayScene.start(answering(OK), {}, H2);
  using client = await FrameClient.connect(scene.world.port);
  client.say(frame(FRAME.windowUpdate, 0, 0, u32(2 ** 31 - 1)));
  await client.closed();
  assert.equal(client.goawayCode, "FLOW_CONTROL_ERROR");
});

test("T25: Fields that a table makes large out of little are refused (HPACK bomb)", async () => {
  await using scene = await RelayScene.start(answering(OK), {}, H2);
  using client = await FrameClient.connect(scene.world.port);
  const seed = Buffer.concat([
    Buffer.from([0x40]),
    fieldBlock([["x-a", "y".repeat(4_000)]]).subarray(1),
  ]);
  client.say(
    frame(
      FRAME.headers,
      FLAG.endStream | FLAG.endHeaders,
      1,
      Buffer.concat([fieldBlock(request()), seed]),
    ),
  );
  await client.until(() => client.hasEnd(1));
  const bomb = Buffer.concat([fieldBlock(request()), Buffer.alloc(10_000, 0x80 | 62)]);
  client.say(frame(FRAME.headers, FLAG.endStream | FLAG.endHeaders, 3, bomb));
  await client.until(() => client.of(FRAME.reset, 3).length > 0);
  assert.equal(client.resetCode(3), "ENHANCE_YOUR_CALM");
  assert.equal(scene.backend.requests, 1);
});

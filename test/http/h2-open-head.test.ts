import assert from "node:assert/strict";
import { test } from "node:test";
import { limits } from "../../src/config/limits.ts";
import { FLAG, FRAME, FrameClient, frame, headers, request } from "../support/h2-frames.ts";
import { answering, OK } from "../support/recorder.ts";
import { RelayScene } from "../support/relay-world.ts";
import { holdTicks, MARGIN_MS } from "../support/ticks.ts";

const H2 = { protocol: "h2" } as const;
const BEGUN = headers(3, request({ cookie: "x".repeat(500) }), FLAG.endStream);
const STEP_MS = 2_000;
const LATE = { code: "HEAD_TIMED_OUT", host: "shop.example", client: "192.0.2.7" };
const CONTINUED = frame(FRAME.continuation, 0, 3, "");

interface OpenHead {
  readonly what: string;
  /** Whole requests before it. */
  readonly before: boolean;
  readonly begun: Buffer;
  /** Comes every two seconds. */
  readonly again?: Buffer;
}

const openHeads: readonly OpenHead[] = [
  { what: "A first head of which the rest never comes", before: false, begun: BEGUN },
  { what: "A later head of which the rest never comes", before: true, begun: BEGUN },
  { what: "A first head that trickles", before: false, begun: BEGUN, again: CONTINUED },
  { what: "A later head that trickles", before: true, begun: BEGUN, again: CONTINUED },
  {
    what: "A later head of 30 bytes that trickles",
    before: true,
    begun: BEGUN.subarray(0, 30),
    again: Buffer.from([0x78]),
  },
  { what: "The beginning of a first frame", before: false, begun: BEGUN.subarray(0, 5) },
  { what: "A greeting after which nothing comes", before: false, begun: Buffer.alloc(0) },
];

for (const { what, before, begun, again } of openHeads) {
  test(`T26: ${what} ends the connection when the time for a head is over`, async (t) => {
    const pass = holdTicks(t);
    await using scene = await RelayScene.start(answering(OK), {}, H2);
    using client = await FrameClient.connect(scene.world.port);
    await client.until(() => client.of(FRAME.settings).length === 2);
    if (before) {
      client.say(headers(1));
      await client.until(() => client.hasEnd(1));
      pass(limits.tickMs);
    }
    client.say(begun);
    await turns();
    for (let waited = 0; waited < limits.headTimeoutMs; waited += STEP_MS) {
      assert.equal(client.of(FRAME.goaway).length, 0, `after ${waited} ms`);
      pass(STEP_MS);
      if (again !== undefined) client.say(again);
      await turns();
    }
    pass(MARGIN_MS);
    await client.until(() => client.of(FRAME.goaway).length === 1);
    await client.closed();
    assert.equal(client.goawayCode, "ENHANCE_YOUR_CALM");
    assert.deepEqual(scene.world.refused, [LATE]);
  });
}

test("Requests under way are answered when a head after them never ends", async (t) => {
  const pass = holdTicks(t);
  await using scene = await RelayScene.start(() => undefined, {}, H2);
  using client = await FrameClient.connect(scene.world.port);
  client.say(headers(1));
  const backend = await scene.backend.connection(0);
  await backend.head();
  pass(limits.tickMs);
  client.say(BEGUN);
  await turns();
  pass(limits.headTimeoutMs + MARGIN_MS);
  await client.until(() => client.of(FRAME.goaway).length === 1);
  pass(limits.drainTimeoutMs + MARGIN_MS);
  backend.say(OK);
  await client.until(() => client.hasEnd(1));
  assert.equal(client.status(1), 200);
  await turns();
  pass(MARGIN_MS);
  await client.closed();
  assert.equal(client.goawayCode, "ENHANCE_YOUR_CALM");
  assert.deepEqual(scene.world.refused, [LATE]);
});

/** Clients that are in the middle of nothing. */
const idle: readonly (readonly [what: string, answersPing: boolean, ...said: readonly Buffer[]])[] =
  [
    ["is served and says nothing more, not even to a PING", false, headers(1)],
    [
      "is served and has taken the answer",
      false,
      headers(1),
      frame(FRAME.windowUpdate, 0, 0, "\0\0\0\x02"),
    ],
    ["answers a PING", true],
    [
      "sends what nobody knows, and answers a PING",
      true,
      headers(1),
      frame(FRAME.unknown, 0, 0, "x".repeat(100)),
    ],
  ];

for (const [what, answersPing, ...said] of idle) {
  test(`A client that ${what} keeps its connection for the idle time`, async (t) => {
    const pass = holdTicks(t);
    await using scene = await RelayScene.start(answering(OK), {}, H2);
    using client = await FrameClient.connect(scene.world.port);
    await client.until(() => client.of(FRAME.settings).length === 2);
    for (const bytes of said) {
      client.say(bytes);
      await turns();
      pass(limits.tickMs);
    }
    pass(limits.headTimeoutMs / 2 + MARGIN_MS);
    if (answersPing) {
      await client.until(() => client.of(FRAME.ping).length === 1);
      await client.answerPing();
    }
    pass(limits.keepAliveTimeoutMs - limits.headTimeoutMs);
    await turns();
    assert.equal(client.of(FRAME.goaway).length, 0);
    pass(limits.headTimeoutMs + MARGIN_MS);
    await client.until(() => client.of(FRAME.goaway).length === 1);
  });
}

/** Lets both ends of a socket get to what was written before. */
async function turns(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) await new Promise(setImmediate);
}

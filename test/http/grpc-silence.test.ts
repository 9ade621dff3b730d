import assert from "node:assert/strict";
import { once } from "node:events";
import { type TestContext, test } from "node:test";
import { limits } from "../../src/config/limits.ts";
import { configOf } from "../support/config-text.ts";
import { FLAG, FRAME, FrameClient, frame, headers, request } from "../support/h2-frames.ts";
import { type Answering, Http2Backend } from "../support/http2-backend.ts";
import { forwardTo, RelayWorld } from "../support/relay-world.ts";
import { holdTicks, MARGIN_MS, turns } from "../support/ticks.ts";

const HOUR_MS = limits.tunnelIdleTimeoutMs;
/** A session is asked whether it is there, and answers, in less than this. */
const STEP_MS = 5_000;

/** A call of gRPC over HTTP/2 at both ends, below a host that says `written`. `isWhole`: it is one message. */
async function call(t: TestContext, written: string, answer: Answering, isWhole = false) {
  const passAtOnce = holdTicks(t);
  const pass = async (ms: number) => {
    for (let left = ms; left > 0; left -= STEP_MS) {
      passAtOnce(Math.min(left, STEP_MS));
      await turns();
    }
  };
  const stack = new AsyncDisposableStack();
  const backend = stack.use(await Http2Backend.start(answer));
  const to = `h2c://127.0.0.1:${backend.port}`;
  const text = `hosts: { shop.example: { ${written.replace("TO", to)} } }`;
  const action = configOf(text).hosts[0]?.action ?? forwardTo([]);
  const world = stack.use(await RelayWorld.start({ action, protocol: "h2" }));
  const client = stack.use(await FrameClient.connect(world.port));
  const fields = request({
    ":method": "POST",
    ":path": "/a/b",
    "content-type": "application/grpc",
  });
  client.say(headers(1, fields, FLAG.endHeaders));
  client.say(frame(FRAME.data, isWhole ? FLAG.endStream : 0, 1, "m"));
  const { stream } = await backend.request(0);
  await once(stream, "data");
  return { pass, client, stream, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

const rows: readonly (readonly [what: string, written: string, idleMs: number, firstMs: number])[] =
  [
    ["a host without `timeouts`", "to: TO", HOUR_MS, HOUR_MS],
    [
      "a host that says something else of `timeouts`",
      "to: TO, timeouts: { connect: 1s }",
      HOUR_MS,
      HOUR_MS,
    ],
    ["a host with `idle` of 20s", "to: TO, timeouts: { idle: 20s }", 20_000, HOUR_MS],
    ["a host with `firstByte` of 20s", "to: TO, timeouts: { firstByte: 20s }", HOUR_MS, 20_000],
    [
      "a path with 90s in a host with 20s",
      "to: TO, timeouts: { firstByte: 20s, idle: 20s }, paths: { /a: { timeouts: { firstByte: 90s, idle: 90s } } }",
      90_000,
      90_000,
    ],
  ];

for (const [what, written, idleMs, firstMs] of rows) {
  test(`A call of gRPC below ${what} may be silent for ${idleMs} ms`, async (t) => {
    await using calling = await call(t, written, ({ stream }) =>
      stream.respond({ ":status": 200 }),
    );
    const { pass, client, stream } = calling;
    await client.until(() => client.status(1) === 200);
    await pass(idleMs - STEP_MS);
    stream.write("m");
    await client.until(() => client.of(FRAME.data, 1).length > 0);
    await pass(idleMs - STEP_MS);
    assert.equal(client.resetCode(1), undefined);
    await pass(STEP_MS + MARGIN_MS);
    await client.until(() => client.resetCode(1) !== undefined);
    if (!stream.closed) await once(stream, "close");
  });

  test(`A call of gRPC below ${what} may wait ${firstMs} ms for its first answer`, async (t) => {
    await using calling = await call(t, written, () => undefined, true);
    const { pass, client } = calling;
    await pass(firstMs - STEP_MS);
    assert.equal(client.has(1), false);
    await pass(STEP_MS + MARGIN_MS);
    await client.until(() => client.hasEnd(1));
    assert.equal(client.status(1), 504);
  });
}

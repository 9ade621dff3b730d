import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { limits } from "../../src/config/limits.ts";
import { FLAG, FRAME, FrameClient, frame, headers, request } from "../support/h2-frames.ts";
import { RelayScene } from "../support/relay-world.ts";
import { holdTicks, MARGIN_MS, turns } from "../support/ticks.ts";

const STEP_MS = 5_000;

/** A request that says it is gRPC, to a backend that speaks HTTP/1.1 and does not answer. */
async function ask(t: TestContext) {
  const pass = holdTicks(t);
  const stack = new AsyncDisposableStack();
  const scene = stack.use(await RelayScene.start(() => undefined, {}, { protocol: "h2" }));
  const client = stack.use(await FrameClient.connect(scene.world.port));
  const fields = request({ ":method": "POST", "content-type": "application/grpc" });
  client.say(headers(1, fields, FLAG.endHeaders));
  await (await scene.backend.connection(0)).head();
  return { pass, client, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

test("T26: A body that trickles to a backend of HTTP/1.1 is answered 408, whether it is called gRPC or not", async (t) => {
  await using asking = await ask(t);
  const { pass, client } = asking;
  for (let waited = 0; waited <= limits.bodyGraceMs; waited += STEP_MS) {
    client.say(frame(FRAME.data, 0, 1, "x"));
    await turns();
    pass(STEP_MS);
  }
  await client.until(() => client.hasEnd(1));
  assert.equal(client.status(1), 408);
});

test("T26: A body that stops on its way to a backend of HTTP/1.1 is answered 408, whether it is called gRPC or not", async (t) => {
  await using asking = await ask(t);
  const { pass, client } = asking;
  client.say(frame(FRAME.data, 0, 1, "x".repeat(10_000)));
  await turns();
  pass(limits.bodyIdleTimeoutMs + MARGIN_MS);
  await client.until(() => client.hasEnd(1));
  assert.equal(client.status(1), 408);
});

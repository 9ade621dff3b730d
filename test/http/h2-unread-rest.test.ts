import { test } from "node:test";
import { limits } from "../../src/config/limits.ts";
import { FLAG, FRAME, FrameClient, frame, headers, request } from "../support/h2-frames.ts";
import { RelayWorld } from "../support/relay-world.ts";
import { holdTicks, MARGIN_MS } from "../support/ticks.ts";

const FRAME_BYTES = 16_384;

test("A refused upload whose rest is not read is over when its stream is: its connection is idle then", async (t) => {
  const pass = holdTicks(t);
  const action = { kind: "respond", status: 403, headers: {}, body: "no" } as const;
  await using world = await RelayWorld.start({ action, protocol: "h2" });
  using client = await FrameClient.connect(world.port);
  const pieces = Math.ceil(limits.drainMaxBytes / FRAME_BYTES) + 4;
  const piece = frame(FRAME.data, 0, 1, "x".repeat(FRAME_BYTES));
  client.say(headers(1, request({ ":method": "POST" }), FLAG.endHeaders));
  client.say(...Array.from({ length: pieces }, () => piece));
  await client.until(() => client.hasEnd(1));
  while (client.of(FRAME.reset, 1).length === 0) {
    pass(limits.tickMs);
    await new Promise(setImmediate);
  }
  pass(limits.keepAliveTimeoutMs + MARGIN_MS);
  await client.until(() => client.of(FRAME.goaway).length > 0);
});

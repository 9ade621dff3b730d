import assert from "node:assert/strict";
import { test } from "node:test";
import { limits } from "../../src/config/limits.ts";
import { deadPort } from "../support/dead-port.ts";
import { FrameBackend, greeting } from "../support/h2-frame-backend.ts";
import { FLAG, FRAME, FrameClient, frame, headers, request, u32 } from "../support/h2-frames.ts";
import type { Latchkey } from "../support/latchkey.ts";
import { startOneWorker } from "../support/one-worker.ts";
import { openTls } from "../support/visitor.ts";

const HOST = "shop.localhost";
const STREAMS = 40;
/** The end of a worker by an assertion of Node's does not come with each. */
const ROUNDS = 30;
const [CANCEL, ENHANCE_YOUR_CALM] = [8, 11];

const post = (stream: number): Buffer =>
  headers(stream, request({ ":method": "POST", ":authority": HOST }), FLAG.endHeaders);
const reset = (stream: number, code: number): Buffer => frame(FRAME.reset, 0, stream, u32(code));
const idsFrom = (first: number) => Array.from({ length: STREAMS }, (_, at) => first + 2 * at);

async function openFrames(latchkey: Latchkey): Promise<FrameClient> {
  return new FrameClient(await openTls(latchkey, HOST, { ALPNProtocols: ["h2"] }));
}

test("T25: a client that is cut for what it takes back, with more of it in the same read, ends its connection and no worker", async () => {
  await using latchkey = await startOneWorker(HOST, `127.0.0.1:${await deadPort()}`);
  const connections = ROUNDS + limits.h2ClientResetBurst / STREAMS;
  for (let count = 0; count < connections; count += 1) {
    using client = await openFrames(latchkey);
    const ids = idsFrom(1);
    client.say(...ids.map(post), frame(FRAME.ping, 0, 0, "12345678"));
    await client.until(() => client.of(FRAME.ping).length > 0);
    client.say(...ids.map((id) => reset(id, CANCEL)), frame(FRAME.ping, 0, 0, "12345678"));
    await client.until(() => client.isClosed || client.of(FRAME.ping).length > 1);
  }
  assert.equal(latchkey.count("worker.exited"), 0);
});

test("T25: answers that a backend takes back with ENHANCE_YOUR_CALM, while their requests end, are lost to their clients, and no worker is", async () => {
  const head = (id: number) => headers(id, [[":status", "200"]], FLAG.endHeaders);
  const data = (id: number, flags = 0) => frame(FRAME.data, flags, id, "x");
  await using backend = await FrameBackend.start(async (peer) => {
    peer.say(greeting());
    for (let index = 0; ; index += 1) {
      const id = await peer.request(index);
      if (id === 0) return;
      peer.say(head(id), data(id));
      void soon().then(() => peer.say(reset(id, ENHANCE_YOUR_CALM)));
    }
  });
  await using latchkey = await startOneWorker(HOST, `h2c://127.0.0.1:${backend.port}`);
  const visit = async (): Promise<void> => {
    using client = await openFrames(latchkey);
    const ids = idsFrom(1);
    client.say(...ids.map(post));
    await soon();
    client.say(...ids.map((id) => data(id, FLAG.endStream)));
    for (const id of ids) {
      await client.until(() => client.of(FRAME.reset, id).length > 0);
      assert.equal(client.resetCode(id), "ENHANCE_YOUR_CALM");
    }
  };
  for (let round = 0; round < ROUNDS; round += 1) await Promise.all([1, 2, 3, 4].map(visit));
  assert.equal(latchkey.count("worker.exited"), 0);
});

/** A few turns of the event loop, more or less. */
function soon(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, Math.random() * 10));
}

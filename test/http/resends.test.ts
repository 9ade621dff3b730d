import assert from "node:assert/strict";
import { test } from "node:test";
import { FrameBackend, greeting } from "../support/h2-frame-backend.ts";
import { FRAME, frame, u32 } from "../support/h2-frames.ts";
import { h2cBackend } from "../support/http2-backend.ts";
import { RawClient } from "../support/raw-client.ts";
import { OK, Recorder, type Script } from "../support/recorder.ts";
import { forwardTo, get, httpBackend, RelayWorld } from "../support/relay-world.ts";

const CLOSING = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok";
const REFUSED = 7;

/** Answers each connection's first request as `answers` say, one after the other, and dies of every other one. */
function dying(...answers: readonly string[]): Script {
  const left = [...answers];
  return async (connection) => {
    await connection.head();
    const answer = left.shift();
    if (answer !== undefined) {
      connection.say(answer);
      await connection.until(({ text }) => text.split("\r\n\r\n").length > 2);
    }
    connection.socket.resetAndDestroy();
  };
}

/** The statuses of so many GETs, one after the other. */
async function statusesOf(world: RelayWorld, count: number): Promise<readonly number[]> {
  using client = await RawClient.connect(world.port);
  for (let asked = 1; asked <= count; asked += 1) {
    client.say(get());
    await client.until(({ statuses }) => statuses.length === asked);
  }
  return client.statuses;
}

test("A GET that may have reached a backend is sent once more and never again, whoever loses it", async () => {
  await using one = await Recorder.start(dying(OK));
  await using other = await Recorder.start(dying(OK));
  const backends = [httpBackend(one.port), httpBackend(other.port)];
  await using world = await RelayWorld.start({ action: forwardTo(backends) });
  assert.deepEqual(await statusesOf(world, 3), [200, 200, 502]);
  assert.equal(one.requests + other.requests, 4, "two were answered, the last one came twice");
});

test("What is sent once more goes by a connection that nobody has used", async () => {
  await using lost = await Recorder.start(dying(CLOSING));
  await using pooled = await Recorder.start(dying(OK, OK));
  const backends = [httpBackend(lost.port), httpBackend(pooled.port)];
  await using world = await RelayWorld.start({ action: forwardTo(backends) });
  assert.deepEqual(await statusesOf(world, 3), [200, 200, 200]);
  assert.deepEqual([lost.requests, pooled.requests, pooled.connections.length], [2, 2, 2]);
});

test("What no backend looks at is sent twice to each of two, and no more", async () => {
  const refuse = async (peer: Parameters<Parameters<typeof FrameBackend.start>[0]>[0]) => {
    peer.say(greeting());
    for (let index = 0; ; index += 1) {
      const stream = await peer.request(index);
      if (stream === 0) return;
      peer.say(frame(FRAME.reset, 0, stream, u32(REFUSED)));
    }
  };
  await using one = await FrameBackend.start(refuse);
  await using other = await FrameBackend.start(refuse);
  const backends = [h2cBackend(one.port), h2cBackend(other.port)];
  await using world = await RelayWorld.start({ action: forwardTo(backends) });
  assert.deepEqual(await statusesOf(world, 1), [502]);
  assert.deepEqual([one.requests, other.requests], [2, 2]);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { FLAG, FRAME, FrameClient, frame, headers, request } from "../support/h2-frames.ts";
import { answering, OK } from "../support/recorder.ts";
import { RelayScene } from "../support/relay-world.ts";
import {
  brokenBodies,
  brokenFrames,
  droppedFields,
  type End,
  SMUGGLED,
  spoilingHeads,
} from "./h2-vectors.ts";

const H2 = { protocol: "h2" } as const;
const OPEN = FLAG.endHeaders;
const POST = { ":method": "POST" };

function endOf(client: FrameClient): End | undefined {
  if (client.goawayCode !== undefined && client.goawayCode !== "NO_ERROR")
    return `goaway ${client.goawayCode}`;
  const reset = client.resetCode(1);
  if (client.hasEnd(1)) return client.status(1);
  return reset === undefined ? undefined : `reset ${reset}`;
}

for (const [what, frames, end] of spoilingHeads) {
  test(`T24: A head with ${what} ends with ${end}, and no backend is touched`, async () => {
    await using scene = await RelayScene.start(answering(OK), {}, H2);
    using client = await FrameClient.connect(scene.world.port);
    client.say(frames);
    await client.until(() => endOf(client) !== undefined);
    assert.equal(endOf(client), end);
    assert.equal(scene.backend.connections.length, 0);
    client.say(headers(3));
    await client.until(() => client.hasEnd(3));
    assert.equal(client.status(3), 200, "the connection goes on");
  });
}

for (const [what, name, value] of droppedFields) {
  test(`T22: A field with ${what} does not reach the backend`, async () => {
    await using scene = await RelayScene.start(answering(OK), {}, H2);
    using client = await FrameClient.connect(scene.world.port);
    client.say(headers(1, [...request(), [name, value], ["x-last", "1"]]));
    await client.until(() => endOf(client) !== undefined);
    assert.equal(endOf(client), 200);
    assert.equal(scene.backend.requests, 1);
    assert.doesNotMatch(scene.backend.text, /x-a|x: y|smuggled|transfer-encoding/);
    assert.match(scene.backend.text, /x-last: 1\r\n/);
  });
}

for (const [what, frames, end] of brokenBodies) {
  test(`A body that ${what} ends with ${end}, and the backend never sees it whole`, async () => {
    await using scene = await RelayScene.start(() => undefined, {}, H2);
    using client = await FrameClient.connect(scene.world.port);
    client.say(...frames);
    await client.until(() => endOf(client) !== undefined);
    assert.equal(endOf(client), end);
    for (const backend of scene.backend.connections) await backend.gone();
    assert.doesNotMatch(scene.backend.text, /0\r\n\r\n$|smuggled/);
    assert.doesNotMatch(scene.backend.text, /Content-Length: 2\r\n[\s\S]*\r\n\r\nhi/);
  });
}

test("A chunked body inside of a body stays a body", async () => {
  await using scene = await RelayScene.start(answering(OK), {}, H2);
  using client = await FrameClient.connect(scene.world.port);
  const body = `0\r\n\r\n${SMUGGLED}`;
  client.say(headers(1, request(POST), OPEN), frame(FRAME.data, FLAG.endStream, 1, body));
  await client.until(() => client.hasEnd(1));
  const [, received] = /\r\n\r\n([\s\S]*)$/.exec(scene.backend.text) ?? [];
  assert.equal(received, `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`);
});

for (const [what, frames, code] of brokenFrames) {
  test(`${what} ends the connection with ${code}`, async () => {
    await using scene = await RelayScene.start(() => undefined, {}, H2);
    using client = await FrameClient.connect(scene.world.port);
    client.say(...frames);
    await client.closed();
    assert.equal(client.goawayCode, code);
    for (const backend of scene.backend.connections) await backend.gone();
    while (scene.world.relay.open > 1) await new Promise(setImmediate);
  });
}

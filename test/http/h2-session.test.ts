import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { H2Client } from "../support/h2-client.ts";
import { answering, OK } from "../support/recorder.ts";
import { RelayScene } from "../support/relay-world.ts";

test("A request over HTTP/2 reaches the backend as HTTP/1.1, and its answer comes back", async () => {
  await using scene = await RelayScene.start(answering(OK), {}, { protocol: "h2" });
  using client = await H2Client.connect(scene.world.port);
  const call = await client.get({ ":path": "/1?q", "x-a": "b" });
  assert.equal(call.status, 200);
  assert.equal(call.body, "ok");
  assert.equal(call.isEnded, true);
  assert.match(scene.backend.text, /^GET \/1\?q HTTP\/1\.1\r\nHost: shop\.example\r\nx-a: b\r\n/);
  assert.match(scene.backend.text, /X-Forwarded-For: 192\.0\.2\.7\r\nX-Forwarded-Proto: https\r\n/);
});

test("Without keep-alive a stream is the last one, and an idle session says goodbye at once", async () => {
  await using scene = await RelayScene.start(answering(OK), {}, { protocol: "h2" });
  using last = await H2Client.connect(scene.world.port);
  using idle = await H2Client.connect(scene.world.port);
  assert.equal((await idle.get()).status, 200);
  const ends = [last, idle].map(({ session }) => once(session, "close"));
  scene.world.relay.keepAlive(false);
  assert.equal((await last.get()).body, "ok");
  await ends[0];
  assert.equal(idle.session.closed, false);
  scene.world.relay.closeIdle(2);
  await ends[1];
});

import assert from "node:assert/strict";
import { after, beforeEach, test } from "node:test";
import type { Latchkey } from "../../support/latchkey.ts";
import { without } from "../../support/programs.ts";
import { Recorder } from "../../support/recorder.ts";
import { sClient } from "../../support/s-client.ts";
import { share } from "../../support/shared-program.ts";
import { openRaw } from "../../support/visitor.ts";

const backend = await Recorder.start();
const gone = await Recorder.start();
const start = share({
  hosts: `
  mqtt.localhost: { to: "tcp://127.0.0.1:${backend.port}" }
  unplugged.localhost: { to: "tcp://127.0.0.1:${gone.port}" }`,
});
let latchkey: Latchkey;
beforeEach(async () => {
  latchkey = await start();
  for (const name of ["mqtt.localhost", "unplugged.localhost"])
    await latchkey.event("certificate.swapped", ({ host }) => host === name);
  // The program looks at what it serves after a swap: that reaches the backend first.
  await backend.connection(0);
});
after(async () => {
  await backend[Symbol.asyncDispose]();
});
await gone[Symbol.asyncDispose]();

/** A client and the backend's end of its connection. */
async function openPair() {
  const index = backend.connections.length;
  const client = await openRaw(latchkey, "mqtt.localhost");
  return { client, server: await backend.connection(index) };
}

test("whoever speaks first, the plaintext of both sides arrives as it is", async () => {
  const { client, server } = await openPair();
  server.say("220 ready\r\n");
  await client.has("220 ready\r\n");
  const noise = Array.from({ length: 256 }, (_, byte) => String.fromCharCode(byte)).join("");
  client.say(noise);
  await server.has(noise);
  server.socket.end();
  client.socket.end();
  await server.until(({ isClosed }) => isClosed);
});

test("an end is passed on as an end, and the other direction goes on", async () => {
  const { client, server } = await openPair();
  client.say("question");
  client.socket.end();
  await server.until(({ isEnded }) => isEnded);
  assert.equal(server.text, "question");
  server.say("answer after the end");
  server.socket.end();
  assert.equal(await client.finished(), "answer after the end");
});

test("a megabyte passes unharmed to a side that reads late", async () => {
  const { client, server } = await openPair();
  const megabyte = "0123456789abcdef".repeat(65_536);
  server.socket.pause();
  client.say(megabyte);
  client.socket.end();
  server.socket.resume();
  await server.until(({ isEnded }) => isEnded);
  assert.equal(server.text, megabyte);
  client.socket.destroy();
});

test("a backend that breaks off makes no clean end", { skip: without("openssl") }, async () => {
  const index = backend.connections.length;
  const printed = sClient(latchkey.httpsPort, "-servername", "mqtt.localhost");
  const server = await backend.connection(index);
  await new Promise<void>((resolve) => server.socket.write("half of it", () => resolve()));
  server.socket.resetAndDestroy();
  assert.match(await printed, /unexpected eof/);
});

test("a backend that is gone closes the connection without a byte", async () => {
  using client = await openRaw(latchkey, "unplugged.localhost");
  assert.equal(await client.finished(), "");
});

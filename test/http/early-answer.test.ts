import assert from "node:assert/strict";
import { once } from "node:events";
import type { Socket } from "node:net";
import { test } from "node:test";
import tls from "node:tls";
import { limits } from "../../src/config/limits.ts";
import { makeAuthority, makeCertificate } from "../support/certificates.ts";
import { RawClient } from "../support/raw-client.ts";
import { Recorded } from "../support/recorded.ts";
import { portOf } from "../support/recorder.ts";
import { forwardTo, httpsBackendOf, post, RelayScene, RelayWorld } from "../support/relay-world.ts";
import { holdTicks, MARGIN_MS, turns } from "../support/ticks.ts";

const TOO_LARGE = "HTTP/1.1 413 Content Too Large\r\nContent-Length: 3\r\n\r\nbig";
const UNFRAMED = "HTTP/1.1 413 Content Too Large\r\n\r\nbig";
const UPLOAD = post("Content-Length: 1000000\r\n", "x");

/**
 * The client sends more, then the backend answers and closes over what it did not read, which resets
 * the connection: all before the relay looks, so that it writes to a backend that is gone before it
 * reads what that said.
 */
function sendMoreAndReset(client: RawClient, backend: Recorded, answer: string, carrier: Socket) {
  client.say("x".repeat(70_000));
  backend.say(answer);
  carrier.resetAndDestroy();
}

test("An answer that the backend gives before it closes over an unread body reaches the client", async () => {
  await using scene = await RelayScene.start();
  scene.client.say(UPLOAD);
  const connection = await scene.backend.connection(0);
  await connection.head();
  sendMoreAndReset(scene.client, connection, TOO_LARGE, connection.socket);
  await scene.client.has("big");
  assert.deepEqual(scene.client.statuses, [413]);
});

test("So does one of a backend that is spoken to by TLS", async () => {
  const authority = makeAuthority();
  const { chain, key } = makeCertificate({ names: ["backend.example"], issuer: authority });
  await using server = tls.createServer({ cert: chain, key }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const backend = httpsBackendOf(portOf(server), authority.certificate);
  await using world = await RelayWorld.start({ action: forwardTo([backend]) });
  using client = await RawClient.connect(world.port);
  client.say(UPLOAD);
  const [carrier] = (await once(server, "connection")) as [Socket];
  const [secured] = (await once(server, "secureConnection")) as [tls.TLSSocket];
  const connection = new Recorded(secured);
  await connection.head();
  sendMoreAndReset(client, connection, TOO_LARGE, carrier);
  await client.has("big");
  assert.deepEqual(client.statuses, [413]);
});

test("An answer without framing before such a close is cut: nobody can say that it was whole", async () => {
  await using scene = await RelayScene.start();
  scene.client.say(UPLOAD);
  const connection = await scene.backend.connection(0);
  await connection.head();
  sendMoreAndReset(scene.client, connection, UNFRAMED, connection.socket);
  await scene.client.finished();
  assert.ok(!scene.client.text.endsWith("0\r\n\r\n"), scene.client.text);
});

test("A backend that closes over an unread body without an answer is a 502", async () => {
  await using scene = await RelayScene.start();
  scene.client.say(UPLOAD);
  const connection = await scene.backend.connection(0);
  await connection.head();
  sendMoreAndReset(scene.client, connection, "", connection.socket);
  await scene.client.has("502");
  assert.deepEqual(scene.client.statuses, [502]);
});

test("T19: A connection that took not all of its request is not used again, whole as the answer was", async () => {
  await using scene = await RelayScene.start();
  scene.client.say(post("Content-Length: 70001\r\n", "x"));
  const connection = await scene.backend.connection(0);
  await connection.head();
  sendMoreAndReset(scene.client, connection, TOO_LARGE, connection.socket);
  await scene.client.has("big");
  scene.client.say(post("Content-Length: 0\r\n"));
  const next = await scene.backend.connection(1);
  await next.head();
  next.say(TOO_LARGE);
  await scene.client.until(({ statuses }) => statuses.length === 2);
  assert.deepEqual(scene.client.statuses, [413, 413]);
});

/** Sends so much that no buffer on the way holds it; resolves when all of it has left. */
function sendAll(client: RawClient, bytes: number): Promise<void> {
  return new Promise((resolve, reject) => {
    client.socket.write(Buffer.alloc(bytes, "x"), (error) => (error ? reject(error) : resolve()));
  });
}

test("A client that sends all of a long body before it reads gets the answer that refuses it", async () => {
  const action = { kind: "respond", status: 403, headers: {}, body: "no" } as const;
  await using world = await RelayWorld.start({ action });
  using client = await RawClient.connect(world.port);
  client.socket.pause();
  client.say(post("Content-Length: 20000000\r\n"));
  await sendAll(client, 20_000_000);
  client.socket.resume();
  await client.finished();
  assert.deepEqual(client.statuses, [403]);
});

test("A client is told that the connection ends, where more of its body is to come than is read for nobody", async () => {
  const action = { kind: "respond", status: 403, headers: {}, body: "no" } as const;
  await using world = await RelayWorld.start({ action });
  using client = await RawClient.connect(world.port);
  const text = `${post(`Content-Length: ${limits.drainMaxBytes}\r\n`)}${"x".repeat(limits.drainMaxBytes)}`;
  client.say(text + post(`Content-Length: ${limits.drainMaxBytes + 1}\r\n`));
  const [, first = "", second = ""] = (await client.finished()).split("HTTP/1.1 403 Forbidden\r\n");
  assert.doesNotMatch(first, /\r\nConnection:/);
  assert.match(second, /\r\nConnection: close\r\n/);
});

test("One that sends on for ever is closed all the same, however steadily it does", async (t) => {
  const pass = holdTicks(t);
  const action = { kind: "respond", status: 403, headers: {}, body: "no" } as const;
  await using world = await RelayWorld.start({ action });
  using client = await RawClient.connect(world.port);
  client.say(`${post("Content-Length: 20000000\r\nConnection: close\r\n")}x`);
  await client.finished();
  await turns();
  for (let passed = 0; passed < limits.closingMaxMs; passed += limits.drainTimeoutMs / 2) {
    assert.equal(world.relay.open, 1);
    client.say("x");
    await turns();
    pass(limits.drainTimeoutMs / 2);
  }
  pass(MARGIN_MS);
  while (world.relay.open > 0) await turns();
});

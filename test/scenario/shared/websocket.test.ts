import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { after, beforeEach, test } from "node:test";
import type { Latchkey } from "../../support/latchkey.ts";
import type { RawClient } from "../../support/raw-client.ts";
import type { Recorded } from "../../support/recorded.ts";
import { Recorder } from "../../support/recorder.ts";
import { share } from "../../support/shared-program.ts";
import { openRaw } from "../../support/visitor.ts";

const KEY = "dGhlIHNhbXBsZSBub25jZQ==";
/** RFC 6455 §1.3. */
const GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
const CLOSES = "Connection: close\r\nContent-Length: 2\r\n\r\n";
const HEAD_END = "\r\n\r\n";
/** A masked text frame of a client with "Hello", and a server's echo of it (RFC 6455 §5.7). */
const MASKED_HELLO = "\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58";
const HELLO = "\x81\x05Hello";

/** A backend that speaks WebSocket by hand: it echoes one frame at a time, or does what the path says. */
const backend = await Recorder.start(async (connection) => {
  await connection.has(HEAD_END);
  const path = connection.text.split(" ")[1];
  if (path === "/refuse") connection.say(`HTTP/1.1 403 Forbidden\r\n${CLOSES}no`);
  else if (path === "/plain") connection.say(`HTTP/1.1 200 OK\r\n${CLOSES}ok`);
  else await echo(connection, path === "/lie");
});

async function echo(connection: Recorded, lies: boolean): Promise<void> {
  const key = /sec-websocket-key: *(\S+)/i.exec(connection.text)?.[1] ?? "";
  const accept = createHash("sha1")
    .update(`${lies ? "" : key}${GUID}`)
    .digest("base64");
  connection.say(
    `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}${HEAD_END}`,
  );
  for (let from = connection.text.indexOf(HEAD_END) + HEAD_END.length; ; ) {
    await connection.until(({ text }) => text.length >= from + MASKED_HELLO.length);
    from += MASKED_HELLO.length;
    connection.say(unmasked(connection.text.slice(from - MASKED_HELLO.length, from)));
  }
}

function unmasked(frame: string): string {
  const bytes = Buffer.from(frame, "latin1");
  const text = bytes.subarray(6).map((byte, index) => byte ^ (bytes[2 + (index % 4)] ?? 0));
  return `\x81${String.fromCharCode(text.length)}${Buffer.from(text).toString("latin1")}`;
}

const start = share({
  hosts: `
  chat.localhost: ${backend.port}`,
});
let latchkey: Latchkey;
beforeEach(async () => {
  latchkey = await start();
  await latchkey.event("certificate.swapped", ({ host }) => host === "chat.localhost");
});
after(async () => {
  await backend[Symbol.asyncDispose]();
});

const asks = (path: string) =>
  `GET ${path} HTTP/1.1\r\nHost: chat.localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${KEY}${HEAD_END}`;

/** A client that asked for a WebSocket, and the backend's end. */
async function openChat(path: string, more = ""): Promise<[RawClient, Recorded]> {
  const index = backend.connections.length;
  const client = await openRaw(latchkey, "chat.localhost");
  client.say(asks(path) + more);
  return [client, await backend.connection(index)];
}

test("frames go both ways after a 101, as they are", async () => {
  const [client, server] = await openChat("/echo");
  await client.has(HEAD_END);
  assert.match(client.text, /^HTTP\/1\.1 101 Switching Protocols\r\n/);
  assert.match(client.text, /\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK\+xOo=\r\n/);
  for (let round = 1; round <= 3; round += 1) {
    client.say(MASKED_HELLO);
    await client.until(({ text }) => text.split(HELLO).length === round + 1);
  }
  client.socket.end();
  await server.until(({ isEnded }) => isEnded);
  server.socket.end();
  await client.finished();
});

test("a frame that comes with the request is not lost", async () => {
  const [client, server] = await openChat("/echo", MASKED_HELLO);
  await client.has(HELLO);
  server.socket.end("\x88\x00");
  await client.finished();
  assert.ok(client.text.endsWith("\x88\x00"));
});

test("a refusal is passed on, and the connection ends", async () => {
  using client = (await openChat("/refuse"))[0];
  client.say(asks("/echo"));
  assert.match(await client.finished(), /^HTTP\/1\.1 403 Forbidden\r\n.*\r\nno$/s);
  assert.deepEqual(client.statuses, [403]);
});

test("a backend that does not switch answers as to any request", async () => {
  using client = (await openChat("/plain"))[0];
  assert.match(await client.finished(), /^HTTP\/1\.1 200 OK\r\n.*\r\nok$/s);
});

test("a 101 that does not prove that the request was read is a 502", async () => {
  using client = (await openChat("/lie"))[0];
  await client.finished();
  assert.deepEqual(client.statuses, [502]);
});

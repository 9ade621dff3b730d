import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { test } from "node:test";
import { heldBytes } from "../support/held-bytes.ts";
import { RawClient } from "../support/raw-client.ts";
import type { Recorded } from "../support/recorded.ts";
import { get, RelayScene } from "../support/relay-world.ts";
import { turns } from "../support/ticks.ts";

const GB = 1_000_000_000;
const HELD_MAX = 256 * 1_024;
const PIECE = Buffer.alloc(65_536, "x");
/** Of a dead backend's end to its client, as a rule. */
const CLOSED_MAX_MS = 100;
const ROUNDS = 20;

const HANDSHAKE = get(
  "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n",
);
const SWITCH =
  "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

async function accept(connection: Recorded): Promise<void> {
  await connection.head();
  connection.say(SWITCH);
}

/** Writes so many bytes as fast as they are taken. */
async function flood(socket: Socket, bytes: number): Promise<void> {
  for (let left = bytes; left > 0; left -= PIECE.length) {
    const piece = left < PIECE.length ? PIECE.subarray(0, left) : PIECE;
    if (!socket.write(piece)) await once(socket, "drain");
  }
}

/** A client that counts what comes, and keeps nothing of it. */
class Counting {
  readonly socket: Socket;
  received = 0;
  #reads = true;
  #wake: () => void = () => undefined;

  constructor(port: number) {
    const callback = (length: number) => {
      this.received += length;
      this.#wake();
      return this.#reads;
    };
    const onread = { buffer: Buffer.alloc(65_536), callback };
    this.socket = connect({ port, host: "127.0.0.1", onread });
  }

  async has(bytes: number): Promise<void> {
    while (this.received < bytes)
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
  }

  pause(): void {
    this.#reads = false;
  }

  resume(): void {
    this.#reads = true;
    this.socket.resume();
  }
}

test("B10: a gigabyte passes through a WebSocket one way, and while its client reads nothing little of it is held", async (t) => {
  await using scene = await RelayScene.start(accept);
  const client = new Counting(scene.world.port);
  client.socket.write(HANDSHAKE);
  const { socket } = await scene.backend.connection(0);
  await client.has(1);
  const head = client.received;
  const before = await heldBytes();
  const startedAt = performance.now();
  const flooding = flood(socket, GB);
  await client.has(GB / 2);
  client.pause();
  for (let written = -1; written !== socket.bytesWritten; ) {
    written = socket.bytesWritten;
    await turns(500);
  }
  const held = (await heldBytes()) - before;
  t.diagnostic(`${Math.round(held / 1_024)} KiB are held`);
  assert.ok(held <= HELD_MAX, `${held} bytes`);
  assert.ok(client.received < GB);
  client.resume();
  await flooding;
  await client.has(head + GB);
  t.diagnostic(`${Math.round(performance.now() - startedAt)} ms`);
  client.socket.destroy();
});

for (const [how, leave] of [
  ["resets its connection", (socket: Socket) => socket.resetAndDestroy()],
  ["ends it", (socket: Socket) => socket.end()],
] as const) {
  test(`B10: when the backend of a WebSocket ${how}, its client knows it within ${CLOSED_MAX_MS} ms`, async () => {
    await using scene = await RelayScene.start(accept);
    const took: number[] = [];
    for (let round = 0; round < ROUNDS; round += 1) {
      using client = await RawClient.connect(scene.world.port);
      client.say(HANDSHAKE);
      await client.has("\r\n\r\n");
      const { socket } = await scene.backend.connection(round);
      const startedAt = performance.now();
      leave(socket);
      await client.finished();
      took.push(performance.now() - startedAt);
    }
    took.sort((one, other) => one - other);
    assert.ok((took[ROUNDS / 2] ?? Number.NaN) <= CLOSED_MAX_MS, took.map(Math.round).join(" "));
  });
}

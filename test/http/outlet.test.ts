import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { test } from "node:test";
import { limits } from "../../src/config/limits.ts";
import { Outlet } from "../../src/http/outlet.ts";
import { listenAnywhere } from "../support/tls-door.ts";

/** What the other side has read when everything is said. */
async function said(say: (outlet: Outlet, socket: Socket) => void): Promise<Buffer> {
  const server = createServer();
  const port = await listenAnywhere(server);
  const socket = connect(port, "127.0.0.1");
  const [[peer]] = await Promise.all([once(server, "connection"), once(socket, "connect")]);
  const outlet = new Outlet();
  outlet.open(socket);
  say(outlet, socket);
  outlet.flush();
  await new Promise((resolve) => setImmediate(resolve)); // the turn is over
  socket.end();
  const pieces: Buffer[] = await Array.fromAsync(peer);
  server.close();
  return Buffer.concat(pieces);
}

/** No two bytes of it that are near each other are alike. */
function bytesOf(length: number, seed: number): Buffer {
  const bytes = Buffer.alloc(length);
  for (let index = 0; index < length; index += 1) bytes[index] = (index * 7 + seed) % 251;
  return bytes;
}

const SIZES = [
  0,
  1,
  limits.joinMaxBytes,
  limits.joinMaxBytes + 1,
  16_384,
  limits.bufferMaxBytes,
  limits.bufferMaxBytes + limits.headRoomBytes,
  200_000,
];

for (const isLent of [true, false]) {
  for (const size of SIZES) {
    test(`what is said around ${size} ${isLent ? "lent" : "own"} bytes arrives whole and in order`, async () => {
      for (const head of ["", "h", "h".repeat(limits.headRoomBytes + 1)]) {
        const expected: Buffer[] = [];
        const arrived = await said((outlet) => {
          for (const seed of [1, 2, 3]) {
            const bytes = bytesOf(size + 20, seed);
            expected.push(Buffer.from(head), Buffer.from(bytes.subarray(10, 10 + size)));
            outlet.say(head);
            outlet.pass(bytes, 10, 10 + size, isLent);
            if (isLent) bytes.fill(0); // whoever lent them goes on with them
            outlet.say("\r\n");
            expected.push(Buffer.from("\r\n"));
          }
        });
        assert.ok(arrived.equals(Buffer.concat(expected)), `behind ${head.length} bytes`);
      }
    });
  }
}

test("a head and a large piece behind it are one write", async () => {
  let written = 0;
  await said((outlet, socket) => {
    const write = socket._write.bind(socket);
    socket._write = (...args) => {
      written += 1;
      write(...args);
    };
    outlet.say("HTTP/1.1 200 OK\r\n\r\n");
    outlet.pass(bytesOf(limits.bufferMaxBytes, 1), 0, limits.bufferMaxBytes, true);
    outlet.say("\r\n");
  });
  assert.equal(written, 1);
});

/** How many bytes each system call takes of `count` pieces of our own, that come in one turn. */
async function callsFor(count: number, isReleased: boolean): Promise<number[]> {
  const calls: number[] = [];
  await said((outlet, socket) => {
    const write = socket._write.bind(socket);
    const writev = socket._writev?.bind(socket);
    socket._write = (chunk: Buffer, ...rest) => {
      calls.push(chunk.length);
      write(chunk, ...rest);
    };
    socket._writev = (chunks, done) => {
      calls.push(chunks.reduce((sum, { chunk }) => sum + chunk.length, 0));
      writev?.(chunks, done);
    };
    for (let piece = 0; piece < count; piece += 1)
      outlet.pass(bytesOf(PIECE_BYTES, piece), 0, PIECE_BYTES, false);
    assert.deepEqual(calls, count > 3 ? [3 * PIECE_BYTES] : [], "before the turn is over");
    if (isReleased) outlet.release();
  });
  return calls;
}

const PIECE_BYTES = 16_384;

test("pieces of our own that come in one turn leave by one call, and no more of them wait than there is room for", async () => {
  assert.deepEqual(await callsFor(3, false), [3 * PIECE_BYTES]);
  assert.deepEqual(await callsFor(3, true), [3 * PIECE_BYTES]);
  assert.deepEqual(await callsFor(5, false), [3 * PIECE_BYTES, 2 * PIECE_BYTES]);
});

test("what was not written is taken back, and what was is not", async () => {
  const arrived = await said((outlet) => {
    outlet.mark();
    outlet.say("a head");
    outlet.pass(bytesOf(20_000, 1), 0, 20_000, true);
    assert.ok(outlet.takeBack());
    outlet.say("another one");
    outlet.flush();
    assert.ok(!outlet.takeBack());
  });
  assert.equal(arrived.toString("latin1"), "another one");
});

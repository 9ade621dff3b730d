import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { test } from "node:test";
import { limits } from "../../src/config/limits.ts";
import { Outlet } from "../../src/http/outlet.ts";
import { listenAnywhere } from "../support/tls-door.ts";

/** What the other side has read when everything is said. */
async function said(
  say: (outlet: Outlet, socket: Socket) => void,
  isFlushed = true,
): Promise<Buffer> {
  const server = createServer();
  const port = await listenAnywhere(server);
  const socket = connect(port, "127.0.0.1");
  const [[peer]] = await Promise.all([once(server, "connection"), once(socket, "connect")]);
  const outlet = new Outlet();
  outlet.open(socket);
  say(outlet, socket);
  if (isFlushed) outlet.flush();
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

for (const size of SIZES) {
  test(`what is said around ${size} bytes arrives whole and in order`, async () => {
    for (const head of ["", "h", "h".repeat(limits.headRoomBytes + 1)]) {
      const expected: Buffer[] = [];
      const arrived = await said((outlet, socket) => {
        socket.cork(); // all of it waits
        for (const seed of [1, 2, 3]) {
          const bytes = bytesOf(size + 20, seed);
          expected.push(Buffer.from(head), Buffer.from(bytes.subarray(10, 10 + size)));
          outlet.say(head);
          outlet.pass(bytes, 10, 10 + size);
          bytes.fill(0); // whoever lent them goes on with them
          outlet.say("\r\n");
          expected.push(Buffer.from("\r\n"));
        }
      });
      assert.ok(arrived.equals(Buffer.concat(expected)), `behind ${head.length} bytes`);
    }
  });
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
    outlet.pass(bytesOf(limits.bufferMaxBytes, 1), 0, limits.bufferMaxBytes);
    outlet.say("\r\n");
  });
  assert.equal(written, 1);
});

const PIECE_BYTES = 16_384;

/** How many bytes each write takes of pieces that come in one turn: before it is over, and then. */
async function writesOf(pieces: number, bytes: number): Promise<readonly number[][]> {
  const writes: number[] = [];
  let atOnce: number[] = [];
  await said((outlet, socket) => {
    const write = socket._write.bind(socket);
    socket._write = (chunk: Buffer | string, ...rest) => {
      writes.push(chunk.length);
      write(chunk, ...rest);
    };
    for (let piece = 0; piece < pieces; piece += 1) {
      outlet.pass(bytesOf(bytes, piece), 0, bytes);
      assert.ok(outlet.flushSoon());
    }
    atOnce = [...writes];
  }, false);
  return [atOnce, writes.slice(atOnce.length)];
}

test("pieces that come in one turn leave by one write, and no more of them wait than there is room for", async () => {
  assert.deepEqual(await writesOf(3, PIECE_BYTES), [[], [3 * PIECE_BYTES]]);
  assert.deepEqual(await writesOf(5, PIECE_BYTES), [[4 * PIECE_BYTES], [PIECE_BYTES]]);
  assert.deepEqual(await writesOf(100, 1_000), [[66_000], [34_000]]);
});

test("what was left to the end of a turn is forgotten with its request", async () => {
  const arrived = await said((outlet, socket) => {
    outlet.say("the last request");
    outlet.flushSoon();
    outlet.shut();
    outlet.open(socket);
    outlet.say("the next one");
  });
  assert.equal(arrived.toString("latin1"), "the next one");
});

test("what was not written is taken back, and what was is not", async () => {
  const arrived = await said((outlet) => {
    outlet.mark();
    outlet.say("a head");
    outlet.pass(bytesOf(20_000, 1), 0, 20_000);
    assert.ok(outlet.takeBack());
    outlet.say("another one");
    outlet.flush();
    assert.ok(!outlet.takeBack());
  });
  assert.equal(arrived.toString("latin1"), "another one");
});

test("what was taken back leaves its room to others alone", async () => {
  const [mine, theirs] = [bytesOf(20_000, 1), bytesOf(20_000, 2)];
  const arrived = await said((outlet) => {
    outlet.pass(mine, 0, mine.length);
    outlet.takeBack();
    outlet.pass(mine, 0, mine.length);
    const another = new Outlet();
    another.pass(theirs, 0, theirs.length);
    another.shut();
  });
  assert.ok(arrived.equals(mine));
});

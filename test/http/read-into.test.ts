import assert from "node:assert/strict";
import { once } from "node:events";
import net, { type Socket } from "node:net";
import { test } from "node:test";
import tls, { type TLSSocket } from "node:tls";
import { readInto } from "../../src/http/socket-handle.ts";
import { makeCertificate } from "../support/certificates.ts";
import { authority, connectTls, listenAnywhere } from "../support/tls-door.ts";

const HOST = "shop.example";
const pair = makeCertificate({ names: [HOST], issuer: authority });
const BUFFER_BYTES = 16_384;

interface Shaken extends Disposable {
  readonly client: TLSSocket;
  readonly server: TLSSocket;
}

/** TLS over a socket that was there before, as behind a peek. */
async function shake(): Promise<Shaken> {
  const secure = tls.createServer({ cert: pair.chain, key: pair.key });
  const listener = net.createServer({ allowHalfOpen: true }, (socket) => {
    socket.once("data", (hello: Buffer) => {
      socket.pause();
      socket.unshift(hello);
      secure.emit("connection", socket);
    });
  });
  const port = await listenAnywhere(listener);
  const secured = once(secure, "secureConnection") as Promise<[TLSSocket]>;
  const [client, [server]] = await Promise.all([connectTls(port, HOST), secured]);
  listener.close();
  const destroy = () => {
    client.destroy();
    server.destroy();
  };
  return { client, server, [Symbol.dispose]: destroy };
}

/** What comes: `read` into the buffer, or `told` by events. */
function collect(socket: Socket): { readonly read: Buffer[]; readonly told: Buffer[] } {
  const buffer = Buffer.alloc(BUFFER_BYTES);
  const read: Buffer[] = [];
  const told: Buffer[] = [];
  const isTaken = readInto(socket, buffer, (length) => {
    read.push(Buffer.from(buffer.subarray(0, length)));
    buffer.fill(0);
  });
  assert.ok(isTaken, "this Node keeps its buffers elsewhere: see readInto");
  socket.on("data", (bytes: Buffer) => void told.push(bytes));
  return { read, told };
}

/** Bytes of which no piece is like another. */
function sample(length: number): Buffer {
  return Buffer.from(Array.from({ length }, (_, index) => (index * 31 + (index >> 8)) % 256));
}

test("TLS on a socket that was there before reads into a buffer of ours, to its end", async () => {
  using shaken = await shake();
  const { read, told } = collect(shaken.server);
  const bytes = sample(300_000);
  shaken.client.end(bytes);
  await once(shaken.server, "end");
  assert.ok(Buffer.concat(read).equals(bytes));
  assert.deepEqual(told, []);
});

test("What was read before comes by events, and first", async () => {
  using shaken = await shake();
  const { client, server } = shaken;
  client.write("before");
  while (server.readableLength < 6) await new Promise(setImmediate);
  const { read, told } = collect(server);
  client.end("behind");
  await once(server, "end");
  assert.deepEqual([`${Buffer.concat(told)}`, `${Buffer.concat(read)}`], ["before", "behind"]);
});

test("A pause stops reading into the buffer, and a resume goes on with it", async () => {
  using shaken = await shake();
  const { client, server } = shaken;
  const buffer = Buffer.alloc(BUFFER_BYTES);
  const read: Buffer[] = [];
  readInto(server, buffer, (length) => {
    read.push(Buffer.from(buffer.subarray(0, length)));
    server.pause();
  });
  server.resume();
  const bytes = sample(2_000_000);
  client.end(bytes);
  await once(server, "pause");
  const heldUp = read.length;
  for (let turn = 0; turn < 50; turn += 1) await new Promise(setImmediate);
  // What one read of the carrier brought is told to its end.
  assert.ok(read.length - heldUp <= 1, `${read.length - heldUp} reads while it was paused`);
  server.on("pause", () => setImmediate(() => server.resume()));
  server.resume();
  await once(server, "end");
  assert.ok(Buffer.concat(read).equals(bytes));
});

test("A socket that is gone reads into nothing", () => {
  const socket = new net.Socket();
  socket.destroy();
  assert.equal(
    readInto(socket, Buffer.alloc(1), () => {}),
    false,
  );
});

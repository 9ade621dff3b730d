import assert from "node:assert/strict";
import { once } from "node:events";
import net, { type Socket } from "node:net";
import { test } from "node:test";
import tls, { type TLSSocket } from "node:tls";
import { Deadlines } from "../../src/backend/deadlines.ts";
import { type ClientListener, ClientSocket } from "../../src/http/client-socket.ts";
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

/** What may be done to a socket from within a read of it. */
const deeds: Readonly<Record<string, (socket: Socket) => void>> = {
  "writes a little": (socket) => socket.write("hello"),
  "writes more than is taken": (socket) => socket.write(sample(400_000)),
  "writes in several pieces": (socket) => {
    socket.cork();
    for (const piece of ["one", "two", "three"]) socket.write(piece);
    socket.uncork();
  },
  pauses: (socket) => {
    socket.pause();
    setImmediate(() => socket.resume());
  },
  "pauses and resumes": (socket) => socket.pause().resume(),
  reads: (socket) => socket.read(0),
  ends: (socket) => socket.end(),
  "destroys the socket": (socket) => socket.destroy(),
};

/** The last of what the carrier brought: where our side ends, OpenSSL throws away what it holds and was not read. */
const LAST = ["ends", "destroys the socket"];

for (const [name, act] of Object.entries(deeds)) {
  test(`No read comes within a read that ${name}, though the next records are there`, async () => {
    using shaken = await shake();
    const { client, server } = shaken;
    client.setMaxSendFragment(512);
    client.on("error", () => undefined).resume();
    server.allowHalfOpen = true;
    const depths: number[] = [];
    let depth = 0;
    readInto(server, Buffer.alloc(BUFFER_BYTES), () => {
      depth += 1;
      depths.push(depth);
      act(server);
      depth -= 1;
    });
    server.resume();
    client.end(sample(8_000));
    await Promise.race([once(server, "end"), once(server, "close")]);
    assert.equal(Math.max(...depths), 1);
    if (!LAST.includes(name)) assert.ok(depths.length > 10, `${depths.length} reads`);
  });
}

test("A client's socket writes nothing where there is nothing, since that would read within a read", async () => {
  using shaken = await shake();
  const { client, server } = shaken;
  client.setMaxSendFragment(512);
  const heard: string[] = [];
  const listener: ClientListener = {
    clientRead: () => {
      heard.push("read");
      socket.write(Buffer.alloc(0));
      heard.push("done");
    },
    clientEnded: () => socket.destroy(),
    clientDrained: () => {},
    clientClosed: () => {},
  };
  const socket = new ClientSocket(server, listener, new Deadlines());
  client.end(sample(8_000));
  await once(server, "close");
  assert.ok(heard.length > 20, `${heard.length / 2} reads`);
  assert.ok(heard.every((what, at) => what === (at % 2 === 0 ? "read" : "done")));
});

test("A socket that is gone reads into nothing", () => {
  const socket = new net.Socket();
  socket.destroy();
  assert.equal(
    readInto(socket, Buffer.alloc(1), () => {}),
    false,
  );
});

import assert from "node:assert/strict";
import type { Socket } from "node:net";
import { test } from "node:test";
import { peek } from "../../src/connection/peek.ts";
import { CAPTURED_NAME, capturedHellos, inRecords, makeHello } from "../support/hello-bytes.ts";
import { connectPair, hasRead } from "../support/socket-pair.ts";

const curl = capturedHellos.get("curl") ?? Buffer.alloc(0);
const node = capturedHellos.get("node") ?? Buffer.alloc(0);
const eventsOfPeek = ["data", "end", "close"] as const;

for (const [client, hello] of capturedHellos) {
  test(`peek reads the hello of ${client} in any two segments, and gives all of it back`, async () => {
    using pair = await connectPair();
    for (let cut = 1; cut < hello.length; cut += 1) {
      const before = pair.server.bytesRead;
      const peeked = peek(pair.server);
      pair.client.write(hello.subarray(0, cut));
      await hasRead(pair.server, before + cut);
      pair.client.write(hello.subarray(cut));
      const read = await peeked;
      assert.equal(read.kind === "complete" && read.serverName, CAPTURED_NAME, `cut at ${cut}`);
      assert.deepEqual(given(pair.server), hello, `cut at ${cut}`);
    }
  });
}

test("peek leaves a paused socket without listeners of its own", async () => {
  using pair = await connectPair();
  const counts = () => eventsOfPeek.map((event) => pair.server.listenerCount(event));
  const before = counts();
  const peeked = peek(pair.server);
  pair.client.write(curl);
  await peeked;
  assert.deepEqual(counts(), before);
  assert.equal(pair.server.isPaused(), true);
  assert.equal(pair.server.readableLength, curl.length);
});

test("peek gives back what follows the hello too, in order", async () => {
  using pair = await connectPair();
  const peeked = peek(pair.server);
  const all = Buffer.concat([curl, Buffer.from("early data")]);
  pair.client.write(all);
  await peeked;
  await hasRead(pair.server, all.length);
  pair.client.write("more");
  await hasRead(pair.server, all.length + 4);
  const given = [pair.server.read(), pair.server.read()] as Buffer[];
  assert.deepEqual(Buffer.concat(given), Buffer.concat([all, Buffer.from("more")]));
});

test("peek reads a hello of 16 KiB that comes byte by byte", async () => {
  using pair = await connectPair();
  const name = Buffer.from("shop.example");
  const filler = 16_384 - makeHello().length - 4;
  const large = inRecords(
    makeHello({
      extensions: [
        Buffer.concat([Buffer.of(0, 0, 0, 17, 0, 15, 0, 0, 12), name]),
        Buffer.concat([Buffer.of(0, 21, filler >> 8, filler & 255), Buffer.alloc(filler)]),
      ],
    }),
    1_000,
  );
  const peeked = peek(pair.server);
  // Each byte as a chunk of its own, without waiting for the network each time.
  for (const byte of large) pair.server.emit("data", Buffer.of(byte));
  const read = await peeked;
  assert.equal(read.kind === "complete" && read.serverName, CAPTURED_NAME);
  assert.deepEqual(given(pair.server), large);
});

test("peek gives a hello back in pieces that each leave room in Node's first buffer for TLS", async () => {
  using pair = await connectPair();
  const peeked = peek(pair.server);
  pair.client.write(node);
  assert.ok(node.length > 1_024, `${node.length} bytes`);
  await peeked;
  for (const piece of pieces(pair.server)) assert.ok(piece.length < 1_024, `${piece.length} bytes`);
});

/** What was given back, in the pieces in which Node's TLS reads it. */
function pieces(socket: Socket): Buffer[] {
  const read: Buffer[] = [];
  for (let piece = socket.read(); piece !== null; piece = socket.read()) read.push(piece);
  return read;
}

function given(socket: Socket): Buffer {
  return Buffer.concat(pieces(socket));
}

test("peek tells plain HTTP and noise, and gives them back", async () => {
  for (const [bytes, kind] of [
    ["GET / HTTP/1.1\r\n", "plain-http"],
    ["\0\0\0", "malformed"],
  ] as const) {
    using pair = await connectPair();
    const peeked = peek(pair.server);
    pair.client.write(bytes);
    assert.equal((await peeked).kind, kind);
    assert.equal(pair.server.read().toString(), bytes);
  }
});

test("peek ends when the client leaves, or ends before it said anything", async () => {
  for (const [leave, bytes] of [
    ["end", 0],
    ["resetAndDestroy", 0],
    ["resetAndDestroy", 100],
  ] as const) {
    using pair = await connectPair();
    const peeked = peek(pair.server);
    pair.client.write(curl.subarray(0, bytes));
    await hasRead(pair.server, bytes);
    pair.client[leave]();
    assert.deepEqual(await peeked, { kind: "closed" });
  }
});

test("peek takes a hello that ends in its middle for malformed", async () => {
  using pair = await connectPair();
  const peeked = peek(pair.server);
  pair.client.end(curl.subarray(0, 100));
  assert.deepEqual(await peeked, { kind: "malformed", why: "it ends in its middle" });
});

test("peek ends when somebody destroys the socket, before or meanwhile", async () => {
  using pair = await connectPair();
  const peeked = peek(pair.server);
  pair.server.destroy();
  assert.deepEqual(await peeked, { kind: "closed" });
  assert.deepEqual(await peek(pair.server), { kind: "closed" });
});

test("T1: peek waits five seconds, however often a byte comes", async (context) => {
  using pair = await connectPair();
  context.mock.timers.enable({ apis: ["setTimeout"] });
  const peeked = peek(pair.server);
  for (let second = 1; second < 5; second += 1) {
    pair.client.write(curl.subarray(second - 1, second));
    await hasRead(pair.server, second);
    context.mock.timers.tick(1_000);
  }
  context.mock.timers.tick(1_000);
  assert.deepEqual(await peeked, { kind: "timed-out" });
  assert.equal(pair.server.destroyed, false);
});

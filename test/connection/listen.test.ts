import assert from "node:assert/strict";
import { once } from "node:events";
import net, { type Socket } from "node:net";
import { test } from "node:test";
import { Counts, PLACES, REFUSALS } from "../../src/base/counts.ts";
import { listen, OpenConnections } from "../../src/connection/listen.ts";
import { socketEnds } from "../../src/connection/socket-ends.ts";
import { connectRaw, received } from "../support/tls-door.ts";

const never = new AbortController().signal;

/** Listens on a descriptor that is bound elsewhere, as a worker does. */
async function listenOnBound(
  open: OpenConnections,
  onConnection: (socket: Socket) => void,
  host = "127.0.0.1",
) {
  const bound = new net.BoundSocket({ host, port: 0 });
  const listening = await listen(bound.fd(), open, onConnection);
  const port = bound.address().port ?? 0;
  return { port, close: listening.close, [Symbol.dispose]: listening.close };
}

test("listen accepts from an inherited descriptor and counts what is open", async () => {
  const open = new OpenConnections();
  using door = await listenOnBound(open, (socket) => socket.end("welcome"));
  const socket = await connectRaw(door.port);
  assert.equal((await received(socket)).toString(), "welcome");
  assert.equal(open.size, 1);
  socket.end();
  await open.drain(60_000, never);
  assert.equal(open.size, 0);
});

test("an accepted socket may be half open and survives an error without a listener of its owner", async () => {
  const open = new OpenConnections();
  const accepted = Promise.withResolvers<Socket>();
  using door = await listenOnBound(open, accepted.resolve);
  const client = await connectRaw(door.port);
  const socket = await accepted.promise;
  assert.equal(socket.allowHalfOpen, true);
  const closed = new Promise((resolve) => socket.once("close", resolve));
  socket.resume();
  client.resetAndDestroy();
  await closed;
  assert.equal(open.size, 0);
});

test("one connection too many is closed at once and counted", async () => {
  const counts = new Counts([]);
  const open = new OpenConnections(2, undefined, counts);
  let served = 0;
  using door = await listenOnBound(open, () => {
    served += 1;
  });
  const first = await connectRaw(door.port);
  const second = await connectRaw(door.port);
  const third = await connectRaw(door.port);
  assert.equal((await received(third)).length, 0);
  assert.deepEqual([served, open.size, open.refused], [2, 2, 1]);
  const { totals, connectionsOpen } = counts.take();
  assert.deepEqual([connectionsOpen, totals[PLACES.accepted]], [2, 2]);
  assert.equal(totals[PLACES.refusals + REFUSALS.indexOf("TOO_MANY_CONNECTIONS")], 1);
  for (const socket of [first, second, third]) socket.destroy();
});

test("a closed listener accepts nothing more, and what is open stays", async () => {
  const open = new OpenConnections();
  using door = await listenOnBound(open, (socket) => void socket.pipe(socket));
  const socket = await connectRaw(door.port);
  socket.write("before");
  await once(socket, "data");
  door.close();
  door.close();
  await assert.rejects(connectRaw(door.port), { code: "ECONNREFUSED" });
  socket.write("after");
  assert.equal(String((await once(socket, "data"))[0]), "after");
  socket.destroy();
});

test("drain waits for open connections and cuts what is left at the deadline", async (context) => {
  const open = new OpenConnections();
  const accepted: Socket[] = [];
  using door = await listenOnBound(open, (socket) => void accepted.push(socket.resume()));
  const clients = [await connectRaw(door.port), await connectRaw(door.port)];
  while (accepted.length < 2) await new Promise((resolve) => setImmediate(resolve));
  context.mock.timers.enable({ apis: ["setTimeout"] });
  const drained = open.drain(30_000, never);
  accepted[0]?.destroy();
  context.mock.timers.tick(29_999);
  assert.equal(accepted[1]?.destroyed, false);
  context.mock.timers.tick(1);
  await drained;
  assert.equal(accepted[1]?.destroyed, true);
  for (const client of clients) client.destroy();
});

test("drain ends at once when nothing is open, and when it is told to stop waiting", async () => {
  const open = new OpenConnections();
  await open.drain(60_000, never);
  using door = await listenOnBound(open, () => undefined);
  const client = await connectRaw(door.port);
  while (open.size === 0) await new Promise((resolve) => setImmediate(resolve));
  await open.drain(60_000, AbortSignal.abort());
  assert.equal(open.size, 0);
  client.destroy();
});

test("a descriptor that is no socket is refused", async () => {
  await assert.rejects(
    listen(9_999, new OpenConnections(), () => undefined),
    { code: "LISTEN_FAILED" },
  );
});

test("an IPv4 client of an IPv6 socket has its IPv4 address", async () => {
  const accepted = Promise.withResolvers<string | undefined>();
  const onConnection = (socket: Socket) => {
    accepted.resolve(socketEnds(socket)?.source.address);
    socket.end();
  };
  using door = await listenOnBound(new OpenConnections(), onConnection, "::");
  const client = await connectRaw(door.port);
  assert.equal(await accepted.promise, "127.0.0.1");
  client.destroy();
});

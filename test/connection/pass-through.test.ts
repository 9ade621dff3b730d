import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import net, { type Socket } from "node:net";
import { test } from "node:test";
import tls from "node:tls";
import { writeProxyHeader } from "../../src/backend/proxy-header.ts";
import { parseIpAddress } from "../../src/base/ip-address.ts";
import { readProxyHeader } from "../../src/connection/proxy-protocol.ts";
import { makeCertificate } from "../support/certificates.ts";
import { deadPort } from "../support/dead-port.ts";
import { startFullListener } from "../support/full-listener.ts";
import {
  alpn,
  CAPTURED_NAME,
  capturedHellos,
  inRecords,
  makeHello,
  serverName,
} from "../support/hello-bytes.ts";
import {
  authority,
  closeServer,
  connectRaw,
  connectTls,
  isEmpty,
  listenAnywhere,
  makeCredential,
  makeHost,
  openDoor,
  received,
  storedCredentials,
  tunnelTo,
} from "../support/tls-door.ts";

/** A TCP server of one test, with every socket it has accepted. */
async function startBackend(onConnection: (socket: Socket) => void) {
  const sockets: Socket[] = [];
  const server = net.createServer({ allowHalfOpen: true }, (socket) => {
    sockets.push(socket);
    socket.on("error", () => socket.destroy());
    onConnection(socket);
  });
  const port = await listenAnywhere(server);
  return {
    port,
    sockets,
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      await closeServer(server);
    },
  };
}

const openTunnel = (kind: "tcp" | "pass-through", port: number, timeouts = {}) =>
  openDoor({
    hosts: [makeHost(CAPTURED_NAME, tunnelTo(kind, port, timeouts))],
    sources: storedCredentials(makeCredential(CAPTURED_NAME)),
  });

const hello = capturedHellos.get("openssl") ?? Buffer.alloc(0);

test("a passed-through connection arrives byte for byte, ClientHello first", async () => {
  const arrived = Promise.withResolvers<Buffer>();
  await using backend = await startBackend((socket) => {
    received(socket).then(arrived.resolve, arrived.reject);
    socket.end("bye");
  });
  await using door = await openTunnel("pass-through", backend.port);
  const socket = await connectRaw(door.port);
  const answer = received(socket);
  const rest = randomBytes(300_000);
  socket.write(hello.subarray(0, 100));
  socket.write(hello.subarray(100));
  socket.end(rest);
  assert.deepEqual(await arrived.promise, Buffer.concat([hello, rest]));
  assert.equal((await answer).toString(), "bye");
});

test("a passed-through connection is secured by the backend's own certificate", async () => {
  const { chain, key } = makeCertificate({ names: [CAPTURED_NAME], issuer: authority });
  const server = tls.createServer({ cert: chain, key }, (socket) => void socket.end("from behind"));
  const port = await listenAnywhere(server);
  await using door = await openTunnel("pass-through", port);
  const socket = await connectTls(door.port, CAPTURED_NAME);
  assert.equal((await received(socket)).toString(), "from behind");
  await closeServer(server);
});

test("a validator's connection for a passed-through host is the backend's to answer", async () => {
  const arrived = Promise.withResolvers<Buffer>();
  await using backend = await startBackend((socket) => socket.once("data", arrived.resolve));
  await using door = await openTunnel("pass-through", backend.port);
  const bytes = inRecords(
    makeHello({ extensions: [serverName(CAPTURED_NAME), alpn("acme-tls/1")] }),
  );
  const socket = await connectRaw(door.port);
  socket.write(bytes);
  assert.deepEqual(await arrived.promise, bytes);
  socket.destroy();
});

test("a tcp host gets the plaintext, and its answer goes back encrypted", async () => {
  await using backend = await startBackend((socket) => void socket.pipe(socket));
  await using door = await openTunnel("tcp", backend.port);
  const socket = await connectTls(door.port, CAPTURED_NAME, { ALPNProtocols: ["mqtt"] });
  assert.equal(socket.authorized, true);
  const sent = randomBytes(500_000);
  const answer = received(socket);
  socket.end(sent);
  assert.equal(digest(await answer), digest(sent));
});

for (const kind of ["tcp", "pass-through"] as const) {
  /** A client that may be half open, and the raw socket under it. */
  const connect = async (port: number) => {
    const raw = await connectRaw(port);
    if (kind === "pass-through") {
      raw.write(hello);
      return { raw, socket: raw };
    }
    const socket = tls.connect({
      socket: raw,
      servername: CAPTURED_NAME,
      ca: authority.certificate,
    });
    socket.on("error", () => socket.destroy());
    await once(socket, "secureConnect");
    return { raw, socket };
  };

  test(`a ${kind} client that has ended still gets its answer`, async () => {
    await using backend = await startBackend((socket) => {
      socket.on("end", () => socket.end("the answer after the end"));
      socket.resume();
    });
    await using door = await openTunnel(kind, backend.port);
    const { socket } = await connect(door.port);
    const answer = received(socket);
    socket.end("the question");
    assert.equal((await answer).toString(), "the answer after the end");
  });

  test(`a ${kind} backend that has ended still hears its client`, async () => {
    const heard = Promise.withResolvers<Buffer>();
    await using backend = await startBackend((socket) => {
      received(socket).then(heard.resolve, heard.reject);
      socket.end("greeting");
    });
    await using door = await openTunnel(kind, backend.port);
    const { socket } = await connect(door.port);
    assert.equal((await received(socket)).toString(), "greeting");
    socket.end("last words");
    assert.match((await heard.promise).toString("latin1"), /last words$/);
  });

  test(`a ${kind} backend that refuses is one line and one closed socket`, async () => {
    await using door = await openTunnel(kind, await deadPort());
    const told = door.nextRefusal();
    const { socket } = await connect(door.port);
    const closed = received(socket);
    assert.equal((await told)["code"], "BACKEND_UNREACHABLE");
    assert.equal((await closed).length, 0);
    socket.destroy();
  });
}

test("a tunnel does not read faster than its slower side", async () => {
  const accepted = Promise.withResolvers<Socket>();
  await using backend = await startBackend((socket) => {
    socket.pause();
    accepted.resolve(socket);
  });
  await using door = await openTunnel("pass-through", backend.port);
  const socket = await connectRaw(door.port);
  socket.write(hello);
  await accepted.promise;
  socket.write(Buffer.alloc(67_108_864));
  const [open] = door.open;
  assert.ok(open !== undefined);
  while (open.readableFlowing !== false) await new Promise((resolve) => setImmediate(resolve));
  // What the kernel holds for both connections is its own affair, and less than half of it all.
  assert.ok(open.bytesRead < 33_554_432);
  assert.ok(open.readableLength <= 131_072);
  socket.destroy();
});

/** A door to a backend that neither takes nor refuses connections. */
const openToNobody = (port: number, connectMs: number) =>
  openDoor({
    hosts: [makeHost(CAPTURED_NAME, tunnelTo("pass-through", port, { connectMs }))],
    sources: storedCredentials(),
  });

test("dialling a backend that does not answer ends after its connect time", async () => {
  await using backend = await startFullListener();
  await using door = await openToNobody(backend.port, 30);
  const told = door.nextRefusal();
  const socket = await connectRaw(door.port);
  socket.write(hello);
  assert.equal((await told)["code"], "BACKEND_UNREACHABLE");
  socket.destroy();
});

test("dialling ends when the client leaves", async () => {
  await using backend = await startFullListener();
  await using door = await openToNobody(backend.port, 60_000);
  const told = door.nextRefusal();
  const socket = await connectRaw(door.port);
  socket.write(hello);
  socket.resetAndDestroy();
  await told;
  await isEmpty(door.open);
});

function digest(bytes: Buffer): string {
  return createHash("sha256").update(bytes).digest("hex");
}

for (const proxyProtocol of ["v1", "v2"] as const) {
  test(`a backend that wants a PROXY header (${proxyProtocol}) gets the client's before the hello`, async () => {
    const arrived = Promise.withResolvers<Buffer>();
    await using backend = await startBackend((socket) => {
      received(socket).then(arrived.resolve, arrived.reject);
      socket.end();
    });
    const terminated = "b.example";
    const action = tunnelTo("pass-through", backend.port);
    assert.ok(action.kind === "pass-through");
    await using door = await openDoor({
      hosts: [makeHost(CAPTURED_NAME, { ...action, proxyProtocol }), makeHost(terminated)],
      sources: storedCredentials(makeCredential(terminated)),
      loadBalancers: ["127.0.0.1"],
    });
    const came = writeProxyHeader("v1", {
      source: { address: address("192.0.2.1"), port: 56_324 },
      destination: { address: address("192.0.2.2"), port: 443 },
    });
    const socket = await connectRaw(door.port);
    socket.end(Buffer.concat([came, hello]));
    const header = readProxyHeader(await arrived.promise);
    assert.ok(header.kind === "proxied");
    assert.deepEqual(header.ends.source, { address: "192.0.2.1", port: 56_324 });
    assert.deepEqual(header.ends.destination, { address: "192.0.2.2", port: 443 });
    assert.deepEqual((await arrived.promise).subarray(header.length), hello);

    const carrier = await connectRaw(door.port);
    carrier.write(came);
    const secured = await connectTls(door.port, terminated, { socket: carrier });
    assert.equal((await received(secured)).toString(), `hello from ${terminated}`);
  });
}

function address(text: string) {
  const parsed = parseIpAddress(text);
  assert.ok(parsed);
  return parsed;
}

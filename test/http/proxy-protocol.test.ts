import assert from "node:assert/strict";
import { createServer, type Server } from "node:net";
import { after, test } from "node:test";
import { createServer as createTlsServer } from "node:tls";
import type { Backend, TcpAddress } from "../../src/config/destination.ts";
import { readProxyHeader } from "../../src/connection/proxy-protocol.ts";
import { RawClient } from "../support/raw-client.ts";
import { answering, OK, Recorder } from "../support/recorder.ts";
import { forwardTo, get, httpBackend, RelayScene, RelayWorld } from "../support/relay-world.ts";
import { authority, closeServer, listenAnywhere, makeCredential } from "../support/tls-door.ts";

/** The port that a client of this machine connects from. */
function ownPort({ socket }: RawClient): number {
  return socket.localPort ?? 0;
}

async function visit(client: RawClient, target: string): Promise<void> {
  const answers = client.statuses.length;
  client.say(get("", target));
  await client.until(({ statuses }) => statuses.length > answers);
}

test("Each client has a connection of its own to a backend that is told whose it is", async () => {
  await using backend = await Recorder.start(answering(OK));
  const action = forwardTo([{ ...httpBackend(backend.port), proxyProtocol: "v1" }]);
  await using world = await RelayWorld.start({ action });
  using one = await RawClient.connect(world.port);
  using other = await RawClient.connect(world.port);
  await visit(one, "/1");
  await visit(other, "/2");
  await visit(one, "/3");
  await visit(other, "/4");
  const seen = backend.connections.map(({ text }) => ({
    header: text.slice(0, text.indexOf("\r\n")),
    targets: [...text.matchAll(/GET (\S+) /g)].map(([, target]) => target),
  }));
  const line = (client: RawClient) =>
    `PROXY TCP4 127.0.0.1 127.0.0.1 ${ownPort(client)} ${world.port}`;
  assert.deepEqual(seen, [
    { header: line(one), targets: ["/1", "/3"] },
    { header: line(other), targets: ["/2", "/4"] },
  ]);
});

test("What a client leaves behind in the pool is nobody else's", async () => {
  await using backend = await Recorder.start(answering(OK));
  const action = forwardTo([{ ...httpBackend(backend.port), proxyProtocol: "v2" }]);
  await using world = await RelayWorld.start({ action });
  for (const target of ["/1", "/2"]) {
    using client = await RawClient.connect(world.port);
    await visit(client, target);
    const { text } = await backend.connection(backend.connections.length - 1);
    const header = readProxyHeader(Buffer.from(text, "latin1"));
    assert.ok(header.kind === "proxied");
    assert.equal(header.ends.source.port, ownPort(client));
    assert.match(text.slice(header.length), new RegExp(`^GET ${target} HTTP/1\\.1\r\n`));
  }
  assert.equal(backend.connections.length, 2);
});

test("A request that is sent once more is introduced again", async () => {
  let count = 0;
  await using scene = await RelayScene.start(async (connection) => {
    count += 1;
    await connection.head();
    connection.say(OK);
    if (count > 1) return;
    await connection.has("GET /2 ");
    connection.socket.destroy(); // as one does whose idle time is over
  });
  const told: Backend = { ...httpBackend(scene.backend.port), proxyProtocol: "v1" };
  await using world = await RelayWorld.start({ action: forwardTo([told]) });
  using client = await RawClient.connect(world.port);
  await visit(client, "/1");
  await visit(client, "/2");
  assert.deepEqual(client.statuses, [200, 200]);
  const [first = "", second = ""] = scene.backend.connections.map(({ text }) => text);
  assert.equal(second.slice(0, second.indexOf("\r\n")), first.slice(0, first.indexOf("\r\n")));
});

/** A TLS server that reads a PROXY header first, as HAProxy's `accept-proxy ssl` does, and keeps it. */
function tlsBehindHeader(headers: string[]): Server {
  const { chain, key } = makeCredential("app.internal");
  const secured = createTlsServer({ cert: chain, key }, (socket) => {
    socket.on("error", () => undefined);
    socket.on("data", () =>
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n${"x".repeat(100_000)}`),
    );
  });
  return createServer((socket) => {
    socket.once("data", (bytes: Buffer) => {
      const end = bytes.indexOf("\r\n") + 2;
      headers.push(bytes.subarray(0, end).toString());
      socket.pause();
      if (end < bytes.length) socket.unshift(bytes.subarray(end));
      secured.emit("connection", socket);
    });
  });
}

test("A backend that speaks TLS gets the header in the clear before it, and by a name too", async () => {
  const headers: string[] = [];
  const server = tlsBehindHeader(headers);
  const port = await listenAnywhere(server);
  after(() => closeServer(server));
  for (const host of ["127.0.0.1", "localhost"]) {
    const action = forwardTo([toldOverTls({ host, port }, "app.internal")]);
    await using world = await RelayWorld.start({ action });
    using client = await RawClient.connect(world.port);
    await visit(client, "/");
    await client.until(({ text }) => text.endsWith("x".repeat(100_000)));
    await visit(client, "/");
    const line = `PROXY TCP4 127.0.0.1 127.0.0.1 ${ownPort(client)} ${world.port}\r\n`;
    assert.deepEqual(headers.splice(0), [line]);
  }
});

test("A backend whose certificate does not verify gets no request, only the header", async () => {
  const headers: string[] = [];
  const server = tlsBehindHeader(headers);
  const port = await listenAnywhere(server);
  after(() => closeServer(server));
  const action = forwardTo([toldOverTls({ host: "127.0.0.1", port }, "other.internal")]);
  await using world = await RelayWorld.start({ action });
  using client = await RawClient.connect(world.port);
  await visit(client, "/");
  assert.deepEqual(client.statuses, [502]);
  assert.equal(headers.length, 1);
});

/** An https backend that is to be told whose connection it is. */
function toldOverTls(address: TcpAddress, serverName: string): Backend {
  return {
    ...{ kind: "https", address, hostHeader: "client", serverName },
    ...{ ca: authority.certificate, verify: true, proxyProtocol: "v1" },
  };
}

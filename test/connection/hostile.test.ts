import assert from "node:assert/strict";
import { once } from "node:events";
import net, { type Socket } from "node:net";
import { test } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { systemClock } from "../../src/base/clock.ts";
import { limits } from "../../src/config/limits.ts";
import { Credentials } from "../../src/connection/credentials.ts";
import { OpenConnections } from "../../src/connection/listen.ts";
import { servePlainHttp } from "../../src/connection/plain-http.ts";
import type { CertificateOutcome } from "../../src/process/certificate-news.ts";
import { inRecords, makeHello } from "../support/hello-bytes.ts";
import { RawClient } from "../support/raw-client.ts";
import type { Recorded } from "../support/recorded.ts";
import { Recorder } from "../support/recorder.ts";
import { SHOP as HOST, openShop } from "../support/shop-door.ts";
import {
  connectRaw,
  connectTls,
  hostname,
  listenAnywhere,
  makeCredential,
  makeHost,
  openDoor,
  received,
  storedCredentials,
} from "../support/tls-door.ts";

const credential = makeCredential(HOST);

/** Answers whose end an HTTP/1.0 client sees in nothing but the end of the connection. */
const cuts: readonly {
  readonly by: string;
  readonly head: string;
  readonly start: string;
  cut(connection: Recorded): void;
}[] = [
  {
    by: "chunks that stop",
    head: "Transfer-Encoding: chunked\r\n\r\n",
    start: "2\r\nab\r\n",
    cut: ({ socket }) => socket.end(),
  },
  {
    by: "a chunk that is none",
    head: "Transfer-Encoding: chunked\r\n\r\n",
    start: "2\r\nab\r\n",
    cut: (connection) => connection.say("zz\r\n"),
  },
  {
    by: "a reset",
    head: "\r\n",
    start: "ab",
    cut: ({ socket }) => socket.resetAndDestroy(),
  },
];
for (const { by, head, start, cut } of cuts) {
  test(`An answer cut by ${by} is a reset to an HTTP/1.0 client over TLS`, async () => {
    await using backend = await Recorder.start();
    await using shop = await openShop(backend.port);
    using client = new RawClient(await connectTls(shop.port, HOST));
    client.say(`GET / HTTP/1.0\r\nHost: ${HOST}\r\n\r\n`);
    const connection = await backend.connection(0);
    await connection.head();
    connection.say(`HTTP/1.1 200 OK\r\n${head}${start}`);
    await client.has("\r\n\r\nab");
    cut(connection);
    await client.until(({ isClosed }) => isClosed);
    assert.equal(client.wasReset, true);
    assert.equal(client.isEnded, false);
  });
}

test("A client that offers http/1.0 alone, as curl --http1.0 does, is spoken to", async () => {
  await using backend = await Recorder.start();
  await using shop = await openShop(backend.port);
  const client = await connectTls(shop.port, HOST, { ALPNProtocols: ["http/1.0"] });
  assert.equal(client.alpnProtocol, "http/1.0");
  client.destroy();
});

test("A connection cut at the deadline of a drain is reset", async (t) => {
  const open = new OpenConnections();
  const server = net.createServer((socket) => void open.admit(socket));
  t.after(() => server.close());
  using client = new RawClient(await connectRaw(await listenAnywhere(server)));
  while (open.size === 0) await new Promise(setImmediate);
  await open.drain(0, new AbortController().signal);
  await client.until(({ isClosed }) => isClosed);
  assert.equal(client.wasReset, true);
});

/** What port 80 answers while policy takes a moment. */
async function plainAnswer(request: string, leave: (client: RawClient) => void): Promise<string> {
  const asked = Promise.withResolvers<void>();
  const policy = Promise.withResolvers<boolean>();
  const services = {
    findChallenge: () => undefined,
    isTrustedProxy: () => false,
    publicHttpsPort: 443,
    now: () => 0,
    isServed: () => {
      asked.resolve();
      return policy.promise;
    },
  };
  const sockets: Socket[] = [];
  const server = net.createServer({ allowHalfOpen: true }, (socket) => {
    sockets.push(socket);
    servePlainHttp(socket, "127.0.0.1", services);
  });
  using client = new RawClient(await connectRaw(await listenAnywhere(server)));
  try {
    client.say(request);
    await Promise.race([asked.promise, client.finished()]);
    const [socket] = sockets;
    leave(client);
    if (client.socket.writableEnded && socket) await once(socket, "end");
    policy.resolve(true);
    return await client.finished();
  } finally {
    for (const socket of sockets) socket.destroy();
    server.close();
  }
}

const REDIRECTED = /^HTTP\/1\.1 308 [\s\S]*\r\nLocation: https:\/\/shop\.example\/a\r\n/;

test("A client of port 80 that ends its side while policy is asked gets its answer", async () => {
  const answer = await plainAnswer(`GET /a HTTP/1.1\r\nHost: ${HOST}\r\n\r\n`, (client) =>
    client.socket.end(),
  );
  assert.match(answer, REDIRECTED);
});

test("A client of port 80 that would rather speak h2c is redirected all the same", async () => {
  const upgrade =
    "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n";
  const answer = await plainAnswer(
    `GET /a HTTP/1.1\r\nHost: ${HOST}\r\n${upgrade}\r\n`,
    () => undefined,
  );
  assert.match(answer, REDIRECTED);
});

test("A client that ends its side while it waits for a certificate gives its place to the next", async () => {
  const asked = Promise.withResolvers<void>();
  const abandoned = Promise.withResolvers<void>();
  const ask = (_host: string, signal: AbortSignal): Promise<CertificateOutcome> => {
    asked.resolve();
    return new Promise((_resolve, reject) => {
      signal.addEventListener("abort", () => {
        abandoned.resolve();
        reject(signal.reason);
      });
    });
  };
  await using door = await openDoor({
    hosts: [makeHost(HOST)],
    sources: { ...storedCredentials(), ask },
  });
  const client = await connectRaw(door.port);
  client.write(inRecords(makeHello()));
  await asked.promise;
  client.end();
  await abandoned.promise;
  assert.equal((await received(client)).length, 0);
  assert.deepEqual(door.refused, []);
});

test("A client that is kept waiting for a certificate gets its handshake then", async () => {
  const asked = Promise.withResolvers<void>();
  const outcome = Promise.withResolvers<CertificateOutcome>();
  const ask = (): Promise<CertificateOutcome> => {
    asked.resolve();
    return outcome.promise;
  };
  await using door = await openDoor({
    hosts: [makeHost(HOST)],
    sources: { ...storedCredentials(), ask },
  });
  const connected = connectTls(door.port, HOST);
  await asked.promise;
  for (let turn = 0; turn < 10; turn += 1) await new Promise(setImmediate);
  outcome.resolve({
    kind: "held",
    credential: { host: hostname(HOST), issuance: 1, ...credential },
  });
  assert.equal((await received(await connected)).toString(), `hello from ${HOST}`);
});

test("What a client sends while it waits for a certificate is held back, not held", async () => {
  const asked = Promise.withResolvers<void>();
  const ask = (): Promise<CertificateOutcome> => {
    asked.resolve();
    return new Promise(() => undefined);
  };
  await using door = await openDoor({
    hosts: [makeHost(HOST)],
    sources: { ...storedCredentials(), ask },
  });
  const client = await connectRaw(door.port);
  client.write(inRecords(makeHello()));
  await asked.promise;
  client.write(Buffer.alloc(32 * 1024 * 1024));
  const [accepted] = door.open;
  for (let before = -1; before !== accepted?.bytesRead; ) {
    before = accepted?.bytesRead ?? 0;
    for (let turn = 0; turn < 200; turn += 1) await new Promise(setImmediate);
  }
  assert.ok((accepted?.bytesRead ?? 0) < 4 * limits.bufferMaxBytes);
  client.destroy();
});

test("A flood of names that are refused is forgotten at once, not when its deadlines are over", async () => {
  setFlagsFromString("--expose-gc");
  const collect: () => void = runInNewContext("gc");
  const ask = async (): Promise<CertificateOutcome> => ({ kind: "refused" });
  let now = 0;
  const clock = { ...systemClock, now: () => now };
  const credentials = new Credentials({ ...storedCredentials(), ask }, clock);
  const route = makeHost("*.shop.example");
  const flood = async (): Promise<number> => {
    for (let count = 0; count < 5_000; count += 1) {
      now += limits.absentNameMs; // a name that was just refused would not be asked about
      const client = new AbortController();
      const obtained = await credentials.obtain(hostname(HOST), route, client.signal);
      assert.equal(obtained.kind, "refused");
    }
    collect();
    return process.memoryUsage().heapUsed;
  };
  const before = await flood();
  assert.ok((await flood()) - before < 2 * 1024 * 1024);
});

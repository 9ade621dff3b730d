import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { createServer, type TLSSocket } from "node:tls";
import type { BackendConnection, BackendUser } from "../../src/backend/connection.ts";
import { Deadlines } from "../../src/backend/deadlines.ts";
import { dial } from "../../src/backend/dial.ts";
import { backendKey } from "../../src/backend/identity.ts";
import { BackendPool } from "../../src/backend/pool.ts";
import { systemNames } from "../../src/backend/system-names.ts";
import type { Backend } from "../../src/config/destination.ts";
import { limits } from "../../src/config/limits.ts";
import { makeAuthority, makeCertificate } from "../support/certificates.ts";
import { portOf, Recorder } from "../support/recorder.ts";
import { httpBackend, httpsBackendOf, KeptLog } from "../support/relay-world.ts";

const nobody: BackendUser = {
  backendConnected: () => {},
  backendRead: () => true,
  backendEnded: () => {},
  backendDrained: () => {},
  backendClosed: () => {},
};

async function connected(backend: Backend): Promise<BackendConnection> {
  const connection = dial(backend, nobody, systemNames(new KeptLog()));
  await once(connection.socket, "connect");
  return connection;
}

test("The connection laid down last is taken first", async () => {
  await using recorder = await Recorder.start();
  const backend = httpBackend(recorder.port);
  const pool = new BackendPool(new Deadlines());
  const [first, second] = [await connected(backend), await connected(backend)];
  pool.keep(first);
  pool.keep(second);
  assert.equal(pool.size, 2);
  assert.equal(pool.take(backend, nobody, ""), second);
  assert.equal(pool.take(backend, nobody, ""), first);
  assert.equal(pool.take(backend, nobody, ""), undefined);
  for (const connection of [first, second]) connection.destroy();
  pool.close();
});

test("Connections of equal backends are shared, those of others are not", async () => {
  await using recorder = await Recorder.start();
  const pool = new BackendPool(new Deadlines());
  pool.keep(await connected(httpBackend(recorder.port)));
  assert.equal(pool.take(httpBackend(recorder.port + 1), nobody, ""), undefined);
  const taken = pool.take(httpBackend(recorder.port), nobody, "");
  assert.ok(taken?.isReused);
  taken.destroy();
  pool.close();
});

for (const [name, act] of [
  ["a byte", "x"],
  ["an end", undefined],
] as const) {
  test(`A resting connection does not survive ${name}`, async () => {
    await using recorder = await Recorder.start();
    const backend = httpBackend(recorder.port);
    const pool = new BackendPool(new Deadlines());
    const connection = await connected(backend);
    pool.keep(connection);
    const { socket } = await recorder.connection(0);
    if (act === undefined) socket.end();
    else socket.write(act);
    await once(connection.socket, "close");
    assert.equal(pool.size, 0);
    assert.equal(pool.take(backend, nobody, ""), undefined);
    pool.close();
  });
}

test("An https connection whose last user stopped it amid the records that came at once reads for the next one", async () => {
  const LENGTH = 48 * 1024; // three records of TLS, in one read
  const authority = makeAuthority();
  const { chain, key } = makeCertificate({ names: ["backend.example"], issuer: authority });
  await using server = createServer({ cert: chain, key }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const backend = httpsBackendOf(portOf(server), authority.certificate);
  const connection = dial(backend, nobody, systemNames(new KeptLog()));
  const [[far]] = await Promise.all([
    once(server, "secureConnection") as Promise<[TLSSocket]>,
    once(connection.socket, "secureConnect"),
  ]);
  const pool = new BackendPool(new Deadlines());
  const kept = new Promise<void>((resolve) => {
    let read = 0;
    connection.lend({
      ...nobody,
      backendRead: (_bytes, length) => {
        read += length;
        if (read === LENGTH) {
          pool.keep(connection);
          resolve();
          return true;
        }
        setImmediate(() => read < LENGTH && connection.resume());
        return false;
      },
    });
  });
  far.write(Buffer.alloc(LENGTH));
  await kept;
  const said = new Promise<string>((resolve) => {
    const backendRead = (bytes: Buffer, length: number) => {
      resolve(bytes.toString("latin1", 0, length));
      return true;
    };
    assert.equal(pool.take(backend, { ...nobody, backendRead }, ""), connection);
  });
  far.write("answer");
  assert.equal(await said, "answer");
  connection.destroy();
  far.destroy();
  pool.close();
});

test("A connection that has rested too long is destroyed, a younger one is not", async (t) => {
  t.mock.timers.enable({ apis: ["setInterval"] });
  await using recorder = await Recorder.start();
  const backend = httpBackend(recorder.port);
  const pool = new BackendPool(new Deadlines());
  pool.keep(await connected(backend));
  t.mock.timers.tick(limits.backendPoolIdleMs / 2);
  const younger = await connected(backend);
  pool.keep(younger);
  t.mock.timers.tick(limits.backendPoolIdleMs / 2 + 2 * limits.tickMs);
  assert.equal(pool.size, 1);
  assert.equal(younger.isAlive, true);
  t.mock.timers.tick(limits.backendPoolIdleMs);
  assert.equal(pool.size, 0);
});

test("Two https backends share nothing unless address, name, roots and verification are the same", () => {
  const backend: Extract<Backend, { kind: "https" }> = {
    kind: "https",
    address: { host: "a", port: 1 },
    hostHeader: "client",
    serverName: "a",
    ca: "x",
    verify: true,
  };
  const others: readonly Backend[] = [
    { ...backend, address: { host: "b", port: 1 } },
    { ...backend, address: { host: "a", port: 2 } },
    { ...backend, serverName: "b" },
    { ...backend, ca: "y" },
    { ...backend, ca: undefined },
    { ...backend, verify: false },
    { kind: "http", address: backend.address, hostHeader: "client" },
    { kind: "unix", path: "a", hostHeader: "client" },
  ];
  const keys = new Set([backend, ...others].map(backendKey));
  assert.equal(keys.size, others.length + 1);
  assert.equal(backendKey({ ...backend, hostHeader: "backend" }), backendKey(backend));
});

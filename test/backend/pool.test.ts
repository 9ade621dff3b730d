import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import type { BackendConnection, BackendUser } from "../../src/backend/connection.ts";
import { Deadlines } from "../../src/backend/deadlines.ts";
import { dial } from "../../src/backend/dial.ts";
import { backendKey } from "../../src/backend/identity.ts";
import { BackendPool } from "../../src/backend/pool.ts";
import { systemNames } from "../../src/backend/system-names.ts";
import type { Backend } from "../../src/config/destination.ts";
import { limits } from "../../src/config/limits.ts";
import { Recorder } from "../support/recorder.ts";
import { httpBackend, KeptLog } from "../support/relay-world.ts";

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

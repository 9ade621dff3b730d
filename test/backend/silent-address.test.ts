import assert from "node:assert/strict";
import { once } from "node:events";
import {
  createServer,
  getDefaultAutoSelectFamilyAttemptTimeout,
  type Server,
  setDefaultAutoSelectFamilyAttemptTimeout,
} from "node:net";
import { test } from "node:test";
import { createServer as createTlsServer } from "node:tls";
import type { BackendUser } from "../../src/backend/connection.ts";
import { dial } from "../../src/backend/dial.ts";
import { BackendNames } from "../../src/backend/names.ts";
import type { Backend } from "../../src/config/destination.ts";
import { limits } from "../../src/config/limits.ts";
import { makeCertificate } from "../support/certificates.ts";
import { startFullListener } from "../support/full-listener.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { httpsBackendOf } from "../support/relay-world.ts";
import { keptLog } from "../support/stored.ts";
import { closeServer } from "../support/tls-door.ts";

/** The wait for the silent address, and as long again to connect to the other one; threefold is allowed. */
const CONNECTED_MAX_MS = 3 * 2 * limits.nextAddressMs;
const [SILENT, LIVE] = ["127.0.0.1", "127.0.0.2"];

const { chain, key } = makeCertificate({ names: ["backend.example"] });

/** What is dialled, and who listens there. */
const ways: Readonly<Record<string, readonly [(port: number) => Backend, () => Server]>> = {
  http: [
    (port) => ({ kind: "http", address: { host: "app.example", port }, hostHeader: "client" }),
    () => createServer(),
  ],
  h2c: [
    (port) => ({ kind: "h2c", address: { host: "app.example", port }, hostHeader: "client" }),
    () => createServer(),
  ],
  https: [
    (port) => httpsBackendOf(port, chain, { address: { host: "app.example", port } }),
    () => createTlsServer({ cert: chain, key }),
  ],
};

for (const [kind, [backendAt, serverOf]] of Object.entries(ways)) {
  test(`a connection over ${kind} is made to the second address soon when the first drops what it is sent`, async (t) => {
    const usual = getDefaultAutoSelectFamilyAttemptTimeout();
    setDefaultAutoSelectFamilyAttemptTimeout(60_000); // ours is to count, not Node's
    t.after(() => setDefaultAutoSelectFamilyAttemptTimeout(usual));
    await using full = await startFullListener();
    const server = serverOf();
    server.on("connection", (socket) => socket.on("error", () => {}).resume());
    await once(server.listen(full.port, LIVE), "listening");
    t.after(() => closeServer(server));
    const names = new BackendNames({
      find: async () => ({
        addresses: [SILENT, LIVE].map((address) => ({ address, family: 4 })),
        ttlMs: undefined,
      }),
      clock: new ManualClock(),
      log: keptLog(),
    });
    const startedAt = performance.now();
    const address = await connectedTo(backendAt(full.port), names);
    const tookMs = performance.now() - startedAt;
    t.diagnostic(`after ${Math.round(tookMs)} ms`);
    assert.equal(address, LIVE);
    assert.ok(tookMs >= limits.nextAddressMs / 2, "the first address was not silent");
    assert.ok(tookMs <= CONNECTED_MAX_MS, `${tookMs} ms`);
  });
}

/** The address that took the connection; rejects when none has within the time that is allowed. */
async function connectedTo(backend: Backend, names: BackendNames): Promise<string | undefined> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const user: BackendUser = {
    backendConnected: resolve,
    backendRead: () => true,
    backendEnded: () => {},
    backendDrained: () => {},
    backendClosed: (cause) => reject(cause ?? new Error("closed")),
  };
  const connection = dial(backend, user, names);
  const deadline = setTimeout(() => reject(new Error("not connected")), CONNECTED_MAX_MS);
  try {
    await promise;
    return connection.socket.remoteAddress;
  } finally {
    clearTimeout(deadline);
    const closed = once(connection.socket, "close");
    connection.destroy();
    await closed;
  }
}

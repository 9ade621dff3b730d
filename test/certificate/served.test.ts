import assert from "node:assert/strict";
import { createServer, type Socket } from "node:net";
import { type TestContext, test } from "node:test";
import tls from "node:tls";
import { lookAtServed } from "../../src/certificate/served.ts";
import { changeLimits } from "../../src/config/limits.ts";
import { deadPort } from "../support/dead-port.ts";
import { named } from "../support/stored.ts";
import { closeServer, listenAnywhere, makeCredential } from "../support/tls-door.ts";

const HOST = named("a.example");

/** Where somebody listens who does this with each connection. */
async function doorOf(t: TestContext, meet: (socket: Socket) => void) {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket.on("error", () => {}));
    meet(socket);
  });
  const port = await listenAnywhere(server);
  t.after(async () => {
    for (const socket of sockets) socket.destroy();
    await closeServer(server);
  });
  return { host: "127.0.0.1", port };
}

async function closedDoor() {
  return { host: "127.0.0.1", port: await deadPort() };
}

for (const wantsProxyHeader of [false, true]) {
  const where = wantsProxyHeader ? " that wants a PROXY header" : "";

  test(`a look at a door${where} where nobody answers ends in its time, with nothing seen`, async (t) => {
    changeLimits({ servedLookMs: 100 });
    t.after(() => changeLimits({}));
    const door = await doorOf(t, () => {});
    assert.deepEqual(await lookAtServed({ ...door, wantsProxyHeader }, HOST), {
      ...{ kind: "nothing", isSilent: true },
      why: "nobody answers within 0.1 s",
    });
  });

  test(`a look at a door${where} where nobody listens sees nothing, and says why`, async () => {
    const look = await lookAtServed({ ...(await closedDoor()), wantsProxyHeader }, HOST);
    assert.ok(look.kind === "nothing" && !look.isSilent);
    assert.equal(look.why, "the connection was refused");
  });
}

test("a look sees the serial, whether anybody vouches for the certificate or not", async (t) => {
  const { chain, key, serial } = makeCredential(HOST);
  const server = tls.createServer({ cert: chain, key });
  t.after(() => closeServer(server));
  const door = { host: "127.0.0.1", port: await listenAnywhere(server) };
  assert.deepEqual(await lookAtServed(door, HOST), { kind: "seen", serial });
});

test("a look that is refused with an alert, or cut off, sees nothing", async (t) => {
  const alert = await doorOf(t, (socket) => socket.end(Buffer.from("15030300020250", "hex")));
  const refused = await lookAtServed(alert, HOST);
  assert.ok(refused.kind === "nothing");
  assert.match(refused.why, /^TLS failed \(.*alert internal error\)$/);
  const cut = await lookAtServed(await doorOf(t, (socket) => socket.destroy()), HOST);
  assert.equal(cut.kind, "nothing");
});

test("without a door, nobody can look", async () => {
  assert.deepEqual(await lookAtServed(undefined, HOST), { kind: "unseen" });
});

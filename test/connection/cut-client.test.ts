import { once } from "node:events";
import net from "node:net";
import { test } from "node:test";
import tls from "node:tls";
import { systemNames } from "../../src/backend/system-names.ts";
import { systemClock } from "../../src/base/clock.ts";
import { Relay } from "../../src/http/relay.ts";
import { forwardTo, httpBackend, KeptLog } from "../support/relay-world.ts";
import {
  authority,
  closeServer,
  connectRaw,
  isEmpty,
  listenAnywhere,
  makeCredential,
  makeHost,
  openDoor,
  storedCredentials,
} from "../support/tls-door.ts";

const HOST = "shop.example";

test("clients over HTTP/1.1 that reset while a backend considers their request leave nothing open", async () => {
  const backend = net.createServer((socket) => {
    socket.on("error", () => socket.destroy());
    socket.resume(); // and never answers
  });
  const host = makeHost(HOST, forwardTo([httpBackend(await listenAnywhere(backend))]));
  const relay = new Relay({
    names: systemNames(new KeptLog()),
    hosts: [],
    place: { index: 0, of: 1 },
    log: new KeptLog(),
    clock: systemClock,
    findRoute: () => host,
    isTrustedProxy: () => false,
    publicHttpsPort: 443,
    access: undefined,
  });
  await using door = await openDoor({
    hosts: [host],
    sources: storedCredentials(makeCredential(HOST)),
    relay: (connection) => relay.serve(connection),
  });
  const cutInTheMiddle = async (): Promise<void> => {
    const raw = await connectRaw(door.port);
    const closed = once(raw, "close");
    const client = tls.connect({ socket: raw, servername: HOST, ca: authority.certificate });
    client.on("error", () => raw.destroy());
    client.write(`GET / HTTP/1.1\r\nHost: ${HOST}\r\n\r\n`, () => raw.resetAndDestroy());
    await closed;
  };
  // Whether it is a write (of session tickets) or the read that hears of a reset first is chance, for each of them.
  for (let round = 0; round < 10; round++)
    await Promise.all(Array.from({ length: 20 }, cutInTheMiddle));
  await isEmpty(door.open);
  relay.close();
  await closeServer(backend);
});

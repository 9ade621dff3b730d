import assert from "node:assert/strict";
import { once } from "node:events";
import net, { type Socket } from "node:net";
import { test } from "node:test";
import tls from "node:tls";
import { CAPTURED_NAME, capturedHellos } from "../support/hello-bytes.ts";
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
  tunnelTo,
} from "../support/tls-door.ts";

const hello = capturedHellos.get("openssl") ?? Buffer.alloc(0);

/** How a socket ends that is read to its end: `end`, or the code of its error. */
async function endOf(socket: Socket): Promise<string> {
  const ended = Promise.withResolvers<string>();
  socket.once("end", () => ended.resolve("end"));
  socket.once("error", (error: NodeJS.ErrnoException) => ended.resolve(error.code ?? "?"));
  socket.resume();
  return await ended.promise;
}

/** What a client sees of a cut: with TLS the missing close_notify, of which Node says nothing (but openssl: scenario/shared/tcp.test.ts). */
const CUTS = { tcp: "end", "pass-through": "ECONNRESET" } as const;

for (const kind of ["tcp", "pass-through"] as const) {
  const cut = CUTS[kind];
  /** A tunnel that goes, with its two ends; `raw` is what carries the client's TLS. */
  const openTunnel = async (timeouts = {}) => {
    const backend = net.createServer({ allowHalfOpen: true });
    const accepted = once(backend, "connection");
    const target = tunnelTo(kind, await listenAnywhere(backend), timeouts);
    const door = await openDoor({
      hosts: [makeHost(CAPTURED_NAME, target)],
      sources: storedCredentials(makeCredential(CAPTURED_NAME)),
    });
    const raw = await connectRaw(door.port);
    const tlsOptions = { socket: raw, servername: CAPTURED_NAME, ca: authority.certificate };
    const client: Socket = kind === "tcp" ? tls.connect(tlsOptions) : raw;
    if (client === raw) raw.write(hello);
    else client.write("first words");
    const [behind]: Socket[] = await accepted;
    assert.ok(behind);
    await once(behind, "data");
    return {
      client,
      raw,
      behind,
      open: door.open,
      [Symbol.asyncDispose]: async () => {
        for (const socket of [client, raw, behind]) socket.destroy();
        await door[Symbol.asyncDispose]();
        await closeServer(backend);
      },
    };
  };

  test(`a ${kind} client that is cut does not look to its backend as if it had ended`, async () => {
    await using tunnel = await openTunnel();
    const end = endOf(tunnel.behind);
    tunnel.raw.resetAndDestroy();
    assert.equal(await end, "ECONNRESET");
    await isEmpty(tunnel.open);
  });

  test(`a ${kind} backend that is cut cuts its client (${cut})`, async () => {
    await using tunnel = await openTunnel();
    const end = endOf(tunnel.client);
    tunnel.behind.resetAndDestroy();
    assert.equal(await end, cut);
    await isEmpty(tunnel.open);
  });

  test(`a ${kind} connection that is idle for too long is cut on both sides (${cut} to the client)`, async () => {
    await using tunnel = await openTunnel({ idleMs: 50 });
    const ends = await Promise.all([endOf(tunnel.client), endOf(tunnel.behind)]);
    assert.deepEqual(ends, [cut, "ECONNRESET"]);
    await isEmpty(tunnel.open);
  });
}

test("clients of a tcp host that are cut while they are written to leave nothing open", async () => {
  const backend = net.createServer((socket) => {
    socket.on("error", () => socket.destroy());
    socket.pipe(socket);
  });
  const target = tunnelTo("tcp", await listenAnywhere(backend), { idleMs: 3_600_000 });
  await using door = await openDoor({
    hosts: [makeHost(CAPTURED_NAME, target)],
    sources: storedCredentials(makeCredential(CAPTURED_NAME)),
  });
  const cutInTheMiddle = async (): Promise<void> => {
    const raw = await connectRaw(door.port);
    const closed = once(raw, "close");
    const tlsOptions = { socket: raw, servername: CAPTURED_NAME, ca: authority.certificate };
    const client = tls.connect(tlsOptions);
    client.on("error", () => raw.destroy());
    client.write("what is sent back", () => raw.resetAndDestroy());
    await closed;
  };
  // Whether it is the write or the read that hears of a reset first is chance, for each of them.
  for (let round = 0; round < 20; round++)
    await Promise.all(Array.from({ length: 20 }, cutInTheMiddle));
  await isEmpty(door.open);
  await closeServer(backend);
});

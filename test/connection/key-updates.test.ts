import assert from "node:assert/strict";
import { once } from "node:events";
import net, { type Socket } from "node:net";
import { duplexPair } from "node:stream";
import { test } from "node:test";
import tls from "node:tls";
import { headers, PREFACE, request, settings } from "../support/h2-frames.ts";
import { KeyUpdates } from "../support/key-updates.ts";
import { Recorder } from "../support/recorder.ts";
import { openShop, SHOP } from "../support/shop-door.ts";
import {
  listenAnywhere,
  makeCredential,
  makeHost,
  openDoor,
  storedCredentials,
  tunnelTo,
} from "../support/tls-door.ts";

/** More than the kernel holds for both sides (27 bytes an answer), ten times over. */
const UPDATES_MAX = 2_000_000;

interface Beginning {
  readonly protocol: string;
  /** What is said first, in one record. */
  readonly words: Buffer;
  /** Resolves when it was heard. */
  readonly heard: Promise<unknown>;
}

/** Shakes hands, and from then on asks for new keys and reads nothing; resolves when the connection is cut. */
async function askAndReadNothing(port: number, beginning?: Beginning): Promise<void> {
  const raw = net.connect(port, "127.0.0.1");
  const [near, far] = duplexPair();
  raw.pipe(far).pipe(raw);
  const ciphers = "TLS_AES_128_GCM_SHA256";
  const secured = tls.connect({
    socket: near,
    servername: SHOP,
    rejectUnauthorized: false,
    ciphers,
    ...(beginning && { ALPNProtocols: [beginning.protocol] }),
  });
  secured.on("error", () => undefined);
  const secret = Promise.withResolvers<Buffer>();
  secured.on("keylog", (line) => {
    const [label, , value = ""] = line.toString("latin1").trim().split(" ");
    if (label === "CLIENT_TRAFFIC_SECRET_0") secret.resolve(Buffer.from(value, "hex"));
  });
  await once(secured, "secureConnect");
  if (beginning) {
    secured.write(beginning.words);
    await beginning.heard;
  }
  raw.unpipe(far);
  raw.pause();
  raw.on("error", () => undefined);
  const updates = new KeyUpdates(await secret.promise, beginning ? 1 : 0);
  for (let sent = 0; sent < UPDATES_MAX && !raw.destroyed; sent += 1_000) {
    if (!raw.write(updates.take(1_000))) await eitherOf(raw, "drain", "close");
    await new Promise(setImmediate);
  }
  assert.ok(raw.destroyed, "it was never cut");
  near.destroy();
}

function eitherOf(socket: Socket, ...events: string[]): Promise<void> {
  return new Promise((resolve) => {
    for (const event of events) socket.once(event, () => resolve());
  });
}

test("A client that asks for new keys again and again and takes no answer is cut", async () => {
  await using backend = await Recorder.start();
  await using shop = await openShop(backend.port);
  await askAndReadNothing(shop.port);
});

test("So is one that waits for an answer over HTTP/2", async () => {
  await using backend = await Recorder.start();
  await using shop = await openShop(backend.port);
  const heard = backend.connection(0);
  await askAndReadNothing(shop.port, {
    protocol: "h2",
    words: Buffer.concat([PREFACE, settings(), headers(1, request({ ":authority": SHOP }))]),
    heard,
  });
});

test("So is one of a tcp host, and its backend sees a cut", async () => {
  const backend = net.createServer();
  const accepted = once(backend, "connection");
  await using door = await openDoor({
    hosts: [makeHost(SHOP, tunnelTo("tcp", await listenAnywhere(backend), { idleMs: 3_600_000 }))],
    sources: storedCredentials(makeCredential(SHOP)),
  });
  const cut = accepted.then(async ([socket]: Socket[]) => {
    assert.ok(socket);
    socket.resume();
    return await once(socket, "error");
  });
  await askAndReadNothing(door.port);
  assert.match(String(await cut), /ECONNRESET/);
  backend.close();
});

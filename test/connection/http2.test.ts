import assert from "node:assert/strict";
import { test } from "node:test";
import { systemNames } from "../../src/backend/system-names.ts";
import { systemClock } from "../../src/base/clock.ts";
import { limits } from "../../src/config/limits.ts";
import { Relay } from "../../src/http/relay.ts";
import { FRAME, FrameClient, frame, headers, request } from "../support/h2-frames.ts";
import { KeptLog } from "../support/relay-world.ts";
import {
  connectTls,
  type Door,
  makeCredential,
  makeHost,
  openDoor,
  storedCredentials,
} from "../support/tls-door.ts";

const HOST = "shop.example";
const OFFER = { ALPNProtocols: ["h2"] };

interface Shop extends AsyncDisposable {
  readonly door: Door;
  readonly relay: Relay;
}

/** `then` is called right after each connection was given to the relay. */
async function openShop(then: (relay: Relay) => void = () => undefined): Promise<Shop> {
  const hosts = [makeHost(HOST)];
  const log = new KeptLog();
  const relay = new Relay({
    hosts,
    place: { index: 0, of: 1 },
    log,
    names: systemNames(log),
    clock: systemClock,
    findRoute: (host) => door.steps.routes.find(host),
    isTrustedProxy: () => false,
    publicHttpsPort: 443,
    access: undefined,
  });
  const sources = storedCredentials(makeCredential(HOST));
  const door: Door = await openDoor({
    hosts,
    sources,
    relay: (connection) => {
      relay.serve(connection);
      then(relay);
    },
  });
  return {
    door,
    relay,
    [Symbol.asyncDispose]: async () => {
      relay.close();
      await door[Symbol.asyncDispose]();
    },
  };
}

for (const version of ["TLSv1.2", "TLSv1.3"] as const) {
  test(`HTTP/2 is served over ${version}, and what comes with the end of the handshake is not lost`, async () => {
    await using shop = await openShop();
    const secured = await connectTls(shop.door.port, HOST, { ...OFFER, maxVersion: version });
    assert.equal(secured.alpnProtocol, "h2");
    using client = new FrameClient(secured);
    client.say(headers(1), headers(3, request({ ":authority": "other.example" })));
    await client.until(() => client.hasEnd(1) && client.hasEnd(3));
    assert.deepEqual([client.status(1), client.status(3)], [200, 421]);
  });
}

test("A client that agrees on h2 and speaks HTTP/1.1 is cut", async () => {
  await using shop = await openShop();
  const secured = await connectTls(shop.door.port, HOST, OFFER);
  using client = new FrameClient(secured, Buffer.alloc(0), Buffer.from("GET / HTTP/1.1\r\n\r\n"));
  await client.closed();
  assert.equal(client.of(FRAME.headers).length, 0);
});

test("A flood of PINGs is seen through TLS too", async () => {
  await using shop = await openShop();
  using client = new FrameClient(await connectTls(shop.door.port, HOST, OFFER));
  const pings = Buffer.concat(
    Array.from({ length: 100 }, () => frame(FRAME.ping, 0, 0, "12345678")),
  );
  for (let turn = 0; turn < 2_000 && !client.isClosed; turn += 1) {
    client.say(pings);
    await new Promise(setImmediate);
  }
  assert.ok(client.isClosed, "it was not cut");
  assert.equal(client.goawayCode, "ENHANCE_YOUR_CALM");
});

test("When a client goes away, nothing of its connection is left", async () => {
  await using shop = await openShop();
  for (const leave of ["end", "destroy"] as const) {
    const secured = await connectTls(shop.door.port, HOST, OFFER);
    using client = new FrameClient(secured);
    client.say(headers(1));
    await client.until(() => client.hasEnd(1));
    secured[leave]();
    while (shop.relay.open > 0 || shop.door.open.size > 0) await new Promise(setImmediate);
  }
});

test("The relay closes a connection of TLS, also when its client does not", async () => {
  await using shop = await openShop();
  const secured = await connectTls(shop.door.port, HOST, OFFER);
  using client = new FrameClient(secured);
  client.say(headers(1));
  await client.until(() => client.hasEnd(1));
  secured.pause(); // never hears of our end
  const startedAt = performance.now();
  shop.relay.drain();
  while (shop.relay.open > 0 || shop.door.open.size > 0) await new Promise(setImmediate);
  assert.ok(performance.now() - startedAt < 5 * limits.drainTimeoutMs);
});

test("A connection that is closed before its first turn is closed, and nothing else happens", async () => {
  await using shop = await openShop((relay) => relay.close());
  const secured = await connectTls(shop.door.port, HOST, OFFER);
  using client = new FrameClient(secured);
  client.say(headers(1));
  await client.closed();
  assert.equal(client.of(FRAME.headers).length, 0);
});

import assert from "node:assert/strict";
import { once } from "node:events";
import type { Socket } from "node:net";
import { test } from "node:test";
import { HandshakePlaces } from "../../src/connection/handshake-places.ts";
import { Terminator } from "../../src/connection/terminate.ts";
import { capturedHellos } from "../support/hello-bytes.ts";
import {
  connectRaw,
  connectTls,
  makeCredential,
  makeHost,
  openDoor,
  received,
  storedCredentials,
} from "../support/tls-door.ts";

test("a place that is left is free again", () => {
  const places = new HandshakePlaces(1, 60_000);
  const cut = () => assert.fail("it is not its time");
  const place = places.take(cut);
  assert.ok(place !== undefined);
  assert.equal(places.take(cut), undefined);
  places.leave(place);
  assert.ok(places.take(cut) !== undefined);
  places.leave(place); // a second time: that of another one stays taken
  assert.equal(places.size, 1);
});

test("who has had its time gives its place to a new one, the oldest first", () => {
  const places = new HandshakePlaces(2, 0);
  const cut: string[] = [];
  for (const name of ["first", "second", "third", "fourth"])
    assert.ok(places.take(() => cut.push(name)) !== undefined);
  assert.deepEqual(cut, ["first", "second"]);
  assert.equal(places.size, 2);
});

/** A ClientHello, and nothing after it. */
async function halfHandshake(port: number): Promise<Socket> {
  const tap = await connectRaw(port);
  tap.write(hello);
  await once(tap, "data"); // the server's flight: it waits for us now
  return tap;
}

/** A real one, for shop.example. */
const hello = capturedHellos.values().next().value ?? Buffer.alloc(0);
const credentials = storedCredentials(makeCredential("shop.example"));
const hosts = [makeHost("shop.example")];

test("handshakes that stall keep nobody out: the oldest is cut for a new one", async () => {
  const terminator = new Terminator(Buffer.alloc(32, 1), 8, new HandshakePlaces(3, 0));
  await using door = await openDoor({ hosts, sources: credentials, terminator });
  const stalled: Socket[] = [];
  for (let count = 0; count < 3; count += 1) stalled.push(await halfHandshake(door.port));
  const refusal = door.nextRefusal();
  const visitor = await connectTls(door.port, "shop.example");
  assert.equal((await received(visitor)).toString(), "hello from shop.example");
  const { code, message } = await refusal;
  assert.deepEqual(
    [code, message],
    ["HANDSHAKE_FAILED", "Cannot finish the TLS handshake: it gave its place to a newer one"],
  );
  const [oldest = visitor, ...others] = stalled;
  if (!oldest.readableEnded) await once(oldest, "end");
  oldest.destroy();
  assert.deepEqual(
    others.map(({ destroyed }) => destroyed),
    [false, false],
  );
  for (const socket of others) socket.destroy();
});

test("more handshakes than there are places for at one moment are closed at once", async () => {
  const terminator = new Terminator(Buffer.alloc(32, 1), 8, new HandshakePlaces(1, 60_000));
  await using door = await openDoor({ hosts, sources: credentials, terminator });
  const first = await halfHandshake(door.port);
  const refusal = door.nextRefusal();
  const second = await connectRaw(door.port);
  second.write(hello);
  assert.equal((await received(second)).length, 0);
  const { code, host, client } = await refusal;
  assert.deepEqual([code, host, client], ["TOO_MANY_HANDSHAKES", "shop.example", "127.0.0.1"]);
  first.destroy();
  await door.nextRefusal();
  const third = await connectTls(door.port, "shop.example");
  assert.equal((await received(third)).toString(), "hello from shop.example");
});

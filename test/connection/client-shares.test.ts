import assert from "node:assert/strict";
import { once } from "node:events";
import { Socket } from "node:net";
import { test } from "node:test";
import { ClientShares } from "../../src/connection/client-shares.ts";
import {
  connectRaw,
  connectTls,
  makeCredential,
  makeHost,
  openDoor,
  received,
  storedCredentials,
} from "../support/tls-door.ts";
import type { DoorOptions } from "../support/visitor.ts";

const nobody = () => false;

const neighbours: readonly [one: string, other: string, areOne: boolean][] = [
  ["192.0.2.1", "192.0.2.1", true],
  ["192.0.2.1", "192.0.2.2", false],
  ["192.0.2.1", "::ffff:192.0.2.1", true],
  ["2001:db8::1", "2001:db8::ffff:0:1", true],
  ["2001:db8::1", "2001:db8:0:1::1", false],
];

for (const [one, other, areOne] of neighbours) {
  test(`${one} and ${other} share ${areOne ? "one" : "no"} bound`, () => {
    const shares = new ClientShares(nobody, 1);
    assert.equal(shares.admit(new Socket(), one), true);
    assert.equal(shares.admit(new Socket(), other), !areOne);
  });
}

test("a connection that closes makes room, and a client without any is forgotten", async () => {
  const shares = new ClientShares(nobody, 1);
  const socket = new Socket();
  shares.admit(socket, "192.0.2.1");
  assert.equal(shares.size, 1);
  socket.destroy();
  await once(socket, "close");
  assert.equal(shares.size, 0);
  assert.equal(shares.admit(new Socket(), "192.0.2.1"), true);
});

test("a socket that is gone already is not counted for ever", () => {
  const shares = new ClientShares(nobody, 1);
  const socket = new Socket();
  socket.destroy();
  assert.equal(shares.admit(socket, "192.0.2.1"), true);
  assert.equal(shares.size, 0);
});

test("a proxy that is trusted is not one client", () => {
  const shares = new ClientShares((address) => address === "192.0.2.1", 1);
  for (let times = 0; times < 3; times += 1)
    assert.equal(shares.admit(new Socket(), "192.0.2.1"), true);
});

test("while one address holds silent connections and half hellos, others are served", async () => {
  await using door = await openDoor({
    hosts: [makeHost("a.example")],
    sources: storedCredentials(makeCredential("a.example")),
    shares: new ClientShares(nobody, 20),
  });
  const silent = await Promise.all(Array.from({ length: 20 }, () => connectRaw(door.port)));
  for (const socket of silent.slice(10)) socket.write("\x16\x03\x01\x02\x00");
  const refusal = door.nextRefusal();
  const beyond = await connectRaw(door.port);
  assert.equal((await received(beyond)).length, 0);
  assert.deepEqual(await refusal, {
    code: "CLIENT_OVER_CONNECTIONS",
    reason: undefined,
    client: "127.0.0.1",
  });
  const elsewhere: DoorOptions = { localAddress: "127.0.0.2" };
  const other = await connectTls(door.port, "a.example", elsewhere);
  assert.equal((await received(other)).toString(), "hello from a.example");
  for (const socket of silent) socket.destroy();
});

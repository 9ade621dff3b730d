import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { codeOf } from "../../src/base/errors.ts";
import { handshake, handshakeServer, modernTls, TooSlow } from "../../src/connection/handshake.ts";
import { CAPTURED_NAME, capturedHellos } from "../support/hello-bytes.ts";
import { connectPair } from "../support/socket-pair.ts";
import { hostname, makeCredential } from "../support/tls-door.ts";

const host = hostname(CAPTURED_NAME);
const { chain, key } = makeCredential(CAPTURED_NAME);
const hello = capturedHellos.get("openssl") ?? Buffer.alloc(0);

function serverFor(handshakeTimeout: number) {
  return handshakeServer({ ...modernTls, cert: chain, key, handshakeTimeout });
}

test("a client that never finishes its handshake is closed when its time is over", async () => {
  using pair = await connectPair();
  const closed = once(pair.server, "close");
  pair.client.write(hello);
  await assert.rejects(handshake(serverFor(30), pair.server, { host }), (error: Error) => {
    assert.equal(codeOf(error), "HANDSHAKE_FAILED");
    assert.equal(error.message, "Cannot finish the TLS handshake: not finished in 30 ms");
    assert.ok(error.cause instanceof TooSlow);
    return true;
  });
  await closed;
});

for (const leave of ["end", "resetAndDestroy"] as const) {
  test(`a client that leaves in the middle of its handshake is told as one (${leave})`, async () => {
    using pair = await connectPair();
    const closed = once(pair.server, "close");
    pair.client.write(hello);
    const shaken = assert.rejects(handshake(serverFor(60_000), pair.server, { host }), {
      code: "HANDSHAKE_FAILED",
      message: "Cannot finish the TLS handshake: the client left",
    });
    await once(pair.client, "data"); // the server's flight
    pair.client[leave]();
    await Promise.all([shaken, closed]);
  });
}

test("who closes a socket in the middle of its handshake says why", async () => {
  using pair = await connectPair();
  pair.client.write(hello);
  const whyCut = () => "there is no more room";
  const shaken = assert.rejects(handshake(serverFor(60_000), pair.server, { host, whyCut }), {
    message: "Cannot finish the TLS handshake: there is no more room",
  });
  await once(pair.client, "data");
  pair.server.destroy();
  await shaken;
});

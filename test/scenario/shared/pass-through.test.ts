import assert from "node:assert/strict";
import { after, beforeEach, test } from "node:test";
import { createServer } from "node:tls";
import { readCredential } from "../../../src/base/credential.ts";
import { makeAuthority, makeCertificate } from "../../support/certificates.ts";
import { freePort } from "../../support/free-port.ts";
import { alpn, inRecords, makeHello, serverName } from "../../support/hello-bytes.ts";
import type { Latchkey } from "../../support/latchkey.ts";
import { RawClient } from "../../support/raw-client.ts";
import { Recorder } from "../../support/recorder.ts";
import { share } from "../../support/shared-program.ts";
import { listenAnywhere } from "../../support/tls-door.ts";
import { openRaw, openTls, serialSeen } from "../../support/visitor.ts";

const ca = makeAuthority();
const own = makeCertificate({ names: ["legacy.localhost"], issuer: ca });
/** A backend with a certificate of its own, which speaks no HTTP. */
const backend = createServer({ cert: own.chain, key: own.key }, (socket) => {
  socket.on("error", () => socket.destroy());
  socket.pipe(socket);
});
/** Its port stays nobody else's when it is gone. */
const recorder = await Recorder.start(undefined, await freePort());
const start = share({
  hosts: `
  legacy.localhost: { passThrough: "127.0.0.1:${await listenAnywhere(backend)}" }
  raw.localhost: { passThrough: "127.0.0.1:${recorder.port}" }`,
});
let latchkey: Latchkey;
beforeEach(async () => {
  latchkey = await start();
});
after(async () => {
  await recorder[Symbol.asyncDispose]();
  backend.close();
});

test("what a client sees is the backend's own certificate", async () => {
  const socket = await openTls(latchkey, "legacy.localhost", { ca: ca.certificate });
  assert.equal(serialSeen(socket), readCredential(own.chain, own.key).serial);
  socket.destroy();
});

test("what a client says is answered by the backend, and the end as well", async () => {
  using client = await openRaw(latchkey, "legacy.localhost", { ca: ca.certificate });
  client.say("not HTTP at all");
  client.socket.end();
  assert.equal(await client.finished(), "not HTTP at all");
});

test("the backend gets the very bytes of the hello, also a validator's of another CA", async () => {
  using client = await RawClient.connect(latchkey.httpsPort);
  const hello = inRecords(
    makeHello({ extensions: [serverName("raw.localhost"), alpn("acme-tls/1")] }),
  );
  client.socket.write(hello);
  const connection = await recorder.connection(0);
  await connection.until(({ text }) => text.length >= hello.length);
  assert.equal(Buffer.from(connection.text, "latin1").toString("hex"), hello.toString("hex"));
  connection.say("\x15\x03\x03\x00\x02\x02\x28");
  await client.has("\x02\x28");
});

test("the host is listed as passed through, and nothing is ordered for it", async () => {
  const isPassed = (host: unknown) => host === "legacy.localhost" || host === "raw.localhost";
  const rows = (await latchkey.status()).hosts.filter(({ host }) => isPassed(host));
  assert.equal(rows.length, 2);
  assert.ok(rows.every(({ state, serial }) => state === "pass-through" && serial === null));
  const orders = latchkey.lines.filter(({ event }) => event === "order.started");
  assert.ok(orders.every(({ host }) => !isPassed(host)));
});

test("a backend that is gone closes the connection without a byte", async () => {
  await recorder[Symbol.asyncDispose]();
  using client = await RawClient.connect(latchkey.httpsPort);
  client.socket.write(inRecords(makeHello({ extensions: [serverName("raw.localhost")] })));
  assert.equal(await client.finished(), "");
});

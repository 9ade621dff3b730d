import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:net";
import { test } from "node:test";
import { freePort } from "../support/free-port.ts";
import { Latchkey } from "../support/latchkey.ts";
import { shakeHands, visitPlainly } from "../support/visitor.ts";

/** What has our port: it takes connections, and never speaks. */
async function occupied() {
  const other = createServer((socket) => socket.on("error", () => {}));
  const port = await freePort(); // ours alone, once it has left
  await once(other.listen(port, "127.0.0.1"), "listening");
  const leave = async () => {
    other.close();
    await once(other, "close");
  };
  return { port, leave };
}

const listenOn = (port: number) =>
  `listen: { https: ["127.0.0.1:0"], http: ["127.0.0.1:${port}"] }`;

test("N3: with port 80 taken hosts are certified by tls-alpn-01 and served; the port is taken within 10 s of being free, without a failed handshake", async () => {
  const other = await occupied();
  const config = "workers: 1\nhosts:\n  a.localhost: { respond: ok }\n";
  await using latchkey = await Latchkey.start({ config, listen: listenOn(other.port) });
  const failed = await latchkey.event("listen.failed");
  assert.equal(failed["address"], `127.0.0.1:${other.port}`);
  assert.match(String(failed["message"]), /another program listens there/);
  const armed = await latchkey.event("challenge.armed");
  assert.equal(armed["challenge"], "tls-alpn-01");
  await latchkey.event("certificate.swapped");
  const served = await shakeHands(latchkey, "a.localhost");
  const { troubles } = await latchkey.status();
  assert.deepEqual(
    troubles.map(({ kind }) => kind),
    ["listen.failed"],
  );

  await other.leave();
  const leftAt = performance.now();
  const replaced = latchkey.event("worker.exited");
  await latchkey.event("listen.opened");
  assert.ok(performance.now() - leftAt <= 11_000);
  let isReplaced = false;
  void replaced.then(() => {
    isReplaced = true;
  });
  while (!isReplaced) assert.deepEqual(await shakeHands(latchkey, "a.localhost"), served);
  latchkey.httpPort = other.port;
  assert.equal((await visitPlainly(latchkey, "a.localhost")).status, 308);
  assert.deepEqual((await latchkey.status()).troubles, []);
  assert.equal(latchkey.count("order.started"), 1);
});

test("N3: with port 80 taken a host that needs http-01 waits without an order, and has its certificate when the port is free", async () => {
  const other = await occupied();
  const config =
    "workers: 1\nacme: { challenges: [http-01] }\nhosts:\n  a.localhost: { respond: ok }\n";
  await using latchkey = await Latchkey.start({ config, listen: listenOn(other.port) });
  await latchkey.event("order.waiting", ({ code }) => code === "LISTEN_FAILED");
  const [row] = (await latchkey.status()).hosts;
  assert.equal(row?.state, "waiting");
  assert.equal(row?.lastError?.type, "LISTEN_FAILED");
  assert.equal(latchkey.count("order.started"), 0);
  await other.leave();
  await latchkey.event("certificate.swapped");
  assert.equal(latchkey.count("order.started"), 1);
});

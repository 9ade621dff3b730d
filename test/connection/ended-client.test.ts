import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import tls from "node:tls";
import { Http2Backend, h2cBackend } from "../support/http2-backend.ts";
import { Recorded } from "../support/recorded.ts";
import { answering, OK, Recorder } from "../support/recorder.ts";
import { get, post, RelayScene } from "../support/relay-world.ts";
import { openShop, SHOP } from "../support/shop-door.ts";
import { turns } from "../support/ticks.ts";
import { acceptWebSocket, HANDSHAKE } from "../support/websocket.ts";

/** Says all of it over TLS and ends its side right behind; returns what was answered. */
async function sayAndEnd(port: number, text: string): Promise<string> {
  const options = { port, host: "127.0.0.1", servername: SHOP, rejectUnauthorized: false };
  const secured = tls.connect(options);
  secured.allowHalfOpen = true;
  const client = new Recorded(secured);
  await once(secured, "secureConnect");
  secured.end(text);
  await client.gone();
  secured.destroy();
  return client.text;
}

for (const [name, request] of [
  ["a body of a known length", post("Content-Length: 5\r\n", "hello")],
  ["a body in chunks", post("Transfer-Encoding: chunked\r\n", "5\r\nhello\r\n0\r\n\r\n")],
] as const) {
  test(`B5: A client that ends its side of TLS right behind ${name} gets its answer`, async () => {
    await using backend = await Recorder.start(answering(OK));
    await using shop = await openShop(backend.port);
    assert.match(await sayAndEnd(shop.port, request), /^HTTP\/1\.1 200 OK\r\n[\s\S]*ok$/);
    assert.match(backend.text, /\r\n\r\n(?:5\r\n)?hello/);
  });
}

test("B5: A client that ends its side of TLS in the middle of a body still gets all of the answers before it", async () => {
  await using backend = await Http2Backend.start(({ stream }) => {
    stream.respond({ ":status": 200 });
    stream.end("all of it");
  });
  await using shop = await openShop(h2cBackend(backend.port));
  const requests = get() + post("Content-Length: 10\r\n", "hello");
  for (let count = 0; count < 20; count += 1)
    assert.match(await sayAndEnd(shop.port, requests), /all of it\r\n0\r\n\r\n$/);
});

test("B5: A client that ends its side behind several requests gets all the answers", async () => {
  let answer = () => {};
  const told = new Promise<void>((resolve) => {
    answer = resolve;
  });
  await using scene = await RelayScene.start(async (connection) => {
    for (let count = 1; ; count += 1) {
      await connection.until(({ text }) => text.split("\r\n\r\n").length > count);
      await told;
      connection.say(OK);
    }
  });
  scene.client.socket.end(get("", "/1") + get("", "/2") + get("", "/3"));
  await (await scene.backend.connection(0)).head();
  await turns(); // until the relay has seen the end
  answer();
  await scene.client.finished();
  assert.deepEqual(scene.client.statuses, [200, 200, 200]);
  assert.match(scene.client.text, /Connection: close\r\n\r\nok$/);
});

test("B5: The end of a client that came behind whole requests and half a one closes the connection", async () => {
  await using scene = await RelayScene.start(answering(OK));
  scene.client.socket.end(get("", "/1") + get("", "/2") + get("", "/3").slice(0, 20));
  await scene.client.finished();
  assert.deepEqual(scene.client.statuses, [200, 200]);
});

test("B5: A client that ends its side behind a request and half a body of the next leaves nothing with the backend", async () => {
  await using scene = await RelayScene.start(answering(OK));
  scene.client.socket.end(get("", "/1") + post("Content-Length: 10\r\n", "hello"));
  await scene.client.finished();
  assert.deepEqual(scene.client.statuses, [200]);
  await scene.backend.connections[0]?.gone();
});

test("B5: A WebSocket whose client ended its side before the 101 ends at its backend, too", async () => {
  let accept = () => {};
  await using scene = await RelayScene.start(async (connection) => {
    await connection.head();
    accept = () => void acceptWebSocket(connection);
  });
  scene.client.socket.end(`${HANDSHAKE}early`);
  const connection = await scene.backend.connection(0);
  await connection.head();
  await turns(); // until the relay has seen the end
  accept();
  await connection.gone();
  assert.ok(connection.text.endsWith("\r\n\r\nearly"), connection.text);
});

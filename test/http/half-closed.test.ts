import assert from "node:assert/strict";
import { test } from "node:test";
import { H2Client } from "../support/h2-client.ts";
import { OK, type Script } from "../support/recorder.ts";
import { get, RelayScene } from "../support/relay-world.ts";

const SIZE = 1_048_576;
const HALF = "x".repeat(SIZE / 2);

function upload(method: string): string {
  return `${method} /upload HTTP/1.1\r\nHost: shop.example\r\nContent-Length: ${SIZE}\r\n\r\n${HALF}`;
}

/** Answers every GET, and in the middle of an upload says `words` and ends its side, reading on. */
function endingUploads(words: string): Script {
  return async (connection) => {
    for (let from = 0; ; ) {
      await connection.head(from);
      const isUpload = connection.text.startsWith("GET", from) === false;
      from = connection.text.indexOf("\r\n\r\n", from) + 4;
      if (!isUpload) {
        connection.say(OK);
        continue;
      }
      await connection.until(({ text }) => text.length >= from + HALF.length);
      connection.socket.end(words, "latin1");
      return;
    }
  };
}

for (const method of ["POST", "PUT"]) {
  test(`B5: a backend that ends its side in the middle of a ${method} is a 502 at once, and gets it once`, async () => {
    await using scene = await RelayScene.start(endingUploads(""));
    scene.client.say(upload(method));
    await scene.client.has("502 Bad Gateway\n");
    assert.deepEqual(scene.client.statuses, [502]);
    assert.equal(scene.backend.connections.length, 1);
    await scene.backend.connections[0]?.gone();
  });

  test(`B5: a backend that ends its side in the middle of a ${method} on a connection used before gets it once, too`, async () => {
    await using scene = await RelayScene.start(endingUploads(""));
    scene.client.say(get());
    await scene.client.has("ok");
    scene.client.say(upload(method));
    await scene.client.has("502 Bad Gateway\n");
    assert.deepEqual(scene.client.statuses, [200, 502]);
    assert.equal(scene.backend.connections.length, 1);
    await scene.backend.connections[0]?.gone();
  });
}

test("B5: a backend that ends its side in the middle of an upload over HTTP/2 is a 502, and the connection goes on", async () => {
  await using scene = await RelayScene.start(endingUploads(""), {}, { protocol: "h2" });
  using client = await H2Client.connect(scene.world.port);
  const call = client.ask({ ":method": "POST", "content-length": `${SIZE}` }, true);
  call.stream.write(HALF);
  await call.answered();
  assert.equal(call.status, 502);
  assert.equal((await client.get()).status, 200);
});

test("B5: an answer in the middle of an upload reaches its client whole, though its backend ends its side behind it", async () => {
  const refusal = "HTTP/1.1 413 Content Too Large\r\nContent-Length: 8\r\n\r\ntoo much";
  await using scene = await RelayScene.start(endingUploads(refusal));
  scene.client.say(upload("POST"));
  await scene.client.has("too much");
  assert.deepEqual(scene.client.statuses, [413]);
  await scene.backend.connections[0]?.gone();
});

test("B5: a download is whole though its backend ended its side long before all of it was read", async () => {
  const body = "0123456789".repeat(SIZE / 10);
  await using scene = await RelayScene.start(async (connection) => {
    await connection.head();
    connection.socket.end(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
  });
  const { client } = scene;
  client.say(get());
  client.socket.pause();
  const connection = await scene.backend.connection(0);
  await connection.until(({ socket }) => socket.writableEnded);
  client.socket.resume();
  await client.until(({ text }) => text.endsWith(body));
});

import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { FLAG, FRAME, FrameClient, frame, headers, request, u32 } from "../support/h2-frames.ts";
import { contentOf, Http2Backend, Http2Scene, h2cBackend } from "../support/http2-backend.ts";
import { forwardTo, get, post, RelayWorld } from "../support/relay-world.ts";

test("A GET reaches an h2c backend as the same request, and its answer comes back", async () => {
  await using scene = await Http2Scene.start(({ stream }) => {
    stream.respond({ ":status": 200, "x-from": "backend", "content-length": 2 });
    stream.end("ok");
  });
  scene.client.say(
    get(
      "X-Mine: \xe9\r\nCookie: a=1\r\nCookie: b=2\r\nConnection: x-gone\r\nX-Gone: 1\r\n",
      "/a?b=c",
    ),
  );
  await scene.client.has("\r\n\r\nok");
  const [asked] = scene.backend.asked;
  assert.ok(asked);
  const { headers } = asked;
  assert.equal(headers[":method"], "GET");
  assert.equal(headers[":scheme"], "http");
  assert.equal(headers[":authority"], "shop.example");
  assert.equal(headers[":path"], "/a?b=c");
  assert.equal(headers.host, undefined);
  assert.equal(headers["x-mine"], "\xe9");
  assert.equal(headers.cookie, "a=1; b=2");
  assert.equal(headers["x-gone"], undefined);
  assert.equal(headers["x-forwarded-for"], "192.0.2.7");
  assert.equal(headers["x-forwarded-proto"], "https");
  assert.match(scene.client.text, /^HTTP\/1\.1 200 \r\n/);
  assert.match(scene.client.text, /\r\nx-from: backend\r\n/);
  assert.match(scene.client.text, /\r\nContent-Length: 2\r\n/);
});

test("A body goes to an h2c backend whole, and an answer without a length comes back in chunks", async () => {
  await using scene = await Http2Scene.start(async ({ stream }) => {
    const content = await contentOf(stream);
    stream.respond({ ":status": 200 });
    stream.write(`${content.length} `);
    stream.end(content);
  });
  scene.client.say(post("Content-Length: 5\r\n", "hello"));
  await scene.client.has("0\r\n\r\n");
  assert.equal(scene.backend.asked[0]?.headers["content-length"], "5");
  scene.client.say(post("Transfer-Encoding: chunked\r\n", "3\r\nabc\r\n3\r\ndef\r\n0\r\n\r\n"));
  await scene.client.until(
    ({ statuses, text }) => statuses.length === 2 && text.endsWith("0\r\n\r\n"),
  );
  assert.match(scene.client.text, /hello.*abcdef/s);
  assert.equal(scene.backend.sessions.length, 1, "both went over one session");
});

test("Trailers go both ways between HTTP/1.1 and HTTP/2", async () => {
  await using scene = await Http2Scene.start(({ stream }) => {
    stream.once("trailers", (trailers) => {
      stream.respond({ ":status": 200 }, { waitForTrailers: true });
      stream.once("wantTrailers", () =>
        stream.sendTrailers({ "x-sum": String(trailers["x-sum"]) }),
      );
      stream.end("ok");
    });
    stream.resume();
  });
  const head = "TE: trailers\r\nConnection: TE\r\nTransfer-Encoding: chunked\r\n";
  scene.client.say(post(head, "2\r\nhi\r\n0\r\nX-Sum: 42\r\n\r\n"));
  await scene.client.has("0\r\nx-sum: 42\r\n\r\n");
  assert.equal(scene.backend.asked[0]?.headers.te, "trailers");
});

test("An answer that ends with its head is told to a client of HTTP/2 in one, as gRPC tells a status alone", async () => {
  await using backend = await Http2Backend.start(({ stream }) => {
    stream.respond({ ":status": 200, "grpc-status": "9" }, { endStream: true });
  });
  const action = forwardTo([h2cBackend(backend.port)]);
  await using world = await RelayWorld.start({ action, protocol: "h2" });
  using client = await FrameClient.connect(world.port);
  client.say(headers(1));
  await client.until(() => client.hasEnd(1));
  assert.deepEqual([client.of(FRAME.headers, 1).length, client.of(FRAME.data, 1).length], [1, 0]);
});

test("A client of HTTP/2 that takes its request back in the middle of its body has it taken back at the backend", async () => {
  await using backend = await Http2Backend.start(() => undefined);
  const action = forwardTo([h2cBackend(backend.port)]);
  await using world = await RelayWorld.start({ action, protocol: "h2" });
  using client = await FrameClient.connect(world.port);
  client.say(
    headers(1, request({ ":method": "POST" }), FLAG.endHeaders),
    frame(FRAME.data, 0, 1, "hi"),
  );
  const { stream } = await backend.request(0);
  client.say(frame(FRAME.reset, 0, 1, u32(8)));
  if (!stream.closed) await once(stream, "close");
  assert.equal(stream.rstCode, 8);
});

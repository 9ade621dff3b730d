import assert from "node:assert/strict";
import { test } from "node:test";
import { contentOf, Http2Scene } from "../support/http2-backend.ts";
import { get, post } from "../support/relay-world.ts";

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

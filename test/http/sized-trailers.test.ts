import assert from "node:assert/strict";
import { test } from "node:test";
import { H2Call, H2Client } from "../support/h2-client.ts";
import { type Asked, contentOf, Http2Backend, h2cBackend } from "../support/http2-backend.ts";
import { RawClient } from "../support/raw-client.ts";
import { OK, Recorder } from "../support/recorder.ts";
import { forwardTo, get, httpBackend, RelayWorld } from "../support/relay-world.ts";

/**
 * HTTP/2 allows trailers behind a body of a known length (RFC 9113 §8.1), and Go's servers add a length to
 * small answers that have them, so that the status of gRPC comes behind a Content-Length.
 */
const SMALL = "ok";
const LARGE = "0123456789".repeat(100_000);

/** An answer with a length, its content in pieces, and trailers. */
function answerSized({ stream }: Asked, content: string, pieces: number): void {
  stream.respond({ ":status": 200, "content-length": content.length }, { waitForTrailers: true });
  stream.once("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0", "x-sum": "7" }));
  const size = Math.ceil(content.length / pieces);
  const write = (from: number) => {
    if (from >= content.length) stream.end();
    else stream.write(content.slice(from, from + size), () => setImmediate(write, from + size));
  };
  write(0);
}

for (const [what, content, pieces] of [
  ["nothing", "", 1],
  ["a little", SMALL, 1],
  ["a little in two pieces", SMALL, 2],
  ["a lot", LARGE, 10],
] as const) {
  test(`An answer over HTTP/2 with a length of ${what} keeps its trailers on the way to a client of HTTP/2`, async () => {
    await using backend = await Http2Backend.start((asked) => answerSized(asked, content, pieces));
    const action = forwardTo([h2cBackend(backend.port)]);
    await using world = await RelayWorld.start({ action, protocol: "h2" });
    using client = await H2Client.connect(world.port);
    const call = await client.get();
    assert.equal(call.head?.["content-length"], `${content.length}`);
    assert.deepEqual(call.trailers, { "grpc-status": "0", "x-sum": "7" });
    assert.deepEqual([call.body === content, call.isEnded, call.code], [true, true, 0]);
  });

  test(`An answer over HTTP/2 with a length of ${what} and trailers goes without them to a client of HTTP/1.1`, async () => {
    await using backend = await Http2Backend.start((asked) => answerSized(asked, content, pieces));
    await using world = await RelayWorld.start({ action: forwardTo([h2cBackend(backend.port)]) });
    using client = await RawClient.connect(world.port);
    client.say(get("TE: trailers\r\nConnection: TE, close\r\n"));
    const [head = "", body] = (await client.finished()).split("\r\n\r\n");
    assert.match(head, new RegExp(`\r\nContent-Length: ${content.length}(?:\r\n|$)`, "i"));
    assert.ok(body === content);
  });
}

/** A request with a length, and trailers behind its content. */
async function askSized(port: number, content: string): Promise<H2Call> {
  using client = await H2Client.connect(port);
  const head = {
    ...{ ":method": "POST", ":scheme": "https", ":authority": "shop.example", ":path": "/" },
    "content-length": content.length,
  };
  const call = new H2Call(client.session.request(head, { waitForTrailers: true }));
  call.stream.once("wantTrailers", () => call.stream.sendTrailers({ "x-sum": "42" }));
  call.stream.end(content);
  return await call.closed();
}

for (const [what, content] of [
  ["a little", SMALL],
  ["a lot", LARGE],
] as const) {
  test(`A request over HTTP/2 with a length of ${what} keeps its trailers on the way to a backend of HTTP/2`, async () => {
    let got = {};
    await using backend = await Http2Backend.start(async ({ stream }) => {
      stream.once("trailers", (trailers) => {
        got = Object.fromEntries(Object.entries(trailers));
      });
      const body = await contentOf(stream);
      await new Promise(setImmediate); // Node may tell of the end before it tells of the trailers
      stream.respond({ ":status": body.toString() === content ? 200 : 500 });
      stream.end();
    });
    const action = forwardTo([h2cBackend(backend.port)]);
    await using world = await RelayWorld.start({ action, protocol: "h2" });
    const call = await askSized(world.port, content);
    assert.equal(call.status, 200);
    assert.equal(backend.asked[0]?.headers["content-length"], `${content.length}`);
    assert.deepEqual(got, { "x-sum": "42" });
  });

  test(`A request over HTTP/2 with a length of ${what} and trailers goes without them to a backend of HTTP/1.1`, async () => {
    await using backend = await Recorder.start(async (connection) => {
      await connection.has(`\r\n\r\n${content}`);
      connection.say(OK);
    });
    const action = forwardTo([httpBackend(backend.port)]);
    await using world = await RelayWorld.start({ action, protocol: "h2" });
    const call = await askSized(world.port, content);
    assert.equal(call.status, 200);
    assert.ok(backend.text.endsWith(`\r\n\r\n${content}`));
  });
}

import assert from "node:assert/strict";
import { once } from "node:events";
import { type TestContext, test } from "node:test";
import { limits } from "../../src/config/limits.ts";
import { FLAG, FRAME, FrameClient, frame, headers, request, u32 } from "../support/h2-frames.ts";
import {
  type Answering,
  contentOf,
  Http2Backend,
  Http2Scene,
  h2cBackend,
} from "../support/http2-backend.ts";
import { forwardTo, get, post, RelayWorld } from "../support/relay-world.ts";
import { holdTicks, MARGIN_MS } from "../support/ticks.ts";

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

test("A field that has an empty line among others reaches an h2c backend with what the others say", async () => {
  await using scene = await Http2Scene.start(({ stream }) => {
    stream.respond({ ":status": 204 });
    stream.end();
  });
  const lines = ["X-A: v", "X-A:", "X-B:", "X-B: v", "X-C: v", "X-C:", "X-C: w", "X-D:", "X-D:"];
  scene.client.say(get(`${lines.join("\r\n")}\r\nCookie: a=1\r\nCookie:\r\n`));
  await scene.client.has("204");
  const { headers } = scene.backend.asked[0] ?? assert.fail();
  const told = ["x-a", "x-b", "x-c", "x-d", "cookie"].map((name) => headers[name]);
  assert.deepEqual(told, ["v", "v", "v, w", "", "a=1"]);
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

const STEP_MS = 5_000;

/** A request that begins a stream of messages, over HTTP/2 at both ends. */
async function talk(t: TestContext, answer: Answering) {
  const passAtOnce = holdTicks(t);
  /** With room for what is said meanwhile: a session is asked whether it is there. */
  const pass = async (ms: number) => {
    for (let left = ms; left > 0; left -= STEP_MS) {
      passAtOnce(Math.min(left, STEP_MS));
      for (let turn = 0; turn < 20; turn += 1) await new Promise(setImmediate);
    }
  };
  const stack = new AsyncDisposableStack();
  const backend = stack.use(await Http2Backend.start(answer));
  const action = forwardTo([h2cBackend(backend.port)]);
  const world = stack.use(await RelayWorld.start({ action, protocol: "h2" }));
  const client = stack.use(await FrameClient.connect(world.port));
  const fields = request({
    ":method": "POST",
    "content-type": "application/grpc+proto",
    te: "trailers",
  });
  client.say(headers(1, fields, FLAG.endHeaders));
  const { stream } = await backend.request(0);
  return { pass, client, stream, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

const MINUTES = 5;
const NEARLY_MS = limits.backendIdleTimeoutMs - 10_000;

test("A stream of messages lives as long as the backend has something to say now and then", async (t) => {
  await using talking = await talk(t, ({ stream }) => stream.respond({ ":status": 200 }));
  const { pass, client, stream } = talking;
  await client.until(() => client.status(1) === 200);
  for (let minute = 0; minute < MINUTES; minute += 1) {
    await pass(NEARLY_MS);
    stream.write("m");
    await client.until(() => client.of(FRAME.data, 1).length > minute);
  }
  client.say(frame(FRAME.data, FLAG.endStream, 1, "bye"));
  assert.equal((await contentOf(stream)).toString(), "bye");
  stream.end();
  await client.until(() => client.hasEnd(1));
});

for (const answers of ["an answer that has begun", "no answer yet"]) {
  test(`A stream of messages lives as long as the client has something to say now and then, with ${answers}`, async (t) => {
    await using talking = await talk(t, ({ stream }) => {
      if (answers !== "no answer yet") stream.respond({ ":status": 200 });
    });
    const { pass, client, stream } = talking;
    if (answers !== "no answer yet") await client.until(() => client.status(1) === 200);
    for (let minute = 0; minute < MINUTES; minute += 1) {
      client.say(frame(FRAME.data, 0, 1, "m"));
      await once(stream, "data");
      await pass(NEARLY_MS);
    }
    assert.deepEqual([client.resetCode(1), stream.closed], [undefined, false]);
  });
}

test("A stream of messages in which both are silent for too long is ended at both ends", async (t) => {
  await using talking = await talk(t, ({ stream }) => stream.respond({ ":status": 200 }));
  const { pass, client, stream } = talking;
  await client.until(() => client.status(1) === 200);
  await pass(limits.tunnelIdleTimeoutMs + MARGIN_MS);
  await client.until(() => client.resetCode(1) !== undefined);
  if (!stream.closed) await once(stream, "close");
  assert.deepEqual([client.resetCode(1), stream.rstCode], ["INTERNAL_ERROR", 8]);
});

test("A stream of messages that stops before there is an answer is answered 408", async (t) => {
  await using talking = await talk(t, () => undefined);
  const { pass, client, stream } = talking;
  client.say(frame(FRAME.data, 0, 1, "m"));
  await once(stream, "data");
  await pass(limits.tunnelIdleTimeoutMs + MARGIN_MS);
  await client.until(() => client.status(1) !== 0);
  assert.equal(client.status(1), 408);
});

test("A request with as many fields as are let in loses none of ours on its way over HTTP/2", async () => {
  await using scene = await Http2Scene.start(({ stream }) => {
    stream.respond({ ":status": 200, "content-length": 2 });
    stream.end("ok");
  });
  const many = Array.from({ length: limits.headMaxFields - 2 }, (_, index) => `X-N${index}: 1\r\n`);
  scene.client.say(post(`${many.join("")}Content-Length: 5\r\n`, "hello"));
  await scene.client.has("\r\n\r\nok");
  const { headers } = scene.backend.asked[0] ?? {};
  assert.equal(headers?.[`x-n${limits.headMaxFields - 3}`], "1");
  assert.equal(headers?.["x-forwarded-for"], "192.0.2.7");
  assert.equal(headers?.["x-real-ip"], "192.0.2.7");
  assert.equal(headers?.["content-length"], "5");
});

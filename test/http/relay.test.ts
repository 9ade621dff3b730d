import assert from "node:assert/strict";
import { test } from "node:test";
import { limits } from "../../src/config/limits.ts";
import { RawClient } from "../support/raw-client.ts";
import { answering, answeringOnce, DATE, OK, Recorder } from "../support/recorder.ts";
import {
  forwardTo,
  get,
  hostname,
  hostRoute,
  httpBackend,
  pathRoute,
  post,
  RelayScene,
  RelayWorld,
} from "../support/relay-world.ts";

test("A request and its answer cross the relay, and both connections are kept", async () => {
  await using scene = await RelayScene.start(answering(OK));
  const { client, backend } = scene;
  for (let count = 1; count <= 3; count += 1) {
    client.say(get("X-A: b\r\n", `/${count}?q`));
    await client.until(({ statuses }) => statuses.length === count);
  }
  assert.equal(client.text, OK.repeat(3));
  assert.equal(backend.connections.length, 1);
  assert.match(backend.text, /^GET \/1\?q HTTP\/1\.1\r\nHost: shop\.example\r\nX-A: b\r\n/);
});

test("Pipelined requests are answered in their order", async () => {
  await using scene = await RelayScene.start(async (connection) => {
    for (let from = 0; ; from = connection.text.indexOf("\r\n\r\n", from) + 4) {
      await connection.head(from);
      const path = /GET (\S+)/.exec(connection.text.slice(from))?.[1] ?? "";
      connection.say(`HTTP/1.1 200 OK\r\nContent-Length: ${path.length}\r\n\r\n${path}`);
    }
  });
  const { client } = scene;
  client.say(["/1", "/2", "/3", "/4"].map((path) => get("", path)).join(""));
  await client.has("/4");
  assert.deepEqual(client.text.match(/\/\d$|\/\d(?=HTTP)/g), ["/1", "/2", "/3", "/4"]);
});

test("Requests that come in single bytes are understood", async () => {
  await using scene = await RelayScene.start(answering(OK));
  const request = post("Transfer-Encoding: chunked\r\n", "5\r\nhello\r\n0\r\n\r\n");
  for (const byte of request) scene.client.say(byte);
  await scene.client.has("ok");
  await scene.backend.connections[0]?.has("0\r\n\r\n");
  assert.match(scene.backend.text, /Transfer-Encoding: chunked\r\n\r\n(?:[\s\S]*\r\n)?0\r\n\r\n$/);
});

test("A sized body reaches the backend with one Content-Length", async () => {
  await using scene = await RelayScene.start(answering(OK));
  scene.client.say(post("content-LENGTH:   5  \r\n", "hello"));
  await scene.client.has("ok");
  assert.match(scene.backend.text, /\r\nContent-Length: 5\r\n\r\nhello$/);
  assert.equal(scene.backend.text.match(/content-length/gi)?.length, 1);
});

test("A chunked body reaches the backend re-framed, without its extensions", async () => {
  await using scene = await RelayScene.start(answering(OK));
  scene.client.say(
    post("Transfer-Encoding: Chunked\r\n", "2;a=b\r\nhe\r\n3\r\nllo\r\n0\r\nX-T: x\r\n\r\n"),
  );
  await scene.client.has("ok");
  assert.match(scene.backend.text, /Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n$/);
});

test("Trailers go both ways when the client says that it takes them, but for forbidden ones", async () => {
  await using scene = await RelayScene.start(async (connection) => {
    await connection.has("X-Sum: 1\r\n\r\n");
    connection.say(
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\ngrpc-status: 0\r\nContent-Length: 3\r\nSet-Cookie: a\r\n\r\n",
    );
  });
  scene.client.say(
    post(
      "TE: trailers\r\nTransfer-Encoding: chunked\r\n",
      "0\r\nX-Sum: 1\r\nHost: evil.example\r\nAuthorization: x\r\nX_A: b\r\n\r\n",
    ),
  );
  await scene.client.has("grpc-status: 0\r\n\r\n");
  assert.match(scene.client.text, /\r\n\r\n2\r\nok\r\n0\r\ngrpc-status: 0\r\n\r\n$/);
  assert.match(
    scene.backend.text,
    /TE: trailers\r\nConnection: TE\r\n[\s\S]*0\r\nX-Sum: 1\r\n\r\n$/,
  );
});

test("Trailers that nobody asked for are dropped", async () => {
  const answer =
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-T: x\r\n\r\n";
  await using scene = await RelayScene.start(answering(answer));
  scene.client.say(get());
  await scene.client.has("0\r\n\r\n");
  assert.ok(!scene.client.text.includes("X-T"));
});

const bodiless = [
  {
    request: "HEAD / HTTP/1.1\r\nHost: shop.example\r\n\r\n",
    answer: "HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n",
    expect: /Content-Length: 500\r\n\r\n$/,
  },
  {
    request: "HEAD / HTTP/1.1\r\nHost: shop.example\r\n\r\n",
    answer: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
    expect: /200 OK\r\nDate: .*\r\n\r\n$/,
  },
  {
    request: get(),
    answer: "HTTP/1.1 304 Not Modified\r\nContent-Length: 500\r\n\r\n",
    expect: /Content-Length: 500\r\n\r\n$/,
  },
  {
    request: get(),
    answer: "HTTP/1.1 204 No Content\r\nContent-Length: 500\r\n\r\n",
    expect: /204 No Content\r\nDate: .*\r\n\r\n$/,
  },
];

for (const { request, answer, expect } of bodiless) {
  test(`The answer ${JSON.stringify(answer)} to ${request.split(" ")[0]} has no body, and the next one follows it`, async () => {
    await using scene = await RelayScene.start(answering(answer));
    scene.client.say(request);
    await scene.client.has("\r\n\r\n");
    assert.match(scene.client.text, expect);
    scene.client.say(request);
    await scene.client.until(({ statuses }) => statuses.length === 2);
    assert.equal(scene.backend.connections.length, 1);
  });
}

test("An answer without framing becomes chunked, and its connection is given up", async () => {
  await using scene = await RelayScene.start(async (connection) => {
    await connection.head();
    connection.say(`HTTP/1.0 200 OK\r\n${DATE}Content-Type: text/plain\r\n\r\nhello`);
    connection.socket.end();
  });
  scene.client.say(get());
  await scene.client.has("0\r\n\r\n");
  assert.match(
    scene.client.text,
    /^HTTP\/1\.1 200 OK\r\nDate: .*\r\nContent-Type: text\/plain\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n$/,
  );
  scene.client.say(get());
  await scene.client.until(({ statuses }) => statuses.length === 2);
  assert.equal(scene.backend.connections.length, 2);
});

test("An HTTP/1.0 client gets a chunked answer unframed, and the end of the connection", async () => {
  const answer = `HTTP/1.1 200 OK\r\n${DATE}Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n`;
  await using scene = await RelayScene.start(answering(answer));
  scene.client.say("GET / HTTP/1.0\r\nHost: shop.example\r\nConnection: keep-alive\r\n\r\n");
  assert.equal(
    await scene.client.finished(),
    `HTTP/1.1 200 OK\r\n${DATE}Connection: close\r\n\r\nok`,
  );
});

test("An HTTP/1.0 client that asks for it keeps its connection", async () => {
  await using scene = await RelayScene.start(answering(OK));
  const request = "GET / HTTP/1.0\r\nHost: shop.example\r\nConnection: keep-alive\r\n\r\n";
  scene.client.say(request);
  await scene.client.has("Connection: keep-alive\r\n\r\nok");
  scene.client.say(request);
  await scene.client.until(({ statuses }) => statuses.length === 2);
});

test("An HTTP/1.0 client that does not ask is closed after its answer", async () => {
  await using scene = await RelayScene.start(answering(OK));
  scene.client.say("GET / HTTP/1.0\r\nHost: shop.example\r\n\r\n");
  assert.match(await scene.client.finished(), /Connection: close\r\n\r\nok$/);
});

test("A client that says close is told so and closed", async () => {
  await using scene = await RelayScene.start(answering(OK));
  scene.client.say(get("Connection: close\r\n"));
  assert.match(await scene.client.finished(), /Connection: close\r\n\r\nok$/);
});

test("B5: A client that ends its side still gets its answer", async () => {
  await using scene = await RelayScene.start(answering(OK));
  scene.client.socket.end(get());
  assert.match(await scene.client.finished(), /ok$/);
});

test("A client that leaves in the middle of its body takes the backend connection with it", async () => {
  await using scene = await RelayScene.start();
  scene.client.say(post("Content-Length: 10\r\n", "hello"));
  const connection = await scene.backend.connection(0);
  await connection.has("hello");
  scene.client.socket.end();
  await connection.gone();
});

test("A client that leaves before its answer takes the backend connection with it", async () => {
  await using scene = await RelayScene.start();
  scene.client.say(get());
  const connection = await scene.backend.connection(0);
  await connection.head();
  scene.client.socket.resetAndDestroy();
  await connection.gone();
});

test("Interim answers are passed on to HTTP/1.1", async () => {
  await using scene = await RelayScene.start(
    answering(`HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n${OK}`),
  );
  scene.client.say(get());
  await scene.client.has("ok");
  assert.deepEqual(scene.client.statuses, [103, 102, 200]);
  assert.match(scene.client.text, /^HTTP\/1\.1 103 Early Hints\r\nLink: <\/a>\r\n\r\n/);
});

test("Interim answers are not passed on to HTTP/1.0", async () => {
  await using scene = await RelayScene.start(answering(`HTTP/1.1 103 Early Hints\r\n\r\n${OK}`));
  scene.client.say("GET / HTTP/1.0\r\nHost: shop.example\r\n\r\n");
  await scene.client.finished();
  assert.deepEqual(scene.client.statuses, [200]);
});

const EXPECT = "Content-Length: 5\r\nExpect: 100-continue\r\n";

test("Expect: 100-continue goes to the backend, its 100 comes back, then the body follows", async () => {
  await using scene = await RelayScene.start(async (connection) => {
    await connection.head();
    assert.ok(!connection.text.includes("hello"));
    connection.say("HTTP/1.1 100 Continue\r\n\r\n");
    await connection.has("hello");
    connection.say(OK);
  });
  scene.client.say(post(EXPECT));
  await scene.client.has("100 Continue\r\n\r\n");
  scene.client.say("hello");
  await scene.client.has("ok");
  assert.match(scene.backend.text, /Expect: 100-continue\r\n/);
  scene.client.say(get());
});

test("A final answer without the 100 is not kept waiting for the body, and ends the connection", async () => {
  await using scene = await RelayScene.start(
    answeringOnce(`HTTP/1.1 403 Forbidden\r\n${DATE}Content-Length: 2\r\n\r\nno`),
  );
  scene.client.say(post(EXPECT));
  assert.match(
    await scene.client.finished(),
    /^HTTP\/1\.1 403 Forbidden\r\nDate: .*\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno$/,
  );
});

test("A client that does not wait for its 100 gets its body through", async () => {
  await using scene = await RelayScene.start(async (connection) => {
    await connection.has("hello");
    connection.say(`HTTP/1.1 100 Continue\r\n\r\n${OK}`);
  });
  scene.client.say(post(EXPECT, "hello"));
  await scene.client.has("ok");
  assert.deepEqual(scene.client.statuses, [100, 200]);
});

test("T19: After an early answer a short rest of the body is read, and the next request is answered", async () => {
  await using scene = await RelayScene.start(answeringOnce(OK));
  scene.client.say(post("Content-Length: 1000\r\n", "x"));
  await scene.client.has("ok");
  scene.client.say("x".repeat(999) + get("", "/next"));
  await scene.client.until(({ statuses }) => statuses.length === 2);
  const second = await scene.backend.connection(1);
  assert.match(second.text, /^GET \/next /);
  await scene.backend.connections[0]?.gone();
});

test("T19: After an early answer a long rest of the body closes the connection", async () => {
  await using scene = await RelayScene.start(answeringOnce(OK));
  scene.client.say(post("Content-Length: 10000000\r\n", "x"));
  await scene.client.has("ok");
  scene.client.say("x".repeat(limits.drainMaxBytes + 1));
  await scene.client.finished();
  assert.equal(scene.backend.connections.length, 1);
});

test("A wrong Host on a connection that was good before is answered 421, and closes it", async () => {
  await using scene = await RelayScene.start(answering(OK));
  scene.client.say(get());
  await scene.client.has("ok");
  scene.client.say(`GET / HTTP/1.1\r\nHost: other.example\r\n\r\n${get()}`);
  await scene.client.finished();
  assert.deepEqual(scene.client.statuses, [200, 421]);
  assert.equal(scene.backend.requests, 1);
});

test("Another name of route and certificate is served on the same connection", async () => {
  const options = { alsoNamed: ["www.shop.example"] };
  await using scene = await RelayScene.start(answering(OK), {}, options);
  scene.client.say("GET / HTTP/1.1\r\nHost: WWW.shop.example.:443\r\n\r\n");
  await scene.client.has("ok");
  assert.match(scene.backend.text, /Host: WWW\.shop\.example\.:443\r\n/);
});

test("A refused request ends the connection, and what was pipelined behind it goes nowhere", async () => {
  await using scene = await RelayScene.start(answering(OK));
  scene.client.say(
    post("Content-Length: 1\r\nTransfer-Encoding: chunked\r\n", `0\r\n\r\n${get()}`),
  );
  const text = await scene.client.finished();
  assert.match(
    text,
    /^HTTP\/1\.1 400 Bad Request\r\n[\s\S]*Connection: close\r\n\r\n400 Bad Request\n$/,
  );
  assert.equal(scene.backend.connections.length, 0);
});

test("A broken chunk in the middle of a body is answered 400, and the backend sees no end of it", async () => {
  await using scene = await RelayScene.start();
  scene.client.say(post("Transfer-Encoding: chunked\r\n", "5\r\nhello\r\n"));
  const connection = await scene.backend.connection(0);
  await connection.has("hello");
  scene.client.say("xyz\r\n");
  await scene.client.finished();
  assert.deepEqual(scene.client.statuses, [400]);
  await connection.gone();
  assert.ok(!connection.text.endsWith("0\r\n\r\n"));
});

test("A body that is too large by its length is refused before anything is asked of a backend", async () => {
  await using scene = await RelayScene.start(answering(OK), { maxBodyBytes: 4 });
  scene.client.say(post("Content-Length: 5\r\n", "hello"));
  await scene.client.finished();
  assert.deepEqual(scene.client.statuses, [413]);
  assert.equal(scene.backend.connections.length, 0);
});

test("A chunked body that grows too large is answered 413", async () => {
  await using scene = await RelayScene.start(() => undefined, { maxBodyBytes: 4 });
  scene.client.say(post("Transfer-Encoding: chunked\r\n", "3\r\nabc\r\n"));
  const connection = await scene.backend.connection(0);
  await connection.has("abc");
  scene.client.say("2\r\nde\r\n0\r\n\r\n");
  await scene.client.finished();
  assert.deepEqual(scene.client.statuses, [413]);
  await connection.gone();
});

test("The longest prefix decides, and is taken off when the route says so", async () => {
  await using v2 = await Recorder.start(answering(OK));
  await using all = await Recorder.start(answering(OK));
  const paths = [
    pathRoute([httpBackend(v2.port)], { prefix: "/v2/", stripPrefix: true }),
    pathRoute([httpBackend(all.port)]),
  ];
  await using world = await RelayWorld.start({ action: { kind: "forward", paths } });
  using client = await RawClient.connect(world.port);
  for (const target of ["/v2/a?b", "/v2", "/v2/"]) client.say(get("", target));
  await client.until(({ statuses }) => statuses.length === 3);
  assert.deepEqual(v2.text.match(/GET \S+/g), ["GET /a?b", "GET /"]);
  assert.deepEqual(all.text.match(/GET \S+/g), ["GET /v2"]);
});

test("An absolute target reaches the backend as a path, with its authority as Host", async () => {
  await using scene = await RelayScene.start(answering(OK));
  scene.client.say("GET https://shop.example:8443/a?b HTTP/1.1\r\nHost: ignored.example\r\n\r\n");
  await scene.client.has("ok");
  assert.match(scene.backend.text, /^GET \/a\?b HTTP\/1\.1\r\nHost: shop\.example:8443\r\n/);
});

const redirects = [
  { port: 443, target: "/a/b?c=d", expect: "https://new.example/a/b?c=d" },
  { port: 443, target: "//evil.example/", expect: "https://new.example//evil.example/" },
  { port: 443, path: "/moved", target: "/a/b?c=d", expect: "https://new.example/moved" },
  { port: undefined, target: "/a", expect: "https://new.example:8443/a" },
];

for (const { port, path, target, expect } of redirects) {
  test(`A redirect of ${target}${path ? ` to ${path}` : ""} leads to ${expect}`, async () => {
    await using world = await RelayWorld.start({
      action: { kind: "redirect", host: "new.example", port, path, status: 308 },
    });
    using client = await RawClient.connect(world.port);
    client.say(get("", target));
    await client.has("\r\n\r\n");
    assert.match(client.text, /^HTTP\/1\.1 308 Permanent Redirect\r\nDate: .* GMT\r\n/);
    assert.ok(client.text.includes(`\r\nLocation: ${expect}\r\nContent-Length: 0\r\n\r\n`));
  });
}

test("A configured answer comes with its headers, its length in bytes, and the next request's after it", async () => {
  await using world = await RelayWorld.start({
    action: { kind: "respond", status: 203, headers: { "X-A": "b" }, body: "grüß" },
  });
  using client = await RawClient.connect(world.port);
  client.say(post("Content-Length: 5\r\n", "hello") + get());
  await client.until(({ statuses }) => statuses.length === 2);
  const body = Buffer.from("grüß").toString("latin1");
  assert.ok(
    client.text.endsWith(
      `X-A: b\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 6\r\n\r\n${body}`,
    ),
  );
});

test("A configured answer to HEAD has no body", async () => {
  await using world = await RelayWorld.start({
    action: { kind: "respond", status: 200, headers: {}, body: "hello" },
  });
  using client = await RawClient.connect(world.port);
  client.say("HEAD / HTTP/1.1\r\nHost: shop.example\r\nConnection: close\r\n\r\n");
  assert.match(await client.finished(), /Content-Length: 5\r\nConnection: close\r\n\r\n$/);
});

test("A connection is closed after its share of requests", async () => {
  await using world = await RelayWorld.start({
    action: { kind: "respond", status: 204, headers: {}, body: "" },
  });
  using client = await RawClient.connect(world.port);
  client.say(get().repeat(limits.requestsPerConnectionMax + 5));
  await client.finished();
  assert.equal(client.statuses.length, limits.requestsPerConnectionMax);
  assert.match(client.text, /Connection: close\r\n\r\n$/);
});

test("Draining closes idle connections at once and busy ones after their answer", async () => {
  let finish = (): void => {};
  await using scene = await RelayScene.start(async (connection) => {
    await connection.has("GET /idle ");
    connection.say(OK);
    await connection.has("GET /busy ");
    finish = () => connection.say(OK);
  });
  using idle = await RawClient.connect(scene.world.port);
  idle.say(get("", "/idle"));
  await idle.has("ok");
  scene.client.say(get("", "/busy"));
  await scene.backend.connections[0]?.has("GET /busy ");
  scene.world.relay.drain();
  assert.equal(await idle.finished(), OK);
  finish();
  assert.match(await scene.client.finished(), /Connection: close\r\n\r\nok$/);
});

test("Without keep-alive every answer ends its connection, also one that was asked for before", async () => {
  await using scene = await RelayScene.start(async (connection) => {
    await connection.head();
    scene.world.relay.keepAlive(false);
    connection.say(OK.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n"));
  });
  scene.client.say(get());
  assert.match(await scene.client.finished(), /\r\nConnection: close\r\n\r\nok$/);
  scene.world.relay.keepAlive(true);
  using next = await RawClient.connect(scene.world.port);
  scene.backend.script = answering(OK);
  next.say(get() + get());
  await next.until(({ statuses }) => statuses.length === 2);
  assert.doesNotMatch(next.text, /Connection: close/);
});

test("Idle connections are closed the oldest first, and those in use are not", async () => {
  await using scene = await RelayScene.start(answering(OK));
  scene.client.say("POST / HTTP/1.1\r\nHost: shop.example\r\nContent-Length: 4\r\n\r\nab");
  await scene.backend.connection(0);
  const idle: RawClient[] = [];
  for (let count = 0; count < 3; count += 1) {
    const client = await RawClient.connect(scene.world.port);
    idle.push(client);
    client.say(get());
    await client.has("ok");
  }
  scene.world.relay.closeIdle(2);
  await Promise.all(idle.slice(0, 2).map((client) => client.finished()));
  scene.world.relay.closeIdle(0);
  for (const client of [scene.client, ...idle.slice(2)]) assert.equal(client.isEnded, false);
  for (const client of idle) client.socket.destroy();
});

test("Closing the relay destroys everything", async () => {
  await using scene = await RelayScene.start();
  scene.client.say(get());
  const connection = await scene.backend.connection(0);
  await connection.head();
  assert.equal(scene.world.relay.open, 1);
  scene.world.relay.close();
  await connection.gone();
  await scene.client.gone();
  assert.deepEqual(scene.client.statuses, []);
});

test("A route that never reaches HTTP is a mistake of the caller", async () => {
  await using world = await RelayWorld.start({ action: forwardTo([]) });
  const { timeouts } = pathRoute([]);
  const route = hostRoute("shop.example", {
    kind: "tcp",
    backend: { host: "127.0.0.1", port: 1 },
    timeouts,
  });
  using client = await RawClient.connect(world.port);
  const connection = {
    socket: client.socket,
    protocol: "http/1.1" as const,
    host: hostname("shop.example"),
    route,
    certifiedNames: [],
    clientAddress: "",
  };
  assert.throws(() => world.relay.serve(connection), TypeError);
});

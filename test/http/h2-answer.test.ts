import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import type { Facts } from "../../src/base/errors.ts";
import { H2Client } from "../support/h2-client.ts";
import { FRAME, FrameClient, headers, request } from "../support/h2-frames.ts";
import { RawClient } from "../support/raw-client.ts";
import { answering, answeringOnce, DATE, OK, Recorder, type Script } from "../support/recorder.ts";
import { forwardTo, get, httpBackend, RelayScene, RelayWorld } from "../support/relay-world.ts";

const H2 = { protocol: "h2" } as const;

interface Scene extends AsyncDisposable {
  readonly scene: RelayScene;
  readonly client: H2Client;
}

async function open(
  script: Script,
  changes: Parameters<typeof RelayScene.start>[1] = {},
): Promise<Scene> {
  const scene = await RelayScene.start(script, changes, H2);
  const client = await H2Client.connect(scene.world.port);
  return {
    scene,
    client,
    [Symbol.asyncDispose]: async () => {
      client[Symbol.dispose]();
      await scene[Symbol.asyncDispose]();
    },
  };
}

test("An answer's fields come through as they are, each of its own, without those of a connection", async () => {
  const lines = `${DATE}Set-Cookie: a=1\r\nSet-Cookie: b=2\r\nETag: "a"\r\nETag: "b"\r\nX-Text: \xe4\xf6\r\nKeep-Alive: timeout=5\r\nConnection: X-Named\r\nX-Named: x\r\nContent-Length: 0\r\n`;
  await using scene = await open(answering(`HTTP/1.1 200 OK\r\n${lines}\r\n`));
  const call = await scene.client.get();
  assert.deepEqual(call.pairs, [
    ...[":status", "200", "date", "Mon, 23 Nov 2026 06:00:00 GMT"],
    ...["set-cookie", "a=1", "set-cookie", "b=2", "etag", '"a"', "etag", '"b"'],
    ...["x-text", "\xe4\xf6", "content-length", "0"],
  ]);
  assert.equal(call.isEnded, true);
});

test("An answer without a date gets one", async () => {
  await using scene = await open(answering("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"));
  assert.match(`${(await scene.client.get()).head?.date}`, / GMT$/);
});

test("A body comes through whole, sized, in chunks, or up to the end of the connection", async () => {
  const body = "0123456789".repeat(30_000);
  const chunks = body.replace(
    /.{1,50000}/g,
    (part) => `${part.length.toString(16)}\r\n${part}\r\n`,
  );
  for (const answer of [
    `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${chunks}0\r\n\r\n`,
    `HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n${body}`,
  ]) {
    await using scene = await open(async (connection) => {
      await connection.head();
      connection.say(answer);
      connection.socket.end();
    });
    const call = await scene.client.get();
    assert.equal(call.body, body);
    assert.deepEqual([call.status, call.isEnded, call.code], [200, true, 0]);
  }
});

test("Trailers come through, but for those that no trailer may add", async () => {
  const trailers = "grpc-status: 0\r\nX-A: 1\r\nX-A: 2\r\nSet-Cookie: a\r\nContent-Length: 3\r\n";
  await using scene = await open(
    answeringOnce(
      `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n${trailers}\r\n`,
    ),
  );
  const call = await scene.client.get();
  assert.equal(call.body, "ok");
  assert.deepEqual(call.trailers, { "grpc-status": "0", "x-a": "1, 2" });
  assert.equal(call.isEnded, true);
});

test("Trailers that come long after the body come through", async () => {
  await using scene = await open(async (connection) => {
    await connection.head();
    connection.say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n");
    await once(call.stream, "data");
    connection.say("0\r\nX-A: 1\r\n\r\n");
  });
  const call = scene.client.ask();
  await call.closed();
  assert.deepEqual(call.trailers, { "x-a": "1" });
  assert.equal(call.isEnded, true);
});

test("Interim answers come before the final one", async () => {
  await using scene = await open(
    answering(`HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\nLink: </b.css>\r\n\r\n${OK}`),
  );
  const call = await scene.client.get();
  assert.deepEqual(
    call.interims.map((head) => [head[":status"], head.link]),
    [[103, "</a.css>, </b.css>"]],
  );
  assert.equal(call.status, 200);
});

test("A client that waits for 100 gets it from the backend, and sends its body then", async () => {
  await using scene = await open(async (connection) => {
    await connection.head();
    connection.say("HTTP/1.1 100 Continue\r\n\r\n");
    await connection.has("\r\n\r\nhello");
    connection.say(OK);
  });
  const call = scene.client.ask(
    { ":method": "POST", expect: "100-continue", "content-length": "5" },
    true,
  );
  call.stream.once("continue", () => call.stream.end("hello"));
  await call.closed();
  assert.equal(call.body, "ok");
});

const bodiless: readonly [
  what: string,
  fields: Record<string, string>,
  answer: string,
  length?: string,
][] = [
  ["an answer to HEAD", { ":method": "HEAD" }, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", "5"],
  [
    "an answer to HEAD in chunks",
    { ":method": "HEAD" },
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
  ],
  ["204", {}, "HTTP/1.1 204 No Content\r\n\r\n"],
  ["205", {}, "HTTP/1.1 205 Reset Content\r\nContent-Length: 0\r\n\r\n"],
  [
    "205 that brings a body all the same",
    {},
    "HTTP/1.1 205 Reset Content\r\nContent-Length: 2\r\n\r\nno",
  ],
  ["304", {}, "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", "5"],
];

for (const [what, fields, answer, length] of bodiless) {
  test(`${what} ends with its head`, async () => {
    await using scene = await open(answering(answer));
    const call = await scene.client.get(fields);
    assert.equal(call.status, Number(/\d{3}/.exec(answer)?.[0]));
    assert.equal(call.head?.["content-length"], length);
    assert.deepEqual([call.body, call.isEnded, call.code], ["", true, 0]);
  });
}

test("A refusal of HEAD has no body, whether the request is understood or not", async () => {
  await using scene = await open(answering("nonsense\r\n\r\n"));
  assert.deepEqual((await scene.client.get({ ":method": "HEAD" })).status, 502);
  const broken = await scene.client.get({ ":method": "HEAD", ":scheme": "ftp" });
  assert.deepEqual([broken.status, broken.body, broken.isEnded], [400, "", true]);
});

for (const protocol of ["http/1.1", "h2"] as const) {
  test(`A status that HTTP does not know is answered 502 in our words over ${protocol}, and told`, async () => {
    const told: (string | undefined)[] = [];
    const access = ({ status, why }: Facts) => void told.push(`${status} ${why}`);
    await using backend = await Recorder.start(
      answering("HTTP/1.1 799 Odd\r\nContent-Length: 2\r\n\r\nok"),
    );
    const action = forwardTo([httpBackend(backend.port)]);
    await using world = await RelayWorld.start({ action, protocol, access });
    assert.equal(await answerOf(world.port, protocol), "502 Bad Gateway");
    assert.deepEqual(told, ["502 the answer's status is above 599"]);
    const [line] = world.log.lines;
    assert.deepEqual([line?.event, line?.facts["why"]], ["backend.failed", told[0]?.slice(4)]);
  });
}

/** The status of an answer to a GET, and its body. */
async function answerOf(port: number, protocol: "http/1.1" | "h2"): Promise<string> {
  if (protocol === "h2") {
    using client = await H2Client.connect(port);
    return (await client.get()).body.trim();
  }
  using client = await RawClient.connect(port);
  client.say(get("Connection: close\r\n"));
  const [, body = ""] = (await client.finished()).split("\r\n\r\n");
  return body.trim();
}

const cuts: readonly [what: string, answer: string][] = [
  ["a sized body", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf"],
  ["a chunked body", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n"],
  ["the trailers", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n0\r\nX-A: "],
];

for (const [what, answer] of cuts) {
  test(`B4: An answer that the backend cuts in ${what} ends with RST_STREAM and never with END_STREAM`, async () => {
    await using scene = await RelayScene.start(
      async (connection) => {
        await connection.head();
        connection.say(answer);
        await new Promise((resolve) => connection.socket.once("answered", resolve));
        connection.socket.destroy();
      },
      {},
      H2,
    );
    using client = await FrameClient.connect(scene.world.port);
    client.say(headers(1));
    await client.until(() => client.of(FRAME.data, 1).length > 0);
    scene.backend.connections[0]?.socket.emit("answered");
    await client.until(() => client.of(FRAME.reset, 1).length > 0);
    assert.equal(client.status(1), 200);
    assert.equal(client.resetCode(1), "INTERNAL_ERROR");
    assert.equal(client.hasEnd(1), false);
    client.say(headers(3, request({ ":path": "/next" })));
    await client.until(() => client.of(FRAME.data, 3).length > 0);
    assert.equal(client.of(FRAME.goaway).length, 0, "the connection goes on");
  });
}

test("A backend that is cut off before its answer is 502, one that speaks nonsense too", async () => {
  for (const nonsense of ["", "nonsense\r\n\r\n"]) {
    await using scene = await open(async (connection) => {
      await connection.head();
      connection.say(nonsense);
      connection.socket.end();
    });
    const call = await scene.client.get({ ":method": "POST" });
    assert.deepEqual([call.status, call.body], [502, "502 Bad Gateway\n"]);
  }
});

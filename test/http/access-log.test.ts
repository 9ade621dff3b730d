import assert from "node:assert/strict";
import { test } from "node:test";
import type { Facts } from "../../src/base/errors.ts";
import type { PathRoute } from "../../src/config/destination.ts";
import { limits } from "../../src/config/limits.ts";
import { CHEAP_HASH, CHEAP_PASSWORD } from "../support/passwords.ts";
import { RawClient } from "../support/raw-client.ts";
import { answering, answeringOnce, OK } from "../support/recorder.ts";
import { get, post, RelayScene, type WorldOptions } from "../support/relay-world.ts";
import { holdTicks, MARGIN_MS } from "../support/ticks.ts";

async function lineOf(
  script: Parameters<typeof RelayScene.start>[0],
  request: string,
  changes: Partial<PathRoute> = {},
  options: Partial<WorldOptions> = {},
): Promise<Facts> {
  let tell: (facts: Facts) => void = () => {};
  const told = new Promise<Facts>((resolve) => {
    tell = resolve;
  });
  await using scene = await RelayScene.start(script, changes, {
    ...options,
    access: (facts) => tell(facts),
  });
  scene.client.say(request);
  await scene.client.finished();
  return told;
}

test("A request leaves one line: who asked what of whom, what came of it, and never the query", async () => {
  const line = await lineOf(
    answering(OK),
    post("Content-Length: 5\r\nX-Request-Id: abc\r\nConnection: close\r\n", "hello").replace(
      "/ ",
      "/a?token=secret ",
    ),
  );
  const { durationMs, connectMs, firstByteMs, backend, ...rest } = line;
  assert.deepEqual(rest, {
    method: "POST",
    host: "shop.example",
    path: "/a",
    status: 200,
    bytesIn: 5,
    bytesOut: 2,
    client: "192.0.2.7",
    user: undefined,
    clientCertificate: undefined,
    requestId: "abc",
    why: undefined,
  });
  assert.match(String(backend), /^http:\/\/127\.0\.0\.1:\d+$/);
  assert.ok(Number(connectMs) > 0);
  assert.ok(Number(firstByteMs) > 0);
  assert.ok(Number(durationMs) > Number(connectMs) + Number(firstByteMs));
});

test("A connection that was there took no time to be made, and what is answered here took no backend's", async () => {
  const lines: Facts[] = [];
  const access = (facts: Facts) => void lines.push(facts);
  await using scene = await RelayScene.start(answering(OK), {}, { access });
  scene.client.say(get());
  await scene.client.has("ok");
  scene.client.say(get("Expect: a miracle\r\n"));
  await scene.client.finished();
  using second = await RawClient.connect(scene.world.port);
  second.say(get("Connection: close\r\n"));
  await second.finished();
  assert.deepEqual(
    lines.map(({ status, connectMs, firstByteMs }) => [
      status,
      typeof connectMs,
      typeof firstByteMs,
    ]),
    [
      [200, "number", "number"],
      [417, "undefined", "undefined"],
      [200, "undefined", "number"],
    ],
  );
});

test("A backend that says nothing has a connection, and no first byte", async (t) => {
  const pass = holdTicks(t);
  const lines: Facts[] = [];
  const access = (facts: Facts) => void lines.push(facts);
  await using scene = await RelayScene.start(undefined, {}, { access });
  scene.client.say(get("Connection: close\r\n"));
  await (await scene.backend.connection(0)).head();
  pass(limits.backendFirstByteTimeoutMs + MARGIN_MS);
  await scene.client.finished();
  const [line] = lines;
  assert.deepEqual(
    [line?.["status"], typeof line?.["connectMs"], line?.["firstByteMs"]],
    [504, "number", undefined],
  );
});

test("The query is in the path of the line where it is asked for", async () => {
  const { path } = await lineOf(
    answering(OK),
    get("Connection: close\r\n", "/a?token=secret"),
    {},
    { tellsQuery: true },
  );
  assert.equal(path, "/a?token=secret");
});

for (const [what, password, status, user] of [
  ["A right password names its user", CHEAP_PASSWORD, 200, "ops"],
  ["A wrong password names nobody", "guess", 401, undefined],
] as const) {
  test(`${what} in the line, and no password stands there`, async () => {
    const credentials = Buffer.from(`ops:${password}`).toString("base64");
    const line = await lineOf(
      answering(OK),
      get(`Authorization: Basic ${credentials}\r\nConnection: close\r\n`),
      {
        auth: {
          kind: "basic",
          users: { ops: CHEAP_HASH },
          realm: "staff",
          keepsAuthorization: false,
        },
      },
    );
    assert.deepEqual([line["status"], line["user"]], [status, user]);
    const text = JSON.stringify(line);
    assert.ok(!text.includes(`"${password}"`) && !text.includes(credentials));
  });
}

const unhappy = [
  { name: "A refused request", script: answering(OK), request: get("Host: b\r\n"), status: 400 },
  {
    name: "A request for another host",
    script: answering(OK),
    request: "GET / HTTP/1.1\r\nHost: b.example\r\n\r\n",
    status: 421,
  },
  {
    name: "A broken answer",
    script: answeringOnce("nonsense"),
    request: get("Connection: close\r\n"),
    status: 502,
  },
];

for (const { name, script, request, status } of unhappy) {
  test(`${name} leaves a line that says why`, async () => {
    const line = await lineOf(script, request);
    assert.equal(line["status"], status);
    assert.equal(typeof line["why"], "string");
  });
}

test("A client that leaves before its answer leaves a line without a status", async () => {
  const lines: Facts[] = [];
  await using scene = await RelayScene.start(
    undefined,
    {},
    { access: (facts) => lines.push(facts) },
  );
  scene.client.say(get());
  const connection = await scene.backend.connection(0);
  await connection.head();
  scene.client.socket.resetAndDestroy();
  await connection.gone();
  assert.deepEqual(
    lines.map(({ status, why }) => ({ status, why })),
    [{ status: 0, why: "the client left" }],
  );
});

test("The bytes of an answer of our own count", async () => {
  const line = await lineOf(
    answering(OK),
    "GET / HTTP/1.1\r\nHost: shop.example\r\nExpect: a miracle\r\n\r\n",
  );
  assert.equal(line["status"], 417);
  assert.equal(line["bytesOut"], "417 Expectation Failed\n".length);
});

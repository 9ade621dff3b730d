import assert from "node:assert/strict";
import { test } from "node:test";
import type { Auth } from "../../src/config/auth.ts";
import { limits } from "../../src/config/limits.ts";
import { configOf } from "../support/config-text.ts";
import { RawClient } from "../support/raw-client.ts";
import { answering, answeringOnce, OK, Recorder, type Script } from "../support/recorder.ts";
import { forwardTo, get, RelayScene, RelayWorld } from "../support/relay-world.ts";

const YES = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n";

/** A relay that asks a scripted service before a backend that says ok. */
class GuardedScene implements AsyncDisposable {
  readonly service: Recorder;
  readonly scene: RelayScene;

  static async start(script: Script, changes: Partial<ForwardAuth> = {}): Promise<GuardedScene> {
    const service = await Recorder.start(script);
    const address = { host: "127.0.0.1", port: service.port };
    const auth: ForwardAuth = {
      kind: "forward",
      service: { kind: "http", address, hostHeader: "backend" },
      target: "/verify?x=1",
      timeoutMs: limits.forwardAuthTimeoutMs,
      copied: ["remote-user", "remote-groups"],
      ...changes,
    };
    const scene = await RelayScene.start(answering(OK), { auth, vouched: auth.copied });
    return new GuardedScene(service, scene);
  }

  constructor(service: Recorder, scene: RelayScene) {
    this.service = service;
    this.scene = scene;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.scene[Symbol.asyncDispose]();
    await this.service[Symbol.asyncDispose]();
  }
}

type ForwardAuth = Extract<Auth, { kind: "forward" }>;

test("the service hears of method, target, host, client, cookie and password, and gets no body", async () => {
  await using guarded = await GuardedScene.start(answering(`${YES}\r\n`));
  const { client, backend } = guarded.scene;
  client.say(
    "POST /cart?id=7 HTTP/1.1\r\nHost: shop.example:8443\r\nCookie: s=1\r\nAuthorization: Bearer t\r\n" +
      "Accept: text/html\r\nX-Forwarded-Uri: /\r\nX-Forwarded-Method: GET\r\nIf-None-Match: *\r\nRange: bytes=0-1\r\n" +
      "Expect: 100-continue\r\nTE: trailers\r\nConnection: TE\r\nContent-Length: 5\r\n\r\nhello",
  );
  await client.has("\r\n\r\nok");
  const [head = "", rest] = guarded.service.text.split("\r\n\r\n");
  assert.equal(rest, "");
  const [line, ...fields] = head.split("\r\n");
  assert.equal(line, "GET /verify?x=1 HTTP/1.1");
  assert.deepEqual(
    fields.filter((field) => !/^(?:X-Request-Id|CDN-Loop): /.test(field)).toSorted(),
    [
      "Accept: text/html",
      "Authorization: Bearer t",
      "Cookie: s=1",
      `Host: 127.0.0.1:${guarded.service.port}`,
      "X-Forwarded-For: 192.0.2.7",
      "X-Forwarded-Host: shop.example:8443",
      "X-Forwarded-Method: POST",
      "X-Forwarded-Proto: https",
      "X-Forwarded-Uri: /cart?id=7",
      "X-Real-IP: 192.0.2.7",
    ],
  );
  assert.match(backend.text, /^POST \/cart\?id=7 HTTP\/1\.1\r\n[\s\S]*\r\n\r\nhello$/);
  assert.match(backend.text, /^Authorization: Bearer t\r\n/m);
});

test("what the service vouches for reaches the backend, and nobody else's word does", async () => {
  const vouching = `${YES}Remote-User: zoe\r\nREMOTE-GROUPS: a\r\nRemote-Groups: b\r\nRemote-Name: Z\r\nSet-Cookie: s=2\r\n\r\n`;
  await using guarded = await GuardedScene.start(answering(vouching));
  const { client, backend } = guarded.scene;
  client.say(get("Remote-User: root\r\nremote-groups: wheel\r\nRemote-Name: mine\r\n"));
  await client.has("\r\n\r\nok");
  const told = backend.text.match(/^remote-.*$/gim)?.map((line) => line.trim());
  assert.deepEqual(told, [
    "Remote-Name: mine",
    "Remote-User: zoe",
    "REMOTE-GROUPS: a",
    "Remote-Groups: b",
  ]);
  assert.doesNotMatch(client.text, /Set-Cookie|remote/i);
});

test("its cookies of a yes reach the client where Set-Cookie is copied, beside those of the answer", async () => {
  const renewing = `${YES}Set-Cookie: s=2\r\nSet-Cookie: t=3\r\nRemote-User: zoe\r\n\r\n`;
  for (const [what, answer] of cookieAnswers) {
    await using service = await Recorder.start(answering(renewing));
    await using backend = await Recorder.start(
      answering(OK.replace("\r\n", "\r\nSet-Cookie: b=1\r\n")),
    );
    const text = `hosts:
  shop.example:
    ${answer.replace("PORT", `${backend.port}`)}
    auth: { forward: "http://127.0.0.1:${service.port}/", copyHeaders: [Remote-User, Set-Cookie] }
    headers: { response: { set: { X-A: b } } }
`;
    const action = configOf(text).hosts[0]?.action ?? forwardTo([]);
    await using world = await RelayWorld.start({ action });
    using client = await RawClient.connect(world.port);
    client.say(get("Connection: close\r\nSet-Cookie: mine=1\r\n"));
    const cookies = (await client.finished())
      .match(/^Set-Cookie: .*$/gim)
      ?.map((line) => line.trim());
    const ours = ["Set-Cookie: s=2", "Set-Cookie: t=3"];
    assert.deepEqual(cookies, what === "forwarded" ? ["Set-Cookie: b=1", ...ours] : ours, what);
    assert.doesNotMatch(backend.text, /s=2/);
  }
});

/** What becomes of the request that was let in. */
const cookieAnswers: readonly (readonly [what: string, host: string])[] = [
  ["forwarded", "to: PORT"],
  ["answered here", "paths: { /: { respond: here } }"],
  ["refused by a dead backend", "to: 1"],
];

test("what the service vouches for does not come as a trailer either", async () => {
  await using guarded = await GuardedScene.start(answering(`${YES}\r\n`));
  const { client, backend } = guarded.scene;
  client.say(
    "POST / HTTP/1.1\r\nHost: shop.example\r\nTE: trailers\r\nConnection: TE\r\nTransfer-Encoding: chunked\r\n\r\n" +
      "2\r\nhi\r\n0\r\nRemote-User: root\r\n\r\n",
  );
  await client.has("\r\n\r\nok");
  await (await backend.connection(0)).has("0\r\n\r\n");
  assert.doesNotMatch(backend.text, /root/);
});

test("a yes that names nobody leaves nobody named", async () => {
  await using guarded = await GuardedScene.start(
    answering("HTTP/1.1 204 No Content\r\nConnection: Remote-User\r\nRemote-User: zoe\r\n\r\n"),
  );
  const { client, backend } = guarded.scene;
  client.say(get("Remote-User: root\r\n"));
  await client.has("\r\n\r\nok");
  assert.doesNotMatch(backend.text, /remote-user/i);
});

test("any other answer is the client's, with its cookies, place and body, byte for byte", async () => {
  const body = "\u0000\u00ff<a>login</a>";
  const no =
    "HTTP/1.1 302 Found\r\nLocation: https://login.example/?rd=%2F\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n" +
    `Content-Type: text/html\r\nConnection: close, X-Hop\r\nX-Hop: 1\r\nDate: Mon, 23 Nov 2026 06:00:00 GMT\r\nTransfer-Encoding: chunked\r\n\r\n` +
    `${body.length.toString(16)}\r\n${body}\r\n0\r\nX-Trailer: 1\r\n\r\n`;
  await using guarded = await GuardedScene.start(answering(no));
  const { client, backend } = guarded.scene;
  client.say(get());
  await client.has("</a>");
  const [head = "", got] = client.text.split("\r\n\r\n");
  const [line, ...fields] = head.split("\r\n");
  assert.equal(line, "HTTP/1.1 302 Found");
  assert.deepEqual(
    fields.filter((field) => !field.startsWith("Date:")),
    [
      "Location: https://login.example/?rd=%2F",
      "Set-Cookie: a=1",
      "Set-Cookie: b=2",
      "Content-Type: text/html",
      `Content-Length: ${body.length}`,
    ],
  );
  assert.equal(fields.filter((field) => field.startsWith("Date:")).length, 1);
  assert.equal(got, body);
  assert.equal(backend.requests, 0);
});

/** What the service does, and the status that the client gets: 200 is the backend's. */
const outcomes: readonly (readonly [string, string, number])[] = [
  ["says 299", "HTTP/1.1 299 Fine\r\nContent-Length: 0\r\n\r\n", 200],
  ["says 204", "HTTP/1.1 204 No Content\r\n\r\n", 200],
  ["says 103, then 200", `HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n${YES}\r\n`, 200],
  ["says 200 and why", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nyes", 200],
  [
    "says 200 and why in chunks",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nyes\r\n0\r\n\r\n",
    200,
  ],
  ["says 200 and more than anybody reads", `HTTP/1.1 200 OK\r\n\r\n${"x".repeat(200_000)}`, 502],
  ["says yes at a length that is a lie", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nno", 502],
  [
    "says yes in a chunk of no size",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nyes\r\n0\r\n\r\n",
    502,
  ],
  [
    "says yes in a chunk that is cut",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nye",
    502,
  ],
  ["says 401", "HTTP/1.1 401 Unauthorized\r\nContent-Length: 2\r\n\r\nno", 401],
  ["says 500", "HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n", 500],
  ["says 304", "HTTP/1.1 304 Not Modified\r\n\r\n", 304],
  [
    "says no at too great length",
    `HTTP/1.1 403 No\r\n\r\n${"x".repeat(limits.forwardAuthBodyMaxBytes + 1)}`,
    502,
  ],
  [
    "says no at too great a length that it names",
    `HTTP/1.1 403 No\r\nContent-Length: 100000\r\n\r\n${"x".repeat(100_000)}`,
    502,
  ],
  ["says no at a length that is a lie", "HTTP/1.1 403 No\r\nContent-Length: 9\r\n\r\nno", 502],
  [
    "switches protocols",
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
    502,
  ],
  [
    "says 200 with two lengths",
    "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nContent-Length: 0\r\n\r\n",
    502,
  ],
  ["says 200 in HTTP/0.9", "200 OK\r\n\r\n", 502],
  ["says 200 without an end to its head", `HTTP/1.1 200 OK\r\nX: ${"x".repeat(20_000)}`, 502],
  ["says nothing and leaves", "", 502],
];

for (const [what, answer, status] of outcomes) {
  test(`a service that ${what}: ${status}`, async () => {
    const script: Script = async (connection) => {
      await connection.head();
      connection.socket.end(answer, "latin1");
    };
    await using guarded = await GuardedScene.start(script);
    const { client, backend } = guarded.scene;
    client.say(get());
    await client.has(`HTTP/1.1 ${status} `);
    assert.deepEqual(client.statuses, [status]);
    assert.equal(backend.requests, status === 200 ? 1 : 0);
  });
}

test("a service that is not there lets nobody in", async () => {
  await using guarded = await GuardedScene.start(answering(YES), {
    service: { kind: "unix", path: "/nowhere", hostHeader: "client" },
  });
  guarded.scene.client.say(get());
  await guarded.scene.client.has("HTTP/1.1 502 ");
  assert.equal(guarded.scene.backend.requests, 0);
});

test("a service that is silent, or never ends, lets nobody in after its time", async () => {
  for (const answer of [
    "",
    "HTTP/1.1 403 No\r\nContent-Length: 9\r\n\r\nno",
    "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nye",
  ]) {
    await using guarded = await GuardedScene.start(answeringOnce(answer), { timeoutMs: 150 });
    guarded.scene.client.say(get());
    await guarded.scene.client.has("HTTP/1.1 504 ");
    await (await guarded.service.connection(0)).gone();
    assert.equal(guarded.scene.backend.requests, 0);
  }
});

test("a client that leaves takes its question along", async () => {
  await using guarded = await GuardedScene.start(() => undefined);
  guarded.scene.client.say(get());
  const asked = await guarded.service.connection(0);
  await asked.head();
  guarded.scene.client.socket.resetAndDestroy();
  await asked.gone();
  assert.equal(guarded.scene.backend.requests, 0);
});

test("so many questions are under way at once, and one more request is refused", async () => {
  const before = limits.forwardAuthMax;
  Object.assign(limits, { forwardAuthMax: 1 });
  try {
    await using guarded = await GuardedScene.start(() => undefined);
    guarded.scene.client.say(get());
    await (await guarded.service.connection(0)).head();
    using second = await RawClient.connect(guarded.scene.world.port);
    second.say(get());
    await second.has("503 Service Unavailable\n");
    assert.match(second.text, /^Retry-After: 1\r\n/m);
    guarded.scene.client.socket.resetAndDestroy();
    await (await guarded.service.connection(0)).gone();
    second.say(get());
    await (await guarded.service.connection(1)).head();
  } finally {
    Object.assign(limits, { forwardAuthMax: before });
  }
});

test("questions share connections, and each request has one of its own", async () => {
  await using guarded = await GuardedScene.start(answering(`${YES}\r\n`));
  const { client } = guarded.scene;
  client.say(get("", "/a") + get("", "/b") + get("", "/c"));
  await client.until(({ statuses }) => statuses.length === 3);
  const asked = guarded.service.text.match(/^X-Forwarded-Uri: .*$/gm)?.map((line) => line.trim());
  assert.deepEqual(asked, ["X-Forwarded-Uri: /a", "X-Forwarded-Uri: /b", "X-Forwarded-Uri: /c"]);
  assert.equal(guarded.service.connections.length, 1);
});

test("a WebSocket is asked about as a plain GET, then opened", async () => {
  await using guarded = await GuardedScene.start(answering(`${YES}Remote-User: zoe\r\n\r\n`));
  const { client, backend } = guarded.scene;
  backend.script = answeringOnce(
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\nhi",
  );
  client.say(
    get(
      "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
    ),
  );
  await client.has("\r\n\r\nhi");
  assert.doesNotMatch(guarded.service.text, /websocket/i);
  assert.match(backend.text, /^Remote-User: zoe\r\n/m);
});

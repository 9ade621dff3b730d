import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, createServer } from "node:net";
import { pipeline } from "node:stream";
import { test } from "node:test";
import { createServer as createTlsServer } from "node:tls";
import type { Facts } from "../../src/base/errors.ts";
import type { Auth } from "../../src/config/auth.ts";
import type { Action } from "../../src/config/destination.ts";
import { limits } from "../../src/config/limits.ts";
import { makeAuthority, makeCertificate } from "../support/certificates.ts";
import { H2Client } from "../support/h2-client.ts";
import { RawClient } from "../support/raw-client.ts";
import { answering, OK, portOf } from "../support/recorder.ts";
import {
  forwardTo,
  get,
  httpBackend,
  httpsBackendOf,
  post,
  RelayScene,
  RelayWorld,
  type WorldOptions,
} from "../support/relay-world.ts";

const WEBSOCKET = get(
  "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n",
);
const WHY = "the request comes back here again and again: what it is forwarded to leads here";

/** A relay whose route leads back to itself, and what it has noted of each request. */
async function startCircle(routeTo: (port: number) => Action, options: Partial<WorldOptions> = {}) {
  const server = createServer({ allowHalfOpen: true });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const requests: Facts[] = [];
  const world = new RelayWorld(server, {
    action: routeTo(portOf(server)),
    access: (facts) => void requests.push(facts),
    ...options,
  });
  return { world, requests };
}

const toItself = (port: number) => forwardTo([httpBackend(port)]);

function toldOf(world: RelayWorld): readonly (readonly unknown[])[] {
  return world.log.lines
    .filter(({ event }) => event === "backend.failed")
    .map(({ facts }) => [facts["host"], facts["status"], facts["why"]]);
}

const rows: readonly (readonly [string, string])[] = [
  ["A request", get()],
  ["A request with a body", post("Content-Length: 5\r\n", "hello")],
  ["A WebSocket's handshake", WEBSOCKET],
  [
    "A request whose client takes CDN-Loop for its own connection's",
    get("Connection: CDN-Loop\r\n"),
  ],
];

for (const [what, request] of rows) {
  test(`${what} that is forwarded in a circle goes round a few times, gets 502, and is told of once`, async () => {
    const { world, requests } = await startCircle(toItself);
    await using _world = world;
    using client = await RawClient.connect(world.port);
    client.say(request);
    await client.until(({ statuses }) => statuses.length === 1);
    assert.deepEqual(client.statuses, [502]);
    assert.equal(requests.length, limits.passagesMax + 1);
    assert.equal(requests[0]?.["why"], WHY);
    assert.deepEqual(toldOf(world), [["shop.example", 502, WHY]]);
  });
}

test("A circle over HTTP/2 ends as one over HTTP/1.1", async () => {
  const authority = makeAuthority();
  const { chain, key } = makeCertificate({ names: ["backend.example"], issuer: authority });
  let inner = 0;
  const door = createTlsServer({ cert: chain, key, ALPNProtocols: ["h2"] }, (socket) => {
    const through = connect(inner, "127.0.0.1");
    pipeline(socket, through, socket, () => undefined);
  });
  door.listen(0, "127.0.0.1");
  await once(door, "listening");
  const { world, requests } = await startCircle(
    (port) => {
      inner = port;
      return forwardTo([httpsBackendOf(portOf(door), authority.certificate)]);
    },
    { protocol: "h2" },
  );
  using client = await H2Client.connect(world.port);
  assert.equal((await client.get()).status, 502);
  assert.equal(requests.length, limits.passagesMax + 1);
  assert.deepEqual(toldOf(world), [["shop.example", 502, WHY]]);
  await world[Symbol.asyncDispose]();
  door.close();
});

test("A service that decides who may in, and is asked about itself, ends as a circle does", async () => {
  const { world, requests } = await startCircle((port) => {
    const service = httpBackend(port);
    const timeoutMs = limits.forwardAuthTimeoutMs;
    const auth: Auth = { kind: "forward", service, target: "/verify", timeoutMs, copied: [] };
    return forwardTo([service], { auth });
  });
  await using _world = world;
  using client = await RawClient.connect(world.port);
  client.say(get());
  await client.until(({ statuses }) => statuses.length === 1);
  assert.deepEqual(client.statuses, [502]);
  assert.equal(requests.length, limits.passagesMax + 1);
});

/** The CDN-Loop lines that a backend got of a request, in order. */
function loopLines(head: string): readonly string[] {
  return head.split("\r\n").filter((line) => line.toLowerCase().startsWith("cdn-loop:"));
}

test("An application may come back with a request of its own a few times, and others' entries in CDN-Loop stay", async () => {
  await using scene = await RelayScene.start(answering(OK));
  scene.client.say(get("cdn-loop: other.example; a=1, another\r\n"));
  await scene.client.has("ok");
  const [others = "", own = "", ...more] = loopLines(scene.backend.text);
  assert.equal(others, "cdn-loop: other.example; a=1, another");
  assert.match(own, /^CDN-Loop: [0-9a-f]{16}$/);
  assert.deepEqual(more, []);

  const id = own.slice("CDN-Loop: ".length);
  const forms: readonly (readonly [string, number])[] = [
    [`${own}\r\n`.repeat(limits.passagesMax - 1), 200],
    [`${own}\r\n`.repeat(limits.passagesMax), 502],
    [`CDN-Loop: ${Array(limits.passagesMax).fill(id).join(", ")}\r\n`, 502],
    [`cdn-loop: ${Array(limits.passagesMax).fill(`${id};x="1"`).join("\t,")}\r\n`, 502],
    [`CDN-Loop: ${Array(20).fill("0123456789abcdef").join(", ")}\r\n`, 200],
  ];
  for (const [lines, status] of forms) {
    using client = await RawClient.connect(scene.world.port);
    client.say(get(lines));
    await client.until(({ statuses }) => statuses.length === 1);
    assert.deepEqual(client.statuses, [status], lines);
  }
});

test("Workers that the manager has told the same know a request by the same id, others by another", async () => {
  const idOf = async (secret: string | undefined) => {
    await using scene = await RelayScene.start(answering(OK));
    if (secret !== undefined)
      scene.world.relay.hear({ cookieSecret: secret, drained: [], checked: [] });
    scene.client.say(get());
    await scene.client.has("ok");
    return loopLines(scene.backend.text).join();
  };
  const [one, same, other, alone] = [
    await idOf(Buffer.alloc(32, 1).toString("base64")),
    await idOf(Buffer.alloc(32, 1).toString("base64")),
    await idOf(Buffer.alloc(32, 2).toString("base64")),
    await idOf(undefined),
  ];
  assert.equal(one, same);
  assert.equal(new Set([one, other, alone]).size, 3);
});

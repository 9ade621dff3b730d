import assert from "node:assert/strict";
import { test } from "node:test";
import { TLSSocket } from "node:tls";
import { systemNames } from "../../src/backend/system-names.ts";
import { limits } from "../../src/config/limits.ts";
import { look } from "../../src/health/look.ts";
import { makeAuthority, makeCertificate } from "../support/certificates.ts";
import { FrameBackend, type FramePeer, greeting } from "../support/h2-frame-backend.ts";
import { FLAG, FRAME, frame, headers, u32 } from "../support/h2-frames.ts";
import { h2cBackend } from "../support/http2-backend.ts";
import { RawClient } from "../support/raw-client.ts";
import {
  forwardTo,
  get,
  httpsBackendOf,
  KeptLog,
  post,
  RelayWorld,
} from "../support/relay-world.ts";
import { holdTicks, MARGIN_MS, turns } from "../support/ticks.ts";

const authority = makeAuthority();
const server = makeCertificate({ names: ["backend.example"], issuer: authority });
const SECURE = { cert: server.chain, key: server.key, ALPNProtocols: ["h2", "http/1.1"] };
const HTTP_1_1_REQUIRED = 13;

const reset = (stream: number): Buffer => frame(FRAME.reset, 0, stream, u32(HTTP_1_1_REQUIRED));
const goaway = (last: number): Buffer =>
  frame(FRAME.goaway, 0, 0, Buffer.concat([u32(last), u32(HTTP_1_1_REQUIRED)]));

function speaksHttp2({ socket }: FramePeer): boolean {
  return !(socket instanceof TLSSocket) || socket.alpnProtocol === "h2";
}

/** Says `refusal` to each request over HTTP/2, and 200 to each over HTTP/1.1. */
function refuser(refusal: (stream: number) => readonly Buffer[]) {
  return async (peer: FramePeer): Promise<void> => {
    if (!speaksHttp2(peer)) {
      peer.socket.on("data", () => {
        peer.socket.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
      });
      return;
    }
    peer.say(greeting());
    for (let index = 0; ; index += 1) {
      const stream = await peer.request(index);
      if (stream === 0) return;
      peer.say(...refusal(stream));
    }
  };
}

/** Requests over HTTP/2, and connections of HTTP/1.1. */
function counts(backend: FrameBackend): [number, number] {
  return [
    backend.peers.filter(speaksHttp2).reduce((sum, peer) => sum + peer.of(FRAME.headers).length, 0),
    backend.peers.filter((peer) => !speaksHttp2(peer)).length,
  ];
}

for (const { name, refusal, request = get(), statuses, over } of [
  { name: "resets the stream of a GET", refusal: (id: number) => [reset(id)], statuses: [200] },
  {
    name: "resets the stream of a POST without a body",
    refusal: (id: number) => [reset(id)],
    request: post("Content-Length: 0\r\n"),
    statuses: [200],
  },
  {
    name: "resets the stream of a POST with a small body",
    refusal: (id: number) => [reset(id)],
    request: post("Content-Length: 5\r\n", "hello"),
    statuses: [200],
  },
  { name: "goes away for good", refusal: () => [goaway(0)], statuses: [200] },
  { name: "goes away after this stream", refusal: (id: number) => [goaway(id)], statuses: [200] },
  {
    name: "resets the stream after its head",
    refusal: (id: number) => [headers(id, [[":status", "200"]], FLAG.endHeaders), reset(id)],
    statuses: [200],
    over: [1, 0] as [number, number],
  },
]) {
  test(`An https backend that ${name}, since it wants HTTP/1.1: ${statuses}`, async () => {
    await using backend = await FrameBackend.startSecure(refuser(refusal), SECURE);
    const action = forwardTo([httpsBackendOf(backend.port, authority.certificate)]);
    await using world = await RelayWorld.start({ action });
    using client = await RawClient.connect(world.port);
    client.say(request);
    await client.until((each) => each.statuses.length > 0);
    assert.deepEqual(client.statuses, statuses);
    if (over === undefined) await client.has("\r\n\r\nok");
    else await client.finished();
    assert.deepEqual(counts(backend), over ?? [1, 1]);
  });
}

test("A chunked body without content is one end, and not two, to a backend that wants HTTP/1.1", async () => {
  const heard: Buffer[] = [];
  await using backend = await FrameBackend.startSecure(async (peer) => {
    if (!speaksHttp2(peer)) peer.socket.on("data", (bytes: Buffer) => heard.push(bytes));
    await refuser((id) => [reset(id)])(peer);
  }, SECURE);
  const action = forwardTo([httpsBackendOf(backend.port, authority.certificate)]);
  await using world = await RelayWorld.start({ action });
  using client = await RawClient.connect(world.port);
  client.say(post("Transfer-Encoding: chunked\r\n", "0\r\n\r\n"));
  await client.has("\r\n\r\nok");
  await turns();
  assert.match(`${Buffer.concat(heard)}`, /^POST (?:[^\r]+\r\n)+\r\n0\r\n\r\n$/);
});

test("What wants HTTP/1.1 gets that from then on", async (t) => {
  const pass = holdTicks(t);
  await using backend = await FrameBackend.startSecure(
    refuser((id) => [reset(id)]),
    SECURE,
  );
  const action = forwardTo([httpsBackendOf(backend.port, authority.certificate)]);
  await using world = await RelayWorld.start({ action });
  for (const [expected, pause] of [
    [[1, 1], 0],
    [[1, 1], limits.backendPoolIdleMs + MARGIN_MS],
    [[1, 2], 0],
  ] as const) {
    const client = await RawClient.connect(world.port);
    client.say(get());
    await client.has("\r\n\r\nok");
    client[Symbol.dispose]();
    await turns();
    assert.deepEqual(counts(backend), expected);
    pass(pause);
  }
});

test("An h2c backend that wants HTTP/1.1 cannot get it: 502", async () => {
  await using backend = await FrameBackend.start(refuser((id) => [reset(id)]));
  await using world = await RelayWorld.start({ action: forwardTo([h2cBackend(backend.port)]) });
  using client = await RawClient.connect(world.port);
  client.say(get());
  await client.has("HTTP/1.1 502");
  assert.equal(backend.requests, 1);
});

for (const { name, refusal } of [
  { name: "resets the stream", refusal: (id: number) => [reset(id)] },
  { name: "goes away", refusal: () => [goaway(0)] },
]) {
  test(`A look at a backend that ${name}, since it wants HTTP/1.1, is over that`, async () => {
    await using backend = await FrameBackend.startSecure(refuser(refusal), SECURE);
    const check = {
      ...{ path: "/up", statuses: [[200, 399]] as const, everyMs: 1_000, timeoutMs: 5_000 },
      ...{ healthyAfter: 1, unhealthyAfter: 1 },
    };
    const to = httpsBackendOf(backend.port, authority.certificate);
    const target = { backend: to, authority: "shop.example", check };
    const seen = await look(target, new AbortController().signal, systemNames(new KeptLog()));
    assert.deepEqual(seen, { isGood: true, why: "it answers 200" });
    assert.deepEqual(counts(backend), [1, 1]);
  });
}

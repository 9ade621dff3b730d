import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { limits } from "../../src/config/limits.ts";
import { FrameBackend, greeting } from "../support/h2-frame-backend.ts";
import { FRAME, FrameClient, frame, headers, request, u32 } from "../support/h2-frames.ts";
import { type Asked, Http2Backend, h2cBackend } from "../support/http2-backend.ts";
import { RawClient } from "../support/raw-client.ts";
import { forwardTo, get, RelayWorld } from "../support/relay-world.ts";
import { holdTicks, turns } from "../support/ticks.ts";

/** What Netty's servers stand in half a minute, and a fifth of what nghttp2's do. */
const BACKEND_RESETS = 200;

const asking = (stream: number, path = "/"): Buffer => headers(stream, request({ ":path": path }));
const takingBack = (stream: number): Buffer => frame(FRAME.reset, 0, stream, u32(8));

/** A backend that begins an answer to `/long` and leaves the rest unanswered, and cuts who takes back too much. */
function counting(answer: (asked: Asked) => void): Promise<Http2Backend> {
  return Http2Backend.start(
    (asked) => {
      if (asked.headers[":path"] !== "/long") answer(asked);
      else {
        asked.stream.respond({ ":status": 200 });
        asked.stream.write("begun");
      }
    },
    { streamResetBurst: BACKEND_RESETS, streamResetRate: 1 },
  );
}

/** So many requests at once, each over its connection. */
const AT_ONCE = limits.backendResetsMax;

/** Takes `count` requests back that have reached the backend, over as many connections as that takes. */
async function takeBack(port: number, backend: Http2Backend, count: number): Promise<void> {
  const streams = Array.from({ length: AT_ONCE }, (_, at) => 2 * at + 1);
  for (let done = 0; done < count; done += AT_ONCE) {
    using client = await FrameClient.connect(port);
    const before = backend.asked.length;
    client.say(...streams.map((stream) => asking(stream)));
    await backend.request(before + AT_ONCE - 1);
    client.say(...streams.map(takingBack));
    for (const { stream } of backend.asked.slice(before))
      if (!stream.closed) await once(stream, "close");
  }
}

const lasting = (backend: Http2Backend): readonly Asked[] =>
  backend.asked.filter(({ headers: head }) => head[":path"] === "/long");

test("T25: Clients that take their requests back cut nobody else's, however few a backend stands", async (t) => {
  holdTicks(t);
  await using backend = await counting(() => undefined);
  const action = forwardTo([h2cBackend(backend.port)]);
  await using world = await RelayWorld.start({ action, protocol: "h2" });
  using other = await FrameClient.connect(world.port);
  other.say(asking(1, "/long"));
  await other.until(() => other.of(FRAME.data, 1).length > 0);
  await takeBack(world.port, backend, 2 * BACKEND_RESETS);
  lasting(backend)[0]?.stream.end("over");
  await other.until(() => other.hasEnd(1) || other.of(FRAME.reset, 1).length > 0);
  assert.ok(other.hasEnd(1), "its answer was cut");
  const spent = (2 * BACKEND_RESETS) / AT_ONCE;
  assert.ok(backend.sessions.length <= spent + 1, `${backend.sessions.length} sessions`);
  const open = backend.sessions.filter(({ destroyed }) => !destroyed);
  assert.ok(open.length <= 2, `${open.length} sessions are still open`);
});

test("T25: When each session has had many streams taken back and is held by a long one, they share the rest", async (t) => {
  holdTicks(t);
  await using backend = await counting(() => undefined);
  const action = forwardTo([h2cBackend(backend.port)]);
  await using world = await RelayWorld.start({ action, protocol: "h2" });
  using other = await FrameClient.connect(world.port);
  for (let at = 0; at < limits.backendSessionsMax; at += 1) {
    other.say(asking(2 * at + 1, "/long"));
    await other.until(() => other.of(FRAME.data, 2 * at + 1).length > 0);
    await takeBack(world.port, backend, AT_ONCE);
  }
  assert.equal(backend.sessions.length, limits.backendSessionsMax, "one for each of the long ones");
  await takeBack(world.port, backend, 2 * BACKEND_RESETS);
  assert.equal(backend.sessions.length, limits.backendSessionsMax, "and no more");
  for (const { stream } of lasting(backend)) stream.end("over");
  for (let at = 0; at < limits.backendSessionsMax; at += 1)
    await other.until(() => other.hasEnd(2 * at + 1));
  await turns();
  assert.ok(
    backend.sessions.every(({ destroyed }) => destroyed),
    "those that are of no use stay",
  );
});

test("Requests that are taken back while their session is being made cost no connection each", async () => {
  let open: () => void = () => undefined;
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  await using backend = await FrameBackend.start(async (peer) => {
    await opened;
    peer.say(greeting());
    peer.say(headers(await peer.request(0), [[":status", "200"]]));
  });
  await using world = await RelayWorld.start({ action: forwardTo([h2cBackend(backend.port)]) });
  for (let turn = 0; turn < 5; turn += 1) {
    using client = await RawClient.connect(world.port);
    client.say(get());
    await backend.peer(0);
    client.socket.resetAndDestroy();
    while (world.relay.open > 0) await turns(1);
  }
  using next = await RawClient.connect(world.port);
  next.say(get());
  open();
  await next.has("HTTP/1.1 200");
  assert.equal(backend.peers.length, 1);
});

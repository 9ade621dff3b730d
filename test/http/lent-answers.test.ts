import assert from "node:assert/strict";
import { test } from "node:test";
import { limits } from "../../src/config/limits.ts";
import {
  contentIn,
  FLAG,
  FRAME,
  FrameClient,
  frame,
  headers,
  request,
  settings,
  u32,
} from "../support/h2-frames.ts";
import { RawClient } from "../support/raw-client.ts";
import type { Recorded } from "../support/recorded.ts";
import { Recorder } from "../support/recorder.ts";
import { get, RelayScene } from "../support/relay-world.ts";
import { turns } from "../support/ticks.ts";
import { acceptWebSocket, CONNECT } from "../support/websocket.ts";

/** Longer than what is lent below, so that nothing of that is left. */
const OTHER = `HTTP/1.1 200 OK\r\nContent-Length: 4000\r\n\r\n${"z".repeat(4_000)}`;
const H2 = { protocol: "h2" } as const;

/** Answers `/other` with {@link OTHER}, and everything else as `answer` does. */
function besides(answer: (connection: Recorded) => Promise<void>) {
  return async (connection: Recorded): Promise<void> => {
    await connection.head();
    if (connection.text.startsWith("GET /other ")) connection.say(OTHER);
    else await answer(connection);
  };
}

/** Has another answer read where those of all backends are read. */
async function disturb(port: number): Promise<void> {
  using other = await RawClient.connect(port);
  other.say(get("", "/other"));
  await other.has("zzz");
}

test("Half a head of an answer is not written over by another answer, nor goes on with what was left of that", async () => {
  const { promise: mayGoOn, resolve: goOn } = Promise.withResolvers<void>();
  await using scene = await RelayScene.start(
    besides(async (connection) => {
      connection.say("HTTP/1.1 200 OK\r\nX-Whose: mine\r\nContent-Le");
      await mayGoOn;
      connection.say("ngth: 4\r\n\r\nok");
      await turns();
      connection.say("ay");
    }),
  );
  const { backend, client, world } = scene;
  client.say(get());
  await (await backend.connection(0)).head();
  await turns();
  await disturb(world.port);
  goOn();
  await client.until(({ text }) => /\r\n\r\nok../.test(text));
  assert.match(client.text, /^HTTP\/1\.1 200 OK\r\nX-Whose: mine\r\n(?:.+\r\n)+\r\nokay$/);
});

test("What a WebSocket's backend said, behind its handshake and later, is not written over while it waits", async () => {
  await using scene = await RelayScene.start(
    besides((connection) => acceptWebSocket(connection, "first")),
    {},
    H2,
  );
  const { backend, world } = scene;
  using client = await FrameClient.connect(world.port, settings([1, 0], [4, 0]));
  client.say(headers(1, CONNECT, FLAG.endHeaders));
  await client.until(() => client.status(1) === 200);
  (await backend.connection(0)).say("second");
  await turns();
  client.say(headers(3, request({ ":path": "/other" })));
  await client.until(() => client.status(3) === 200);
  client.say(frame(FRAME.windowUpdate, 0, 1, u32(11)));
  await client.until(() => contentIn(client.frames, 1).length === 11);
  assert.equal(contentIn(client.frames, 1), "firstsecond");
});

test("What a service says that lets nobody in is not written over before its end", async () => {
  const { promise: mayGoOn, resolve: goOn } = Promise.withResolvers<void>();
  await using service = await Recorder.start(async (connection) => {
    await connection.head();
    if (connection.text.includes("X-Forwarded-Uri: /other\r\n")) {
      connection.say("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
      return;
    }
    connection.say("HTTP/1.1 403 Forbidden\r\nContent-Length: 10\r\n\r\nno, ");
    await mayGoOn;
    connection.say("never!");
  });
  const address = { host: "127.0.0.1", port: service.port };
  await using scene = await RelayScene.start(
    besides(() => Promise.resolve()),
    {
      auth: {
        kind: "forward",
        service: { kind: "http", address, hostHeader: "backend" },
        target: "/",
        timeoutMs: limits.forwardAuthTimeoutMs,
        copied: [],
      },
    },
  );
  const { client, world } = scene;
  client.say(get());
  await (await service.connection(0)).head();
  await turns();
  await disturb(world.port);
  goOn();
  await client.has("never!");
  assert.match(client.text, /\r\n\r\nno, never!$/);
});

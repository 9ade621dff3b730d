import assert from "node:assert/strict";
import { once } from "node:events";
import http2, { type ClientHttp2Stream, type ServerHttp2Stream } from "node:http2";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { StreamTables } from "../../src/base/stream-tables.ts";
import { closeServer, listenAnywhere } from "../support/tls-door.ts";

/** More than are between two exchanges. */
const STREAMS = 40;

/** A session whose streams stay open until the test answers them; both its ends count theirs. */
async function openSession() {
  const server = http2.createServer({ settings: { maxConcurrentStreams: STREAMS } });
  const streams: ServerHttp2Stream[] = [];
  let exchanges = 0;
  server.on("session", (session) => {
    const tables = new StreamTables(session);
    session.on("stream", (stream: ServerHttp2Stream) => {
      if (tables.count()) exchanges += 1;
      stream.on("error", () => {});
      streams.push(stream);
      if (streams.length === STREAMS) server.emit("full");
    });
  });
  const client = http2.connect(`http://127.0.0.1:${await listenAnywhere(server)}`);
  client.on("error", () => {});
  const tables = new StreamTables(client);
  const full = once(server, "full");
  const requests: ClientHttp2Stream[] = [];
  for (let count = 0; count < STREAMS; count += 1) {
    if (tables.count()) exchanges += 1;
    const request = client.request({ ":path": `/${count}` });
    request.on("error", () => {});
    requests.push(request);
  }
  await full;
  return {
    client,
    requests,
    streams,
    exchanges: () => exchanges,
    [Symbol.asyncDispose]: async () => {
      client.destroy();
      await closeServer(server);
    },
  };
}

test("tables are exchanged every sixteen streams, at both ends, where this Node keeps them", async () => {
  await using session = await openSession();
  assert.equal(session.exchanges(), 4);
});

test("streams that were open when tables were exchanged are answered each, and their session waits for them", async () => {
  await using session = await openSession();
  const { client, requests, streams } = session;
  const closed = once(client, "close");
  client.close();
  const answers = requests.map((request) => text(request));
  for (const [index, stream] of streams.entries()) {
    stream.respond();
    stream.end(`answer ${index}`);
  }
  assert.deepEqual(
    await Promise.all(answers),
    requests.map((_, index) => `answer ${index}`),
  );
  await closed;
});

test("a session that is destroyed takes along all streams, whenever they came", async () => {
  await using session = await openSession();
  const { client, requests, streams } = session;
  const ends = [...requests, ...streams].map((stream) => once(stream, "close"));
  client.destroy();
  await Promise.all(ends);
  assert.ok([...requests, ...streams].every(({ destroyed }) => destroyed));
});

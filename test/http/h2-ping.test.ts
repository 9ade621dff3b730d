import assert from "node:assert/strict";
import type { ClientHttp2Session } from "node:http2";
import { test } from "node:test";
import { H2Client } from "../support/h2-client.ts";
import type { Script } from "../support/recorder.ts";
import { RelayScene } from "../support/relay-world.ts";

const H2 = { protocol: "h2" } as const;
const MIB = 1_048_576;
const PIECE = Buffer.alloc(MIB);
const TOTAL = 100 * MIB;
/** In messages of gRPC, say. */
const MESSAGE = "x".repeat(100);
const MESSAGES = 3_000;

/**
 * Measures the line as clients of gRPC do (grpc-go, grpc-java: "BDP estimator"): when content comes and
 * no PING is under way, it sends one, and opens its window a little more. Returns how many it sent.
 */
async function measure(client: H2Client, wanted: number, ponged: () => void): Promise<number> {
  const { session } = client;
  let [received, pings, isAsking, window] = [0, 0, false, MIB];
  session.setLocalWindowSize(window);
  const stream = session.request({
    ":scheme": "https",
    ":authority": "shop.example",
    ":path": "/",
  });
  const ended = Promise.withResolvers<void>();
  stream.on("close", ended.resolve);
  stream.on("error", () => undefined);
  stream.on("data", (bytes: Buffer) => {
    received += bytes.length;
    if (isAsking || session.destroyed) return;
    isAsking = true;
    pings += 1;
    window += 1;
    session.setLocalWindowSize(window);
    ping(session, () => {
      isAsking = false;
      ponged();
    });
  });
  await ended.promise;
  assert.deepEqual([received, stream.rstCode], [wanted, 0]);
  return pings;
}

function ping(session: ClientHttp2Session, answered: () => void): void {
  session.ping((error) => {
    if (error === null) answered();
  });
}

test("A client that sends a PING in each round trip of a large download gets all of it", async () => {
  const answer: Script = async (connection) => {
    await connection.head();
    connection.say(`HTTP/1.1 200 OK\r\nContent-Length: ${TOTAL}\r\n\r\n`);
    for (let sent = 0; sent < TOTAL; sent += MIB) connection.socket.write(PIECE);
  };
  await using scene = await RelayScene.start(answer, {}, H2);
  using client = await H2Client.connect(scene.world.port);
  const pings = await measure(client, TOTAL, () => undefined);
  assert.ok(pings > 100, `${pings} PINGs`);
});

test("A client that sends a PING for each of many small messages gets all of them", async () => {
  let left = MESSAGES;
  await using scene = await RelayScene.start(() => undefined, {}, H2);
  using client = await H2Client.connect(scene.world.port);
  const pinged = measure(client, MESSAGES * MESSAGE.length, () => next());
  const backend = await scene.backend.connection(0);
  await backend.head();
  backend.say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
  const next = () => {
    if (left > 0) backend.say(`${MESSAGE.length.toString(16)}\r\n${MESSAGE}\r\n`);
    else backend.say("0\r\n\r\n");
    left -= 1;
  };
  next();
  assert.equal(await pinged, MESSAGES);
});

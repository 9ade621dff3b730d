import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { test } from "node:test";
import { FrameBackend } from "../support/h2-frame-backend.ts";
import {
  FLAG,
  FRAME,
  FrameClient,
  fieldBlock,
  frame,
  headers,
  request,
  settings,
  u32,
} from "../support/h2-frames.ts";
import { startOneWorker } from "../support/one-worker.ts";
import { portOf } from "../support/recorder.ts";
import { openTls } from "../support/visitor.ts";

const HOST = "shop.localhost";
const ROUNDS = 16;
/** Nobody's window is in the way: what is written waits in the socket. */
const WIDE = [settings([4, 0x7f00_0000]), frame(FRAME.windowUpdate, 0, 0, u32(0x7f00_0000))];

/** Fields whose CONTINUATION never comes. */
function begun(id: number, first: readonly (readonly [string, string])[] = []): Buffer {
  const fields = Array.from({ length: 20 }, (_, at) => [`x-${at}`, "v".repeat(100)] as const);
  return frame(FRAME.headers, FLAG.endStream, id, fieldBlock([...first, ...fields]));
}

test("T25: clients that leave in the middle of their trailers, with answers on their way to them, end no worker", async () => {
  await using backend = createServer((_request, response) => response.end(Buffer.alloc(8 << 20)));
  await new Promise<void>((resolve) => backend.listen(0, "127.0.0.1", resolve));
  await using latchkey = await startOneWorker(HOST, `127.0.0.1:${portOf(backend)}`);
  const visit = async (): Promise<void> => {
    const socket = await openTls(latchkey, HOST, { ALPNProtocols: ["h2"] });
    using client = new FrameClient(socket, Buffer.concat(WIDE));
    const post = request({ ":method": "POST", ":authority": HOST });
    client.say(headers(1, post, FLAG.endHeaders));
    await client.until(() => client.status(1) > 0);
    socket.pause();
    await soon(10);
    client.say(begun(1));
    await soon(10);
  };
  for (let round = 0; round < ROUNDS; round += 1) await Promise.allSettled([1, 2, 3, 4].map(visit));
  assert.equal(latchkey.count("worker.exited"), 0);
});

test("T25: backends that leave in the middle of their fields, with uploads on their way to them, end no worker", async () => {
  await using backend = await FrameBackend.start(async (peer) => {
    peer.say(...WIDE, frame(FRAME.settings, FLAG.ack, 0));
    const id = await peer.request(0);
    peer.socket.pause();
    await soon(20);
    peer.say(begun(id, [[":status", "200"]]));
    await soon(5);
    peer.socket.destroy();
  });
  await using latchkey = await startOneWorker(HOST, `h2c://127.0.0.1:${backend.port}`);
  const upload = `POST / HTTP/1.1\r\nHost: ${HOST}\r\nContent-Length: ${8 << 20}\r\n\r\n`;
  const visit = async (): Promise<void> => {
    await using socket = await openTls(latchkey, HOST);
    socket.write(upload);
    socket.write(Buffer.alloc(8 << 20));
    await once(socket, "data");
  };
  for (let round = 0; round < ROUNDS; round += 1) await Promise.allSettled([1, 2, 3, 4].map(visit));
  assert.equal(latchkey.count("worker.exited"), 0);
});

function soon(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

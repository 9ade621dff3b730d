import assert from "node:assert/strict";
import { test } from "node:test";
import { FrameBackend, greeting } from "../support/h2-frame-backend.ts";
import { FLAG, FRAME, FrameClient, frame, headers, request, u32 } from "../support/h2-frames.ts";
import { startOneWorker } from "../support/one-worker.ts";
import { openTls } from "../support/visitor.ts";

const HOST = "shop.localhost";
/** While the worker reads what the first of them say, the others and the backend have spoken. */
const CLIENTS = 4;
const STREAMS = 20;
const ROUNDS = 20;
const CANCEL = 8;
const IDS = Array.from({ length: STREAMS }, (_, at) => 1 + 2 * at);
const POST = request({ ":method": "POST", ":authority": HOST });

const data = (id: number): Buffer => frame(FRAME.data, 0, id, "x");
const end = (id: number): Buffer => frame(FRAME.data, FLAG.endStream, id);

test("T25: backends that leave by GOAWAY with CANCEL, just when their requests end, lose answers and no worker", async () => {
  await using backend = await FrameBackend.start((peer) => peer.say(greeting()));
  await using latchkey = await startOneWorker(HOST, `h2c://127.0.0.1:${backend.port}`);
  for (let round = 0; round < ROUNDS; round += 1) {
    using stack = new DisposableStack();
    const clients: FrameClient[] = [];
    for (let count = 0; count < CLIENTS; count += 1) {
      const socket = await openTls(latchkey, HOST, { ALPNProtocols: ["h2"] });
      clients.push(stack.use(new FrameClient(socket)));
    }
    for (const client of clients)
      client.say(...IDS.map((id) => headers(id, POST, FLAG.endHeaders)), ...IDS.map(data));
    const peer = await backend.peer(round);
    const last = await peer.request(CLIENTS * STREAMS - 1);
    await peer.until(() => peer.of(FRAME.data).length === CLIENTS * STREAMS);
    for (const client of clients)
      client.say(...IDS.map((id, at) => (at % 2 === 0 ? end(id) : data(id))));
    peer.say(frame(FRAME.goaway, 0, 0, Buffer.concat([u32(last), u32(CANCEL)])));
    for (const client of clients) {
      await client.until(() => client.isClosed || IDS.every((id) => client.status(id) === 502));
      assert.equal(client.isClosed, false);
    }
  }
  assert.equal(latchkey.count("worker.exited"), 0);
});

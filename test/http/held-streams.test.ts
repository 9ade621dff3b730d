import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import type { Writable } from "node:stream";
import { test } from "node:test";
import { H2Client } from "../support/h2-client.ts";
import { heldBytes } from "../support/held-bytes.ts";
import { type Answering, Http2Backend, h2cBackend } from "../support/http2-backend.ts";
import { Recorder } from "../support/recorder.ts";
import { forwardTo, get, httpBackend, post, RelayWorld } from "../support/relay-world.ts";
import { turns } from "../support/ticks.ts";

const STREAMS = 32;
/** Of this process, which is client and backend as well: what they hold counts against us. */
const HELD_PER_STREAM_MAX = 256 * 1_024;
const PIECE = Buffer.alloc(65_536, "x");
/** What clients read goes nowhere. */
const PIECE_READ = Buffer.alloc(1);
/** More than all kernel buffers on the way hold. */
const TOTAL = 64 * 1_024 * 1_024;

/** Bytes that were given away, by everybody who floods. */
let given = 0;

/** Writes `TOTAL` bytes as fast as they are taken, or until nobody takes them any more. */
async function flood(to: Writable): Promise<void> {
  to.on("error", () => {});
  const closed = new Promise((resolve) => to.once("close", resolve));
  for (let sent = 0; sent < TOTAL && !to.destroyed; sent += PIECE.length) {
    given += PIECE.length;
    if (to.write(PIECE)) continue;
    await Promise.race([once(to, "drain"), closed]);
  }
}

/** Waits until nobody takes anything any more. */
async function stalled(): Promise<void> {
  for (let before = -1; before !== given; ) {
    before = given;
    await turns(500);
  }
}

type Direction = "answers" | "uploads";

/** A backend that floods each answer, or reads nothing of any upload. */
const backends = {
  "HTTP/1.1": async (direction: Direction) => {
    const backend = await Recorder.start(async (connection) => {
      await connection.head();
      if (direction === "uploads") return void connection.socket.pause();
      connection.say(`HTTP/1.1 200 OK\r\nContent-Length: ${TOTAL}\r\n\r\n`);
      await flood(connection.socket);
    });
    return { backend, to: httpBackend(backend.port), begun: () => backend.connections.length };
  },
  "HTTP/2": async (direction: Direction) => {
    // A window of nothing: what does not come is not held here.
    const settings = direction === "uploads" ? { initialWindowSize: 0 } : {};
    const answer: Answering = async ({ stream }) => {
      if (direction === "uploads") return;
      stream.respond({ ":status": 200, "content-length": TOTAL });
      await flood(stream);
    };
    const backend = await Http2Backend.start(answer, { settings });
    return { backend, to: h2cBackend(backend.port), begun: () => backend.asked.length };
  },
} as const;

/** Clients that read nothing of their answers, or flood their uploads. */
const clients = {
  "HTTP/1.1": async (port: number, direction: Direction) => {
    const all = Array.from({ length: STREAMS }, () =>
      // Not a byte of the answer is read, so that the client holds nothing.
      connect({ port, host: "127.0.0.1", onread: { buffer: PIECE_READ, callback: () => false } }),
    );
    for (const socket of all) {
      socket.on("error", () => {});
      socket.write(direction === "answers" ? get() : post(`Content-Length: ${TOTAL}\r\n`));
      if (direction === "uploads") void flood(socket);
    }
    return () => {
      for (const socket of all) socket.destroy();
    };
  },
  "HTTP/2": async (port: number, direction: Direction) => {
    const client = await H2Client.connect(port);
    for (let stream = 0; stream < STREAMS; stream += 1) {
      const isUpload = direction === "uploads";
      const fields = isUpload ? { ":method": "POST", "content-length": `${TOTAL}` } : {};
      const call = client.ask(fields, isUpload);
      call.stream.pause();
      if (isUpload) void flood(call.stream);
    }
    return () => client[Symbol.dispose]();
  },
} as const;

const protocols = ["HTTP/1.1", "HTTP/2"] as const;
for (const front of protocols)
  for (const back of protocols)
    for (const direction of ["answers", "uploads"] as const) {
      const whose = direction === "answers" ? "a client" : "a backend";
      test(`B8: of ${STREAMS} ${direction} that ${whose} does not read, ${front} to ${back}, no more than 256 KiB each are held`, async (t) => {
        const { backend, to, begun } = await backends[back](direction);
        await using _backend = backend;
        const protocol = front === "HTTP/2" ? "h2" : "http/1.1";
        await using world = await RelayWorld.start({ action: forwardTo([to]), protocol });
        const before = await heldBytes();
        const leave = await clients[front](world.port, direction);
        while (begun() < STREAMS) await turns(1);
        await stalled();
        const each = Math.round(((await heldBytes()) - before) / STREAMS);
        t.diagnostic(`${Math.round(each / 1_024)} KiB each`);
        leave();
        assert.ok(each <= HELD_PER_STREAM_MAX, `${each} bytes each`);
      });
    }

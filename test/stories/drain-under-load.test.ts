import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { connect as connectH2 } from "node:http2";
import { Agent, request } from "node:https";
import { connect } from "node:net";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { Latchkey } from "../support/latchkey.ts";
import { alone } from "../support/strain.ts";
import { closeServer, listenAnywhere } from "../support/tls-door.ts";

const HOST = "shop.localhost";
/** An answer takes about as long as the pieces have pauses: many are under way at any moment. */
const PIECE = Buffer.alloc(16_384, "a");
const [PIECES, PAUSE_MS] = [20, 40];
/** Before the head: some requests have none yet at that moment. */
const THINKING_MS = 400;
const LENGTH = PIECES * PIECE.length;
const CLIENTS = 20;
const STREAMS = 20;

/** How requests ended. */
interface Tally {
  whole: number;
  /** Answers that began and did not end: what must not be. */
  readonly cut: string[];
  /** Without a byte of an answer: on a connection that closed at that very moment, or was never made. */
  unanswered: number;
  /** Did the answer say that the connection ends with it? */
  closing: number;
}

async function startSlowSite() {
  const server = createServer(async (_, response) => {
    await delay(THINKING_MS);
    response.writeHead(200, { "content-length": LENGTH });
    for (let piece = 1; piece <= PIECES; piece += 1) {
      response.write(PIECE);
      await delay(PAUSE_MS);
    }
    response.end();
  });
  return { server, port: await listenAnywhere(server) };
}

/** One request after the other on a connection that is kept, until there is no answer any more. */
async function visitByHttp1(port: number, ca: Buffer, tally: Tally): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const place = { host: "127.0.0.1", port, servername: HOST, headers: { host: HOST }, ca, agent };
  for (let isOver = false; !isOver; ) {
    isOver = await new Promise((resolve) => {
      let [length, hasHead] = [0, false];
      const asked = request(place, (answer) => {
        hasHead = true;
        if (answer.headers.connection === "close") tally.closing += 1;
        answer.on("data", (piece: Buffer) => {
          length += piece.length;
        });
        answer.on("end", () => {
          if (length === LENGTH && answer.complete) tally.whole += 1;
          else tally.cut.push(`HTTP/1.1: ${length} of ${LENGTH}`);
          resolve(false);
        });
        answer.on("error", (error) => {
          tally.cut.push(`HTTP/1.1: ${error} after ${length}`);
          resolve(true);
        });
      });
      asked.on("error", () => {
        if (!hasHead) tally.unanswered += 1;
        resolve(true);
      });
      asked.end();
    });
  }
  agent.destroy();
}

/** Many requests at a time on one connection, until it goes away. */
async function visitByHttp2(port: number, ca: Buffer, tally: Tally): Promise<{ goaways: number }> {
  const seen = { goaways: 0 };
  const session = connectH2(`https://127.0.0.1:${port}`, { ca, servername: HOST });
  session.on("error", () => {});
  session.on("goaway", () => {
    seen.goaways += 1;
  });
  const lane = async () => {
    while (!session.closed && !session.destroyed && seen.goaways === 0) {
      const stream = session.request({ ":authority": HOST, ":path": "/" });
      await new Promise<void>((resolve) => {
        let [length, hasHead] = [0, false];
        stream.on("response", () => {
          hasHead = true;
        });
        stream.on("data", (piece: Buffer) => {
          length += piece.length;
        });
        stream.on("error", () => {});
        stream.on("close", () => {
          if (length === LENGTH && stream.rstCode === 0) tally.whole += 1;
          else if (hasHead) tally.cut.push(`HTTP/2: ${length} of ${LENGTH}, ${stream.rstCode}`);
          else tally.unanswered += 1;
          resolve();
        });
      });
    }
  };
  await Promise.all(Array.from({ length: STREAMS }, lane));
  session.destroy();
  return seen;
}

/** Resolves when a new connection is refused. */
async function refused(port: number): Promise<void> {
  const until = performance.now() + 10_000;
  while (performance.now() < until) {
    const code = await new Promise<string | undefined>((resolve) => {
      const socket = connect({ port, host: "127.0.0.1" }, () => socket.destroy());
      socket.on("error", (error: NodeJS.ErrnoException) => resolve(error.code));
      socket.on("close", () => resolve(undefined));
    });
    if (code === "ECONNREFUSED") return;
  }
  assert.fail("connections are still taken");
}

const newTally = (): Tally => ({ whole: 0, cut: [], unanswered: 0, closing: 0 });

test("D12: SIGTERM under load takes nothing new within 100 ms, cuts no answer over HTTP/1.1 or HTTP/2, and ends with 0", async (t) => {
  const { server, port } = await startSlowSite();
  await using latchkey = await Latchkey.start({
    config: `workers: 2\nhosts:\n  ${HOST}: ${port}\n`,
  });
  await latchkey.event("certificate.swapped");
  const ca = readFileSync(latchkey.root);
  const [first, second] = [newTally(), newTally()];
  const visitors = Array.from({ length: CLIENTS }, async (_, nth) => {
    await delay(nth * PAUSE_MS); // each is somewhere else in its answer
    await visitByHttp1(latchkey.httpsPort, ca, first);
  });
  const session = visitByHttp2(latchkey.httpsPort, ca, second);
  while (first.whole < CLIENTS || second.whole < STREAMS) await delay(10); // all are in full swing

  const refusedMs = await alone(async () => {
    latchkey.process.kill("SIGTERM");
    await refused(latchkey.httpsPort);
  });
  const startedAt = performance.now();
  await Promise.all(visitors);
  const { goaways } = await session;
  assert.equal(await latchkey.exited, 0);
  const endedMs = performance.now() - startedAt;
  await closeServer(server);
  t.diagnostic(
    `refused after ${Math.round(refusedMs)} ms, ended after ${Math.round(endedMs)} ms; ${JSON.stringify([first, second])}`,
  );
  assert.deepEqual([first.cut, second.cut], [[], []]);
  assert.ok(first.closing > 0, "answers say that the connection ends");
  assert.equal(goaways, 1);
  assert.ok(refusedMs <= SLACK * 100, `${refusedMs} ms`);
  assert.ok(endedMs <= 30_000, `${endedMs} ms`);
});

/** On a machine that is busy in a way that work does not show. */
const SLACK = 3;

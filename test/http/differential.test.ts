import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server } from "node:http";
import { connect, type Socket } from "node:net";
import { after, before, test } from "node:test";
import * as body from "../../src/http/body.ts";
import { portOf } from "../support/recorder.ts";
import { seeded } from "../support/seeded.ts";
import { bodyVectors } from "./body-vectors.ts";
import { headVectors } from "./head-vectors.ts";
import { judge } from "./judge-head.ts";
import { readChunked } from "./rows.ts";

/** `waiting`: the bytes are a good beginning. */
type Verdict = "accepted" | "refused" | "waiting";

const CHUNKED = "POST / HTTP/1.1\r\nHost: shop.example\r\nTransfer-Encoding: chunked\r\n\r\n";
const CONCURRENT = 50;
const MUTATIONS = 3_000;
const verdicts = new Map<number, Verdict>();
let server: Server;

before(async () => {
  server = createServer({ requireHostHeader: true });
  const accept = (request: IncomingMessage) => {
    const port = request.socket.remotePort ?? 0;
    request.on("end", () => verdicts.set(port, "accepted"));
    request.resume();
  };
  server.on("request", accept);
  server.on("checkContinue", accept);
  server.on("checkExpectation", accept);
  server.on("clientError", (error: NodeJS.ErrnoException, socket) => {
    const { remotePort: port = 0 } = socket as Socket;
    const isCutShort = error.code === "HPE_INVALID_EOF_STATE";
    if (!verdicts.has(port)) verdicts.set(port, isCutShort ? "waiting" : "refused");
    socket.destroy();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
});

after(() => {
  server.closeAllConnections();
  server.close();
});

/** What Node's own server makes of the first request in these bytes. */
async function nodesVerdict(bytes: string): Promise<Verdict> {
  const socket = connect({ port: portOf(server), host: "127.0.0.1" });
  socket.on("error", () => undefined);
  await once(socket, "connect");
  const port = socket.localPort ?? 0;
  verdicts.delete(port);
  socket.resume();
  socket.end(bytes, "latin1");
  await once(socket, "close");
  // Closed without a word from the parser: refused by the layer above it (no Host, CONNECT).
  return verdicts.get(port) ?? "refused";
}

/** What we make of it: parser, gate and framing together. */
function ourVerdict(bytes: string): Verdict {
  const request = judge(bytes);
  if (request.kind === "partial") return "waiting";
  if (request.kind === "fault") return "refused";
  const rest = bytes.slice(request.head.length);
  if (request.framing === "length") {
    return rest.length >= request.contentLength ? "accepted" : "waiting";
  }
  if (request.framing === "none") return "accepted";
  const { state } = readChunked({ body }, [rest]);
  return state === "done" ? "accepted" : state === "fault" ? "refused" : "waiting";
}

/** Rows of `texts` that we accept although Node refuses them. */
async function laxer(texts: readonly string[]): Promise<string[]> {
  const found: string[] = [];
  for (let from = 0; from < texts.length; from += CONCURRENT) {
    const some = texts.slice(from, from + CONCURRENT);
    const theirs = await Promise.all(some.map(nodesVerdict));
    some.forEach((bytes, index) => {
      if (theirs[index] === "refused" && ourVerdict(bytes) === "accepted") found.push(bytes);
    });
  }
  return found;
}

test("Node's parser tells good from bad and from unfinished", async () => {
  const host = "Host: shop.example\r\n";
  assert.equal(await nodesVerdict(`GET / HTTP/1.1\r\n${host}\r\n`), "accepted");
  assert.equal(await nodesVerdict(`${CHUNKED}1\r\na\r\n0\r\n\r\n`), "accepted");
  assert.equal(await nodesVerdict(`GET / HTTP/1.1\r\n${host}a b: c\r\n\r\n`), "refused");
  assert.equal(await nodesVerdict(`${CHUNKED}1\r\nab\r\n0\r\n\r\n`), "refused");
  assert.equal(await nodesVerdict("GET / HT"), "waiting");
});

test("We accept no row that Node's own parser refuses", async () => {
  assert.deepEqual(await laxer(headVectors.map(({ bytes }) => bytes)), []);
});

test("We accept no chunked body that Node's own parser refuses", async () => {
  assert.deepEqual(await laxer(bodyVectors.map(({ bytes }) => CHUNKED + bytes)), []);
});

test("Of thousands of mutations, we accept none that Node's own parser refuses", async () => {
  const seeds = [
    ...headVectors.filter(({ expect, bytes }) => expect === 200 && bytes.length < 500),
    ...bodyVectors.map(({ bytes }) => ({ bytes: CHUNKED + bytes })),
  ].map(({ bytes }) => bytes);
  const random = seeded(20_261_123);
  const mutations = Array.from({ length: MUTATIONS }, () => {
    let bytes = seeds[random(seeds.length)] ?? "";
    for (let times = 1 + random(3); times > 0; times -= 1) bytes = mutated(bytes, random);
    return bytes;
  });
  assert.deepEqual(await laxer(mutations), []);
});

const PIECES = [
  "\r",
  "\n",
  "\r\n",
  " ",
  "\t",
  "\0",
  ":",
  ",",
  ";",
  "=",
  "0",
  "1",
  "-",
  "_",
  "\x7f",
  "\x80",
  "\xff",
  "/",
  "?",
  "#",
  "a",
  "A",
  "chunked",
  "HTTP/1.1",
];

function mutated(bytes: string, random: (below: number) => number): string {
  const at = random(bytes.length + 1);
  const piece = PIECES[random(PIECES.length)] ?? "";
  switch (random(4)) {
    case 0:
      return bytes.slice(0, at) + piece + bytes.slice(at);
    case 1:
      return bytes.slice(0, at) + bytes.slice(at + 1);
    case 2:
      return bytes.slice(0, at) + piece + bytes.slice(at + piece.length);
    default: {
      const length = random(20);
      return bytes.slice(0, at + length) + bytes.slice(at);
    }
  }
}

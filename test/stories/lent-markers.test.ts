import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { connect } from "node:tls";
import { Latchkey } from "../support/latchkey.ts";
import { seeded } from "../support/seeded.ts";
import { turns } from "../support/ticks.ts";

const HOST = "shop.localhost";
const CLIENTS = 26;
const REQUESTS = 20;
const BODY_MAX_BYTES = 40_000;
const PIECE_MAX_BYTES = 20_000;
const SEEDS = [1, 2, 3] as const;

type Random = (below: number) => number;

/** The letter that everything of a client is made of: its paths and its bodies. */
const letterOf = (client: number): string => String.fromCharCode(97 + client);

/** Whole requests of one client, some of them in chunks, and the bodies that are to come back. */
function requestsOf(letter: string, random: Random): { said: string; bodies: string[] } {
  const bodies = Array.from({ length: REQUESTS }, () =>
    letter.repeat(random(4) === 0 ? random(BODY_MAX_BYTES) : random(300)),
  );
  const said = bodies.map((body, index) => {
    const last = index === bodies.length - 1 ? "Connection: close\r\n" : "";
    const start = `POST /${letter.repeat(1 + random(200))} HTTP/1.1\r\nHost: ${HOST}\r\n${last}`;
    if (random(2) === 0) return `${start}Content-Length: ${body.length}\r\n\r\n${body}`;
    const size = 1 + random(5_000);
    const chunks = body.match(new RegExp(`.{1,${size}}`, "g")) ?? [];
    const told = chunks.map((chunk) => `${chunk.length.toString(16)}\r\n${chunk}\r\n`).join("");
    return `${start}Transfer-Encoding: chunked\r\n\r\n${told}0\r\n\r\n`;
  });
  return { said: said.join(""), bodies };
}

/** Says everything on one connection, in pieces cut anywhere, and reads all that comes back. */
async function visit(port: number, root: string, said: string, random: Random): Promise<string> {
  const socket = connect({ host: "127.0.0.1", port, servername: HOST, ca: root });
  await once(socket, "secureConnect");
  let answers = "";
  socket.setEncoding("latin1").on("data", (text: string) => {
    answers += text;
  });
  const ended = once(socket, "end");
  for (let at = 0; at < said.length; ) {
    const size = random(3) === 0 ? 1 + random(40) : 1 + random(PIECE_MAX_BYTES);
    if (!socket.write(said.slice(at, at + size), "latin1")) await once(socket, "drain");
    at += size;
    if (random(2) === 0) await turns(1 + random(3));
  }
  await ended; // the last request asks for it
  return answers;
}

/** The bodies of answers that say how long they are. */
function bodiesIn(answers: string): string[] {
  const bodies: string[] = [];
  for (let at = 0; at < answers.length; ) {
    const end = answers.indexOf("\r\n\r\n", at) + 4;
    const head = answers.slice(at, end);
    assert.match(head, /^HTTP\/1\.1 200 /);
    const length = Number(/content-length: (\d+)/i.exec(head)?.[1]);
    bodies.push(answers.slice(end, end + length));
    at = end + length;
  }
  return bodies;
}

/** Answers with the body, once it is whole: one in four is read with pauses. */
async function echoed(request: IncomingMessage, isSlow: boolean): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of request) {
    pieces.push(piece);
    if (isSlow) await turns(20);
  }
  return Buffer.concat(pieces);
}

for (const seed of SEEDS) {
  test(`However what many clients say is cut, each gets back its own bytes alone, and backends get no other (seed ${seed})`, async () => {
    const strange: string[] = [];
    let count = 0;
    await using backend = createServer(async (request, response) => {
      const body = await echoed(request, count++ % 4 === 0);
      const all = new Set(`${request.url?.slice(1)}${body.toString("latin1")}`);
      if (all.size !== 1) strange.push([...all].join(""));
      response.writeHead(200, { "Content-Length": body.length }).end(body);
    }).listen(0, "127.0.0.1");
    await once(backend, "listening");
    // A server that listens on a port has an address of this kind.
    const { port } = backend.address() as AddressInfo;
    await using latchkey = await Latchkey.start({
      config: `workers: 1\nhosts: { ${HOST}: "http://127.0.0.1:${port}" }`,
    });
    await latchkey.event("certificate.swapped");
    const root = readFileSync(latchkey.root, "utf8");
    await Promise.all(
      Array.from({ length: CLIENTS }, async (_, client) => {
        const random = seeded(seed * 1_000 + client);
        const { said, bodies } = requestsOf(letterOf(client), random);
        const got = bodiesIn(await visit(latchkey.httpsPort, root, said, random));
        assert.equal(got.length, bodies.length);
        for (const [index, body] of bodies.entries())
          assert.ok(got[index] === body, `body ${index}`);
      }),
    );
    assert.deepEqual(strange, []);
  });
}

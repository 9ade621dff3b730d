import assert from "node:assert/strict";
import { constants } from "node:http2";
import { test } from "node:test";
import { H2Client } from "../support/h2-client.ts";
import { RawClient } from "../support/raw-client.ts";
import type { Script } from "../support/recorder.ts";
import { post, RelayScene } from "../support/relay-world.ts";
import { seeded } from "../support/seeded.ts";

const ROUNDS = 1_000;
/** Of each connection of a client, which has a thousand requests at most. */
const STREAMS = 100;
const BODY = "0123456789abcdef".repeat(64);

/** Whole answers, each with the end of its head. */
const FRAMINGS: readonly (readonly [what: string, head: string, body: string])[] = [
  ["sized", `HTTP/1.1 200 OK\r\nContent-Length: ${BODY.length}\r\n\r\n`, BODY],
  ["in chunks", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", inChunks(BODY)],
];

function inChunks(body: string): string {
  const chunks = body.replace(/.{1,100}/g, (part) => `${part.length.toString(16)}\r\n${part}\r\n`);
  return `${chunks}0\r\n\r\n`;
}

/** What of an answer comes before its backend is gone, one way or the other. */
interface Cut {
  readonly bytes: string;
  readonly isReset: boolean;
  /** Does the client hear of a 200? */
  readonly hasHead: boolean;
}

/** Anywhere in an answer, before its last byte. */
function cutSomewhere(random: (below: number) => number): Cut {
  const [, head, body] = FRAMINGS[random(FRAMINGS.length)] ?? ["", "", ""];
  const length = random(3) === 0 ? random(head.length) : head.length + random(body.length);
  const isReset = random(2) === 0;
  return { bytes: (head + body).slice(0, length), isReset, hasHead: length >= head.length };
}

/** The cuts of a run, one for each request. */
class Cuts {
  readonly #random: (below: number) => number;
  #last: Cut | undefined;

  constructor(seed: number) {
    this.#random = seeded(seed);
  }

  /** The one that was made last. */
  get last(): Cut {
    assert.ok(this.#last);
    return this.#last;
  }

  /** Answers the request of each connection with one. */
  readonly script: Script = async (connection) => {
    await connection.head();
    this.#last = cutSomewhere(this.#random);
    const { socket } = connection;
    const { bytes, isReset } = this.#last;
    if (isReset) socket.write(bytes, "latin1", () => socket.resetAndDestroy());
    else socket.end(bytes, "latin1");
  };
}

test(`B4: of ${ROUNDS} answers that are cut anywhere, none reaches a client of HTTP/1.1 as a whole one`, async (t) => {
  const cuts = new Cuts(4);
  await using scene = await RelayScene.start(cuts.script);
  let broken = 0;
  for (let round = 0; round < ROUNDS; round += 1) {
    using client = await RawClient.connect(scene.world.port);
    client.say(post("Content-Length: 0\r\nConnection: close\r\n"));
    const [head, body] = partsOf(await client.finished());
    const { hasHead } = cuts.last;
    assert.deepEqual(client.statuses, [hasHead ? 200 : 502], JSON.stringify(cuts.last));
    assert.equal(isWhole(head, body), !hasHead, JSON.stringify(cuts.last));
    if (hasHead) broken += 1;
  }
  t.diagnostic(`${broken} were cut after their heads`);
});

test(`B4: of ${ROUNDS} answers that are cut anywhere, none reaches a client of HTTP/2 as a whole one`, async () => {
  const cuts = new Cuts(5);
  await using scene = await RelayScene.start(cuts.script, {}, { protocol: "h2" });
  for (let round = 0; round < ROUNDS; round += STREAMS) {
    using client = await H2Client.connect(scene.world.port);
    for (let stream = 0; stream < STREAMS; stream += 1) {
      const { status, isEnded, code } = await client.get({ ":method": "POST" });
      const expected = cuts.last.hasHead
        ? { status: 200, isEnded: false, code: constants.NGHTTP2_INTERNAL_ERROR }
        : { status: 502, isEnded: true, code: constants.NGHTTP2_NO_ERROR };
      assert.deepEqual({ status, isEnded, code }, expected, JSON.stringify(cuts.last));
    }
  }
});

test(`B4: of ${ROUNDS} whole answers that a reset follows at once, each reaches its client intact`, async () => {
  const random = seeded(6);
  await using scene = await RelayScene.start(async (connection) => {
    const [, head, body] = FRAMINGS[random(FRAMINGS.length)] ?? ["", "", ""];
    await connection.head();
    const { socket } = connection;
    socket.write(head + body, "latin1", () => socket.resetAndDestroy());
  });
  for (let round = 0; round < ROUNDS; round += 1) {
    using client = await RawClient.connect(scene.world.port);
    client.say(post("Content-Length: 0\r\nConnection: close\r\n"));
    const [head, body] = partsOf(await client.finished());
    assert.deepEqual(client.statuses, [200]);
    assert.ok(isWhole(head, body), `${body.length} of ${BODY.length} bytes came`);
    assert.equal(client.wasReset, false);
  }
});

function partsOf(answer: string): readonly [head: string, body: string] {
  const end = answer.indexOf("\r\n\r\n") + 4;
  return [answer.slice(0, end), answer.slice(end)];
}

/** Has all come that the head promises? */
function isWhole(head: string, body: string): boolean {
  const [, length] = /\r\nContent-Length: (\d+)\r\n/.exec(head) ?? [];
  return length === undefined ? body.endsWith("\r\n0\r\n\r\n") : body.length === Number(length);
}

import assert from "node:assert/strict";
import { test } from "node:test";
import { answering, OK } from "../support/recorder.ts";
import { RelayScene } from "../support/relay-world.ts";

const COUNT = 3_000;
const FIELDS = "a:\r\n".repeat(COUNT);
const SECOND = "GET /second HTTP/1.1\r\nHost: shop.example\r\n\r\n";

/** Where the length is, of a body that looks like the next request: who does not see it takes the body for one. */
const places: readonly (readonly [where: string, lines: string])[] = [
  ["behind them", `${FIELDS}Content-Length: ${SECOND.length}\r\n`],
  ["before them", `Content-Length: ${SECOND.length}\r\n${FIELDS}`],
  ["nowhere", FIELDS],
];

for (const [where, lines] of places) {
  test(`T15: ${COUNT} fields, the length of a second request ${where}, are answered 431, and no request arrives (Node CVE-2026-58044)`, async () => {
    await using scene = await RelayScene.start(answering(OK));
    scene.client.say(`POST / HTTP/1.1\r\nHost: shop.example\r\n${lines}\r\n${SECOND}`);
    await scene.client.finished();
    assert.deepEqual(scene.client.statuses, [431]);
    assert.match(scene.client.text, /Connection: close\r\n/);
    assert.equal(scene.backend.text, "");
  });
}

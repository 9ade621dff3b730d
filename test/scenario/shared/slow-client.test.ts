import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import type { Latchkey } from "../../support/latchkey.ts";
import { RawClient } from "../../support/raw-client.ts";
import { share } from "../../support/shared-program.ts";
import { openRaw, visit } from "../../support/visitor.ts";

const start = share({
  hosts: `
  slow.localhost: { respond: ok }`,
});
let latchkey: Latchkey;
beforeEach(async () => {
  latchkey = await start();
  await latchkey.event("certificate.swapped", ({ host }) => host === "slow.localhost");
});

/** Waits for the end of `client`, which must come between `deadlineMs` and three times as much. */
async function endOf(client: RawClient, deadlineMs: number): Promise<string> {
  const startedAt = performance.now();
  const answer = await client.finished();
  const tookMs = performance.now() - startedAt;
  assert.ok(tookMs > 0.9 * deadlineMs && tookMs < 3 * deadlineMs, `${tookMs} ms`);
  client.socket.destroy();
  return answer;
}

async function startPlain(port: number, text: string): Promise<RawClient> {
  const client = await RawClient.connect(port);
  client.say(text);
  return client;
}

test("clients that never finish are sent away at their deadlines, and nobody else waits", async () => {
  const request = "GET / HTTP/1.1\r\nHost: slow.localhost\r\nX-Half: a";
  const silent = await RawClient.connect(latchkey.httpsPort);
  const slowHello = await startPlain(
    latchkey.httpsPort,
    "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03",
  );
  const slowHead = await openRaw(latchkey, "slow.localhost");
  slowHead.say(request);
  const later = await openRaw(latchkey, "slow.localhost");
  later.say("GET / HTTP/1.1\r\nHost: slow.localhost\r\n\r\n");
  await later.has("ok");
  later.say(request);
  const slowPlain = await startPlain(latchkey.httpPort, request);
  const silentPlain = await RawClient.connect(latchkey.httpPort);

  const ends = Promise.all([
    endOf(silent, 5_000),
    endOf(slowHello, 5_000),
    endOf(slowHead, 10_000),
    endOf(later, 10_000),
    endOf(slowPlain, 10_000),
    endOf(silentPlain, 10_000),
  ]);
  assert.equal((await visit(latchkey, "slow.localhost")).text, "ok");

  await ends;
  assert.deepEqual([silent.text, slowHello.text, silentPlain.text], ["", "", ""]);
  assert.deepEqual(slowHead.statuses, [408]);
  assert.deepEqual(later.statuses, [200, 408]);
  assert.deepEqual(slowPlain.statuses, [408]);
  assert.match(slowHead.text, /\r\nConnection: close\r\n/);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { hostilities, sayHostile } from "../support/hostilities.ts";
import { RawClient } from "../support/raw-client.ts";
import { DATE, type Script } from "../support/recorder.ts";
import { post, RelayScene } from "../support/relay-world.ts";
import { seeded } from "../support/seeded.ts";

const ROUNDS = 1_000;

/** Does to `/hostile/7` what the seventh row says, and answers every other request with its own target. */
const script: Script = async (connection) => {
  for (let from = 0; ; ) {
    await connection.head(from);
    const [, target = ""] = connection.text.slice(from).split(" ");
    from = connection.text.indexOf("\r\n\r\n", from) + 4;
    const row = /^\/hostile\/(\d+)$/.exec(target)?.[1];
    const hostility = row === undefined ? undefined : hostilities[Number(row)];
    if (hostility !== undefined) return sayHostile(hostility, connection);
    connection.say(`HTTP/1.1 200 OK\r\n${DATE}Content-Length: ${target.length}\r\n\r\n${target}`);
  }
};

test(`B7: of ${ROUNDS} requests behind one that a backend answers wrongly, each gets its own answer`, async (t) => {
  const random = seeded(7);
  await using scene = await RelayScene.start(script);
  let client = await RawClient.connect(scene.world.port);
  let clients = 1;
  /** How many answers have come over this connection, and requests that it had. */
  let [answers, requests] = [0, 0];
  for (let round = 0; round < ROUNDS; round += 1) {
    const row = random(hostilities.length);
    const { name, expect, isCut = false } = hostilities[row] ?? assert.fail();
    client.say(post("Content-Length: 0\r\n").replace("/", `/hostile/${row}`));
    requests += 2;
    answers += expect.length;
    if (isCut) await client.finished();
    await client.until(({ statuses }) => statuses.length === answers).catch(() => {});
    assert.deepEqual(client.statuses.slice(-expect.length), expect, name);
    // A connection has a thousand requests at most.
    if (isCut || requests > 900) {
      client[Symbol.dispose]();
      client = await RawClient.connect(scene.world.port);
      clients += 1;
      [answers, requests] = [0, 0];
    }
    const behind = client.text.length;
    client.say(post("Content-Length: 0\r\n").replace("/", `/${round}`));
    answers += 1;
    await client.until(({ text }) => text.slice(behind).endsWith(`\r\n\r\n/${round}`));
    assert.equal(client.statuses.length, answers, name);
    assert.equal(client.statuses.at(-1), 200, name);
  }
  client[Symbol.dispose]();
  t.diagnostic(
    `over ${clients} connections of clients, ${scene.backend.connections.length} to the backend`,
  );
});

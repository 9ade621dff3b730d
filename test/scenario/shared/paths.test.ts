import assert from "node:assert/strict";
import { after, beforeEach, test } from "node:test";
import type { Latchkey } from "../../support/latchkey.ts";
import { Recorder } from "../../support/recorder.ts";
import { share } from "../../support/shared-program.ts";
import { openRaw } from "../../support/visitor.ts";

/** Answers with its own name and the target it was asked for. */
const startBackend = (name: string) =>
  Recorder.start(async (connection) => {
    for (let from = 0; ; ) {
      await connection.head(from);
      const body = `${name} ${connection.text.slice(from).split(" ")[1]}`;
      from = connection.text.indexOf("\r\n\r\n", from) + 4;
      connection.say(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
    }
  });

const rest = await startBackend("rest");
const api = await startBackend("api");
const next = await startBackend("next");
const start = share({
  hosts: `
  paths.localhost:
    to: ${rest.port}
    paths:
      /api/: { to: ${api.port} }
      /api/v2/: { to: ${next.port}, stripPrefix: true }
      /old: { to: ${next.port}, stripPrefix: true }
      /small/: { to: ${api.port}, maxBody: 10B }`,
});
let latchkey: Latchkey;
beforeEach(async () => {
  latchkey = await start();
  await latchkey.event("certificate.swapped", ({ host }) => host === "paths.localhost");
});
after(async () => {
  for (const backend of [rest, api, next]) await backend[Symbol.asyncDispose]();
});

const targets: readonly [target: string, answer: string][] = [
  ["/", "rest /"],
  ["/api", "rest /api"],
  ["/api/", "api /api/"],
  ["/api/v1?x=/api/v2/", "api /api/v1?x=/api/v2/"],
  ["/api/v2", "api /api/v2"],
  ["/api/v2/", "next /"],
  ["/api/v2/items?sort=a", "next /items?sort=a"],
  ["/old", "next /"],
  ["/old/page", "next /page"],
  ["/API/v2/", "rest /API/v2/"],
];

for (const [target, answer] of targets) {
  test(`${target} goes where its longest prefix leads: ${answer}`, async () => {
    using client = await openRaw(latchkey, "paths.localhost");
    client.say(`GET ${target} HTTP/1.1\r\nHost: paths.localhost\r\nConnection: close\r\n\r\n`);
    assert.ok((await client.finished()).endsWith(`\r\n\r\n${answer}`), client.text);
  });
}

test("requests of one connection go to different backends, answered in their order", async () => {
  using client = await openRaw(latchkey, "paths.localhost");
  client.say(
    targets.map(([target]) => `GET ${target} HTTP/1.1\r\nHost: paths.localhost\r\n\r\n`).join(""),
  );
  await client.until(({ statuses }) => statuses.length === targets.length);
  await client.has(targets.at(-1)?.[1] ?? "");
  const [, ...bodies] = client.text.split(/HTTP\/1\.1 200 OK\r\n(?:.+\r\n)+\r\n/);
  assert.deepEqual(
    bodies,
    targets.map(([, answer]) => answer),
  );
});

test("a limit of one path holds there and nowhere else", async () => {
  using client = await openRaw(latchkey, "paths.localhost");
  const post = (target: string) =>
    `POST ${target} HTTP/1.1\r\nHost: paths.localhost\r\nContent-Length: 11\r\n\r\nhello world`;
  client.say(post("/api/"));
  await client.has("api /api/");
  client.say(post("/small/"));
  await client.finished();
  assert.deepEqual(client.statuses, [200, 413]);
});

import assert from "node:assert/strict";
import { createServer } from "node:http";
import { after, test } from "node:test";
import { Latchkey } from "../support/latchkey.ts";
import { RawClient } from "../support/raw-client.ts";
import { listenAnywhere } from "../support/tls-door.ts";
import { openRaw } from "../support/visitor.ts";

const name = "shop.localhost";
const GET = `GET / HTTP/1.1\r\nHost: ${name}\r\n\r\n`;
/** 200 descriptors leave 136 beside the reserve, and 40 of 100 of them to connections. */
const CAPACITY = 54;

/** Answers when the whole request has come. */
const backend = createServer((request, response) => {
  request.resume().on("end", () => response.end("ok\n"));
});
const backendPort = await listenAnywhere(backend);
const latchkey = await Latchkey.start({
  descriptors: 200,
  config: `
workers: 1
limits: { connectionsPerClientMax: 10000 } # all of them come from here
hosts:
  ${name}: ${backendPort}
`,
});
after(async () => {
  await latchkey[Symbol.asyncDispose]();
  backend.close();
  backend.closeAllConnections();
});
await latchkey.event("certificate.swapped");

/** A connection that has had its answer and is kept alive, or is not. */
async function visited(): Promise<{ readonly client: RawClient; readonly isKept: boolean }> {
  const client = await openRaw(latchkey, name);
  client.say(GET);
  await client.has("ok\n");
  return { client, isKept: !client.text.includes("Connection: close\r\n") };
}

const measure = (wanted: string) => (line: object) => Reflect.get(line, "measure") === wanted;
const began = (wanted: string) => latchkey.event("overload.began", measure(wanted));
const ended = (wanted: string) => latchkey.event("overload.ended", measure(wanted));

test("R1: a worker that runs out of descriptors keeps nobody alive, closes the idle, refuses the new, and comes to itself", async () => {
  const upload = await openRaw(latchkey, name);
  upload.say(`POST / HTTP/1.1\r\nHost: ${name}\r\nContent-Length: 6\r\n\r\nabc`);
  const kept: RawClient[] = [];
  for (;;) {
    const { client, isKept } = await visited();
    if (!isKept) break;
    kept.push(client);
  }
  const first = await began("no-keep-alive");
  assert.deepEqual([first["resource"], first["max"]], ["connections", CAPACITY]);

  const silent: RawClient[] = [];
  const isCalm = () => latchkey.count("overload.began") < 3;
  while (isCalm() && silent.length < 2 * CAPACITY)
    silent.push(await RawClient.connect(latchkey.httpsPort));
  await began("close-idle");
  await began("refuse-new");
  const [oldest] = kept;
  assert.equal(await oldest?.finished(), oldest?.text);
  const refused = await RawClient.connect(latchkey.httpsPort);
  assert.equal(await refused.finished(), "");

  upload.say("def");
  await upload.has("ok\n");
  assert.deepEqual(upload.statuses, [200]);
  assert.match(upload.text, /\r\nConnection: close\r\n/);

  for (const client of silent) client.socket.destroy();
  const { refused: count } = await ended("refuse-new");
  assert.ok(Number(count) >= 1);
  await ended("no-keep-alive");
  const { client, isKept } = await visited();
  assert.equal(isKept, true);
  for (const each of [...kept, client, upload, refused]) each.socket.destroy();
});

test("a program that may open hardly a file is refused in words, not started to refuse everybody", async () => {
  await using bound = await Latchkey.spawn({
    descriptors: 64,
    config: "workers: 1\nhosts: { a.localhost: { respond: ok } }",
  });
  const { message } = await bound.event(
    "process.fatal",
    ({ code }) => code === "DESCRIPTORS_TOO_FEW",
  );
  assert.match(
    String(message),
    /^Cannot serve: a process may open 64 files and sockets only; raise/,
  );
  assert.equal(await bound.exited, 1);
});

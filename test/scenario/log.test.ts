import assert from "node:assert/strict";
import { readFile, stat, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { join } from "node:path";
import { after, test } from "node:test";
import { thumbprintOf } from "../../src/acme/thumbprint.ts";
import { entriesOf } from "../support/folders.ts";
import { inRecords, makeHello, serverName } from "../support/hello-bytes.ts";
import { Latchkey, type LogLine } from "../support/latchkey.ts";
import { RawClient } from "../support/raw-client.ts";
import { listenAnywhere } from "../support/tls-door.ts";
import { openRaw, visit } from "../support/visitor.ts";

const backend = createServer((request, response) => {
  request.resume();
  response.end("hello");
});
const port = await listenAnywhere(backend);
const latchkey = await Latchkey.start({
  config: `
workers: 1
log: { level: debug, access: on }
hosts:
  shop.localhost: ${port}
  validated.localhost: { respond: ok }
`,
});
after(async () => {
  await latchkey[Symbol.asyncDispose]();
  backend.closeAllConnections();
  backend.close();
});
for (const name of ["shop.localhost", "validated.localhost"])
  await latchkey.event("certificate.swapped", ({ host }) => host === name);

/** What every line has, besides its facts. */
const FRAME = ["level", "time", "process", "event"];
const facts = (line: LogLine) => Object.keys(line).filter((key) => !FRAME.includes(key));

test("the life of a certificate is told by stable names", () => {
  const told = latchkey.lines.flatMap(({ event, host }) =>
    host === "shop.localhost" ? event : [],
  );
  const life = [
    "order.started",
    "order.created",
    "challenge.armed",
    "challenge.valid",
    "order.finalizing",
    "certificate.stored",
    "certificate.issued",
    "certificate.swapped",
  ];
  assert.deepEqual(
    told.filter((event) => life.includes(event)),
    life,
  );
});

test("a request leaves one line, without its query", async () => {
  const path = "/cart/7?token=secret";
  await visit(latchkey, "shop.localhost", { path, method: "POST", body: "1234567" });
  const line = await latchkey.event("request.done");
  assert.deepEqual(facts(line), [
    "method",
    "host",
    "path",
    "status",
    "bytesIn",
    "bytesOut",
    "durationMs",
    "connectMs",
    "firstByteMs",
    "client",
    "backend",
    "requestId",
  ]);
  const { level, method, host, path: told, status, bytesIn, bytesOut, client } = line;
  assert.deepEqual([level, method, host, told], ["info", "POST", "shop.localhost", "/cart/7"]);
  assert.deepEqual([status, bytesIn, bytesOut, client], [200, 7, 5, "127.0.0.1"]);
  assert.equal(line["backend"], `http://127.0.0.1:${port}`);
});

test("a refused connection leaves a line with its code", async () => {
  using client = await RawClient.connect(latchkey.httpsPort);
  client.socket.write(inRecords(makeHello({ extensions: [serverName("other.localhost")] })));
  await client.finished();
  const line = await latchkey.event("connection.refused");
  assert.deepEqual(
    [line["host"], line["code"], line["client"]],
    ["other.localhost", "HOST_UNKNOWN", "127.0.0.1"],
  );
});

test("nothing that a stranger sends breaks a line or chooses a field's name", async () => {
  const evil = 'a\n{"event":"certificate.issued","level":"\x1b[31m","time":"1"}\r\n\u2028';
  using hello = await RawClient.connect(latchkey.httpsPort);
  hello.socket.write(inRecords(makeHello({ extensions: [serverName(Buffer.from(evil))] })));
  await hello.finished();
  const refused = await latchkey.event(
    "connection.refused",
    ({ code }) => code === "NAME_UNUSABLE",
  );
  assert.ok(facts(refused).every((key) => ["host", "code", "reason", "client"].includes(key)));

  using client = await openRaw(latchkey, "shop.localhost");
  const id = 'X-Request-Id: "},{"event":"certificate.failed"';
  client.say(`GET /%0a","event":"evil" HTTP/1.1\r\nHost: shop.localhost\r\n${id}\r\n\r\n`);
  client.say(`GET /two HTTP/1.1\r\nHost: shop.localhost\r\n${id}\r\nConnection: close\r\n\r\n`);
  await client.finished();
  await latchkey.event("request.done", ({ path }) => path === "/two" || path === "");
  assert.deepEqual(
    latchkey.lines.filter(({ event }) => ["text", "evil", "certificate.failed"].includes(event)),
    [],
  );
  const names = latchkey.lines.filter(({ event }) => event === "request.done").flatMap(facts);
  assert.ok(!names.some((name) => name.includes("evil")));
  assert.doesNotMatch(JSON.stringify(refused), /[\u007f-\u009f\u2028\u2029]/);
});

test("with a path for access lines they go there, from the next reload on", async () => {
  const text = await readFile(latchkey.file, "utf8");
  await writeFile(latchkey.file, text.replace("access: on", "access: ./access.log"));
  const replaced = latchkey.nextEvent("worker.exited");
  latchkey.process.kill("SIGHUP");
  await latchkey.event("config.reloaded");
  await replaced;
  const seen = latchkey.count("request.done");
  await visit(latchkey, "shop.localhost", { path: "/to-the-file" });
  assert.equal(await latchkey.stop(), 0);

  const file = join(latchkey.folder, "access.log");
  const lines = (await readFile(file, "utf8")).trimEnd().split("\n");
  assert.deepEqual(
    lines.map((line) => JSON.parse(line).path),
    ["/to-the-file"],
  );
  assert.equal((await stat(file)).mode & 0o777, 0o600);
  assert.equal(latchkey.count("request.done"), seen);
});

test("no key, token or key authorization is in any line", async () => {
  const said = latchkey.lines.map((line) => JSON.stringify(line)).join("\n") + latchkey.stderr;
  assert.doesNotMatch(said, /-----BEGIN|acme-challenge/);
  const entries = await entriesOf(latchkey.storage);
  const keys = entries.filter(({ path, content }) => /key/.test(path) && /PRIVATE/.test(content));
  assert.ok(keys.length >= 5, "two hosts, the account, root and intermediate");
  for (const { content, path } of keys) {
    for (const line of content
      .split("\n")
      .filter((each) => each.length > 32 && !each.includes("-")))
      assert.ok(!said.includes(line), path);
    assert.ok(!said.includes(thumbprintOf(content)), path);
  }
});

import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { after, test } from "node:test";
import { failures, handshake } from "../support/handshakes.ts";
import { Latchkey } from "../support/latchkey.ts";

const config = `
log: { access: on }
workers: 2
hosts:
  up.localhost: { respond: ok }
  old.localhost: { respond: old }
`;

/** Of programs that are not to serve. */
const small = config.replace("workers: 2", "workers: 1");

const startedAt = performance.now();
const latchkey = await Latchkey.start({ config });
const startMs = performance.now() - startedAt;
after(() => latchkey[Symbol.asyncDispose]());
await latchkey.event("certificate.swapped", ({ host }) => host === "up.localhost");

test("both workers take connections", async () => {
  const served = new Set<unknown>();
  for (let round = 0; round < 50 && served.size < 2; round += 1) {
    await failures(latchkey.httpsPort, "unknown.example", 20);
    await latchkey.event("connection.refused");
    for (const { event, process } of latchkey.lines)
      if (event === "connection.refused") served.add(process);
  }
  assert.deepEqual([...served].sort(), ["worker 1", "worker 2"]);
});

test("SIGUSR1 opens no inspector in any process", async () => {
  const ready = latchkey.lines.filter(({ event }) => event === "process.ready");
  for (const { pid } of ready) process.kill(Number(pid), "SIGUSR1");
  latchkey.process.kill("SIGUSR1");
  await assert.rejects(fetch("http://127.0.0.1:9229/json"));
});

test("S10: a second program on the same storage does not start, and says why", async () => {
  await using second = await Latchkey.spawn({ config: small, storage: latchkey.storage });
  assert.equal(await second.exited, 1);
  assert.match(second.stderr, /storage|lease|lock/i);
  assert.equal(latchkey.process.exitCode, null);
});

test("N4: a port that is taken ends the program with 1 as soon as it has started, and says which", async () => {
  const listen = `listen: { https: ["127.0.0.1:${latchkey.httpsPort}"], http: [] }`;
  const secondAt = performance.now();
  await using second = await Latchkey.spawn({ config: small, listen });
  assert.equal(await second.exited, 1);
  assert.ok(performance.now() - secondAt < startMs + 1_000);
  assert.match(second.stderr, new RegExp(`Cannot listen on 127\\.0\\.0\\.1:${latchkey.httpsPort}`));
});

test("SIGHUP with a fault changes nothing and names the place", async () => {
  const text = await readFile(latchkey.file, "utf8");
  await writeFile(latchkey.file, text.replace("respond: ok", "respnod: ok"));
  latchkey.process.kill("SIGHUP");
  await latchkey.event("config.rejected");
  assert.match(
    latchkey.stderr,
    /latchkey\.yaml:\d+:\d+: hosts\["up\.localhost"\]\.respnod: .*respond/,
  );
  await handshake(latchkey.httpsPort, "up.localhost");
  await writeFile(latchkey.file, text);
});

test("SIGHUP brings a new host in and takes an old one out, under connections that do not fail", async () => {
  const text = await readFile(latchkey.file, "utf8");
  const changed = text.replace(
    "old.localhost: { respond: old }",
    "new.localhost: { respond: new }",
  );
  await writeFile(latchkey.file, changed);
  latchkey.process.kill("SIGHUP");
  await latchkey.event("config.reloaded");
  assert.equal(await failures(latchkey.httpsPort, "up.localhost", 200), 0);
  await latchkey.event("certificate.swapped", ({ host }) => host === "new.localhost");
  await handshake(latchkey.httpsPort, "new.localhost");
  await assert.rejects(handshake(latchkey.httpsPort, "old.localhost"), {
    message: /unrecognized name/,
  });
});

test("D12: SIGTERM ends the program with 0, at once when nothing is open", async () => {
  assert.equal(await latchkey.stop("SIGTERM"), 0);
});

import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import { after, beforeEach, test } from "node:test";
import { runProgram } from "../../support/client-program.ts";
import { freePort } from "../../support/free-port.ts";
import type { Latchkey } from "../../support/latchkey.ts";
import { share } from "../../support/shared-program.ts";
import { visit } from "../../support/visitor.ts";

/** A backend that answers with its name, on the same port whenever it is started. */
class Named {
  readonly name: string;
  readonly port: number;
  #server: Server | undefined;

  constructor(name: string, port: number) {
    this.name = name;
    this.port = port;
  }

  async start(): Promise<this> {
    this.#server = createServer((_request, response) => response.end(this.name));
    this.#server.listen(this.port, "127.0.0.1");
    await once(this.#server, "listening");
    return this;
  }

  async kill(): Promise<void> {
    const server = this.#server;
    server?.closeAllConnections();
    await new Promise((resolve) => server?.close(resolve));
  }
}

const all = await Promise.all(
  ["a", "b", "c"].map(async (name) => new Named(name, await freePort()).start()),
);
const start = share({
  workers: 2,
  hosts: `
  shop.localhost:
    to: [${all.map(({ port }) => port).join(", ")}]
    health: { path: /, every: 200ms, timeout: 10s, healthyAfter: 1, unhealthyAfter: 1 }`,
});
let latchkey: Latchkey;
beforeEach(async () => {
  latchkey = await start();
  await latchkey.event("certificate.swapped", ({ host }) => host === "shop.localhost");
});
after(async () => {
  for (const each of all) await each.kill();
});

/** What `count` requests, one after the other on connections of their own, are answered. */
async function ask(count: number): Promise<Set<string>> {
  const seen = new Set<string>();
  for (let index = 0; index < count; index += 1) {
    const { status, text } = await visit(latchkey, "shop.localhost");
    seen.add(status === 200 ? text : String(status));
  }
  return seen;
}

function command(...words: readonly string[]) {
  return runProgram("sh", ["src/latchkey.sh", ...words, "--config", latchkey.file]);
}

const unlucky = all[1];
assert.ok(unlucky);
const port = `http://127.0.0.1:${unlucky.port}`;

test("no request fails when one of three backends dies, and nobody is sent there once that is known", async () => {
  assert.deepEqual(await ask(12), new Set(["a", "b", "c"]));
  const load = ask(40);
  await unlucky.kill();
  const seen = await load;
  for (const answer of seen) assert.ok("abc".includes(answer), answer);
  const { why } = await latchkey.event("backend.unhealthy", ({ backend }) => backend === port);
  assert.match(String(why), /the connection was refused|closed/);
  assert.deepEqual(await ask(9), new Set(["a", "c"]));
  await unlucky.start();
  await latchkey.event("backend.healthy", ({ backend }) => backend === port);
  assert.deepEqual(await ask(12), new Set(["a", "b", "c"]));
});

test("a drained backend loses no request and gets no more, also from a worker that starts later", async () => {
  const load = ask(20);
  const drained = await command("drain", "shop.localhost", String(unlucky.port));
  assert.equal(drained.code, 0, drained.stderr);
  for (const answer of await load) assert.ok("abc".includes(answer), answer);
  assert.deepEqual(await ask(9), new Set(["a", "c"]));
  const { workers, backends } = await latchkey.status();
  assert.equal(backends.find(({ backend }) => backend === port)?.state, "drained");
  for (const { pid } of workers) {
    process.kill(pid, "SIGKILL");
    await latchkey.nextEvent("process.ready");
  }
  assert.deepEqual(await ask(9), new Set(["a", "c"]));
  assert.equal((await command("undrain", "shop.localhost", port)).code, 0);
  assert.deepEqual(await ask(12), new Set(["a", "b", "c"]));
  assert.equal((await command("drain", "shop.localhost", "9")).code, 1);
});

test("when the looks say that all backends are down, the answer is 503 with Retry-After", async () => {
  for (const each of all) await each.kill();
  const down = new Set<unknown>();
  while (down.size < 3) {
    for (const { backend, state } of (await latchkey.status()).backends)
      if (state === "down") down.add(backend);
  }
  // The manager knows it a moment before its workers do.
  let answer = await visit(latchkey, "shop.localhost");
  while (answer.status === 502) answer = await visit(latchkey, "shop.localhost");
  const { status, headers } = answer;
  assert.equal(status, 503);
  assert.equal(headers["retry-after"], "1");
});

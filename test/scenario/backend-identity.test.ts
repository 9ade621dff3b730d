import assert from "node:assert/strict";
import { createServer } from "node:http";
import { after, test } from "node:test";
import { Latchkey } from "../support/latchkey.ts";
import { closeServer, listenAnywhere } from "../support/tls-door.ts";
import { visit } from "../support/visitor.ts";

const server = createServer(({ headers }, response) => response.end(`for ${headers.host}`));
const port = await listenAnywhere(server);
const closed = createServer();
const closedPort = await listenAnywhere(closed);
await closeServer(closed);
const latchkey = await Latchkey.start({
  config: `
workers: 1
hosts:
  client.localhost: { to: ${port} }
  upstream.localhost: { to: ${port}, backend: { host: upstream } }
  gone.localhost: { to: ${closedPort} }
`,
});
after(async () => {
  await latchkey[Symbol.asyncDispose]();
  server.closeAllConnections();
  server.close();
});

test("a pooled connection carries each request with the Host of its own route", async () => {
  for (let round = 0; round < 2; round += 1) {
    assert.equal((await visit(latchkey, "client.localhost")).text, "for client.localhost");
    assert.equal((await visit(latchkey, "upstream.localhost")).text, `for 127.0.0.1:${port}`);
  }
});

test("backend.down names the backend as it was written", async () => {
  await visit(latchkey, "gone.localhost");
  const down = await latchkey.event("backend.down");
  assert.equal(down["backend"], `http://127.0.0.1:${closedPort}`);
});

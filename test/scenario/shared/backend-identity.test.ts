import assert from "node:assert/strict";
import { createServer } from "node:http";
import { after, beforeEach, test } from "node:test";
import { deadPort } from "../../support/dead-port.ts";
import type { Latchkey } from "../../support/latchkey.ts";
import { share } from "../../support/shared-program.ts";
import { listenAnywhere } from "../../support/tls-door.ts";
import { visit } from "../../support/visitor.ts";

const server = createServer(({ headers }, response) => response.end(`for ${headers.host}`));
const port = await listenAnywhere(server);
const closedPort = await deadPort();
const start = share({
  hosts: `
  client.localhost: { to: ${port} }
  renamed.localhost: { to: ${port}, backend: { host: upstream } }
  absent.localhost: { to: ${closedPort} }`,
});
let latchkey: Latchkey;
beforeEach(async () => {
  latchkey = await start();
});
after(async () => {
  server.closeAllConnections();
  server.close();
});

test("a pooled connection carries each request with the Host of its own route", async () => {
  for (let round = 0; round < 2; round += 1) {
    assert.equal((await visit(latchkey, "client.localhost")).text, "for client.localhost");
    assert.equal((await visit(latchkey, "renamed.localhost")).text, `for 127.0.0.1:${port}`);
  }
});

test("backend.down names the backend as it was written", async () => {
  await visit(latchkey, "absent.localhost");
  const written = `http://127.0.0.1:${closedPort}`;
  await latchkey.event("backend.down", ({ backend }) => backend === written);
});

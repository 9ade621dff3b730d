import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { createServer, type RequestListener } from "node:http";
import { createServer as createTlsServer } from "node:https";
import { join } from "node:path";
import { after, beforeEach, test } from "node:test";
import { makeAuthority, makeCertificate } from "../../support/certificates.ts";
import { deadPort } from "../../support/dead-port.ts";
import { temporaryFolder } from "../../support/folders.ts";
import type { Latchkey } from "../../support/latchkey.ts";
import { share } from "../../support/shared-program.ts";
import { listenAnywhere } from "../../support/tls-door.ts";
import { visit } from "../../support/visitor.ts";

const folder = await temporaryFolder();
const inFolder = (name: string) => join(folder.path, name);

/** Says its name and the Host it was asked for. */
const saying =
  (name: string): RequestListener =>
  ({ headers }, response) =>
    response.end(`${name} for ${headers.host}`);

const [right, wrong] = [makeAuthority(), makeAuthority()];
await writeFile(inFolder("right.pem"), right.certificate);
await writeFile(inFolder("wrong.pem"), wrong.certificate);
const own = makeCertificate({ names: ["inside.example"], issuer: right });

const one = createServer(saying("one"));
const two = createServer(saying("two"));
const secure = createTlsServer({ cert: own.chain, key: own.key }, saying("secure"));
const named = createServer(saying("named"));
const local = createServer(saying("local"));
const servers = [one, two, secure, named];
const [onePort, twoPort, securePort, namedPort] = await Promise.all(servers.map(listenAnywhere));
await new Promise<void>((resolve) => local.listen(inFolder("local.sock"), resolve));
const closedPort = await deadPort();

const secured = `to: "https://127.0.0.1:${securePort}"`;
const start = share({
  hosts: `
  several.localhost: { to: [${onePort}, ${closedPort}, ${twoPort}] }
  local.localhost: { to: "unix:${inFolder("local.sock")}" }
  secure.localhost: { ${secured}, backend: { ca: ${inFolder("right.pem")}, serverName: inside.example } }
  upstream.localhost: { to: ${namedPort}, backend: { host: upstream } }
  wrong-ca.localhost: { ${secured}, backend: { ca: ${inFolder("wrong.pem")}, serverName: inside.example } }
  wrong-name.localhost: { ${secured}, backend: { ca: ${inFolder("right.pem")}, serverName: other.example } }
  any-ca.localhost: { ${secured} }
  unverified.localhost: { ${secured}, backend: { verify: off } }`,
});
let latchkey: Latchkey;
beforeEach(async () => {
  latchkey = await start();
});
after(async () => {
  for (const server of [...servers, local]) {
    server.closeAllConnections();
    server.close();
  }
  await folder[Symbol.asyncDispose]();
});

test("several backends take turns, and one that is gone is passed over without an error", async () => {
  const turns: string[] = [];
  for (let visitor = 0; visitor < 6; visitor += 1) {
    const { status, text } = await visit(latchkey, "several.localhost");
    assert.equal(status, 200);
    turns.push(text.slice(0, 3));
  }
  assert.deepEqual(turns.sort(), ["one", "one", "one", "two", "two", "two"]);
  const written = `http://127.0.0.1:${closedPort}`;
  await latchkey.event("backend.down", ({ backend }) => backend === written);
});

const answers: readonly [host: string, text: string][] = [
  ["local.localhost", "local for local.localhost"],
  ["secure.localhost", "secure for secure.localhost"],
  ["upstream.localhost", `named for 127.0.0.1:${namedPort}`],
  ["unverified.localhost", "secure for unverified.localhost"],
];

for (const [host, expected] of answers) {
  test(`the backend of ${host} answers`, async () => {
    const { status, text } = await visit(latchkey, host);
    assert.deepEqual({ status, text }, { status: 200, text: expected });
  });
}

for (const host of ["wrong-ca.localhost", "wrong-name.localhost", "any-ca.localhost"]) {
  test(`a backend whose certificate does not verify is a 502 (${host})`, async () => {
    assert.equal((await visit(latchkey, host)).status, 502);
  });
}

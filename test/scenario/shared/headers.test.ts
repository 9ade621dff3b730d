import assert from "node:assert/strict";
import { createServer, type IncomingMessage } from "node:http";
import { after, beforeEach, test } from "node:test";
import type { Latchkey } from "../../support/latchkey.ts";
import { share } from "../../support/shared-program.ts";
import { listenAnywhere } from "../../support/tls-door.ts";
import { openRaw } from "../../support/visitor.ts";

/** Tells what it was asked, field by field as they came, and answers with fields of its own. */
const backend = createServer(({ rawHeaders, httpVersion }: IncomingMessage, response) => {
  response.setHeader("Keep-Alive", "timeout=99");
  response.setHeader("X-Kept", "by us");
  response.setHeader("X-Named", "as one hop's");
  response.setHeader("Connection", "x-named");
  response.end(JSON.stringify({ rawHeaders, httpVersion }));
});
const port = await listenAnywhere(backend);
/** An address of this machine that other clients do not have: the trusted proxy's. */
const PROXY = "127.0.0.2";
const start = share({
  hosts: `
  told.localhost: ${port}`,
  top: `trustedProxies: [${PROXY}/32]`,
});
let latchkey: Latchkey;
beforeEach(async () => {
  latchkey = await start();
  await latchkey.event("certificate.swapped", ({ host }) => host === "told.localhost");
});
after(async () => {
  backend.closeAllConnections();
  backend.close();
});

interface Seen {
  /** Every value under a name, lower case, in their order. */
  readonly fields: Readonly<Record<string, readonly string[]>>;
  readonly httpVersion: string;
  /** The head of the answer. */
  readonly answer: string;
}

/** What the backend sees of a request with these field lines. */
async function seen(lines: readonly string[], from = "127.0.0.1"): Promise<Seen> {
  using client = await openRaw(latchkey, "told.localhost", { localAddress: from });
  client.say(`GET / HTTP/1.1\r\n${lines.join("\r\n")}\r\nConnection: close\r\n\r\n`);
  const [answer = "", body = ""] = (await client.finished()).split("\r\n\r\n");
  const { rawHeaders, httpVersion } = JSON.parse(body);
  const fields: Record<string, string[]> = {};
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = String(rawHeaders[index]).toLowerCase();
    fields[name] = [...(fields[name] ?? []), String(rawHeaders[index + 1])];
  }
  return { fields, httpVersion, answer };
}

const FORWARDED = ["x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "x-real-ip"];
const told = ({ fields }: Seen) => FORWARDED.map((name) => fields[name]);
const host = "Host: told.localhost:8443";
const spoofs = [
  "X-Forwarded-For: 198.51.100.7, 203.0.113.9",
  "X-Forwarded-Proto: http",
  "X-Forwarded-Host: evil.example",
];
/** Names that a backend may take for those that are ours to set. */
const strays = [
  "X-Real-IP: 198.51.100.7",
  "Forwarded: for=198.51.100.7",
  "X-Forwarded-Port: 1",
  "X-Forwarded-Server: evil.example",
  "X_Forwarded_For: 198.51.100.7",
];

test("the backend gets the client's Host, address, protocol and a request id", async () => {
  const request = await seen([host, "Accept: text/plain", "Accept: text/html", "Cookie: a=b"]);
  assert.deepEqual(told(request), [
    ["127.0.0.1"],
    ["https"],
    ["told.localhost:8443"],
    ["127.0.0.1"],
  ]);
  const { fields, httpVersion } = request;
  assert.equal(httpVersion, "1.1");
  assert.deepEqual(fields["host"], ["told.localhost:8443"]);
  assert.deepEqual(fields["accept"], ["text/plain", "text/html"]);
  assert.deepEqual(fields["cookie"], ["a=b"]);
  assert.match(fields["x-request-id"]?.join() ?? "", /^[0-9a-f]{32}$/);
});

test("what a stranger says of its origin is removed, whatever it is called", async () => {
  const request = await seen([host, ...spoofs, ...strays]);
  assert.deepEqual(told(request), [
    ["127.0.0.1"],
    ["https"],
    ["told.localhost:8443"],
    ["127.0.0.1"],
  ]);
  for (const stray of strays.slice(1))
    assert.equal(request.fields[stray.split(":")[0]?.toLowerCase() ?? ""], undefined, stray);
});

test("what a trusted proxy says of its client is continued", async () => {
  const request = await seen([host, ...spoofs], PROXY);
  assert.deepEqual(told(request), [
    [`198.51.100.7, 203.0.113.9, ${PROXY}`],
    ["http"],
    ["evil.example"],
    ["203.0.113.9"],
  ]);
});

test("hop-by-hop fields end here, in both directions", async () => {
  const hops = ["Keep-Alive: timeout=5", "Proxy-Connection: keep-alive", "TE: gzip"];
  const { fields, answer } = await seen([host, ...hops, "X-Hop: 1", "Connection: x-hop"]);
  for (const name of ["keep-alive", "proxy-connection", "te", "x-hop"])
    assert.equal(fields[name], undefined, name);
  assert.match(answer, /\r\nX-Kept: by us/);
  assert.doesNotMatch(answer, /keep-alive|x-named/i);
});

const ids: readonly [what: string, id: string, isKept: boolean][] = [
  ["a sane one is kept", "trace-1.2_3", true],
  ["one with odd characters is replaced", "a b;c", false],
  ["one that is too long is replaced", "a".repeat(200), false],
];

for (const [what, id, isKept] of ids) {
  test(`X-Request-Id: ${what}`, async () => {
    const [value = ""] = (await seen([host, `X-Request-Id: ${id}`])).fields["x-request-id"] ?? [];
    assert.equal(value === id, isKept);
    assert.notEqual(value, "");
  });
}

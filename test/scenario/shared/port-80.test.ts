import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { capturedHellos } from "../../support/hello-bytes.ts";
import type { Latchkey } from "../../support/latchkey.ts";
import { RawClient } from "../../support/raw-client.ts";
import { share } from "../../support/shared-program.ts";

const start = share({
  hosts: "  plain.localhost: { respond: never over plain HTTP }",
  top: "acme: { challenges: [http-01] }",
  listen: 'listen: { https: ["127.0.0.1:0"], http: ["127.0.0.1:0"], publicHttpsPort: 8443 }',
});
let latchkey: Latchkey;
beforeEach(async () => {
  latchkey = await start();
  await latchkey.event("certificate.swapped", ({ host }) => host === "plain.localhost");
});

const TOKEN = "AnUnknownTokenOfForty-threeCharacters_12345";
const CHALLENGE = `/.well-known/acme-challenge/${TOKEN}`;
const ask = (line: string, ...fields: readonly string[]) =>
  `${[`${line} HTTP/1.1`, ...fields].join("\r\n")}\r\n\r\n`;
const shop = "Host: plain.localhost";

const redirects: readonly [what: string, request: string, location: string][] = [
  ["path and query", ask("GET /a/b?c=d", shop), "https://plain.localhost:8443/a/b?c=d"],
  [
    "another method",
    ask("POST /form", shop, "Content-Length: 0"),
    "https://plain.localhost:8443/form",
  ],
  ["a line break, encoded", ask("GET /%0d%0aX:y", shop), "https://plain.localhost:8443/%0d%0aX:y"],
  ["HEAD", ask("HEAD /", shop), "https://plain.localhost:8443/"],
  [
    "a port and odd case",
    ask("GET /", "Host: Plain.LocalHost:80"),
    "https://plain.localhost:8443/",
  ],
  [
    "an absolute target",
    ask("GET http://plain.localhost/x", shop),
    "https://plain.localhost:8443/x",
  ],
  [
    "a token that is not live",
    ask(`GET ${CHALLENGE}`, shop),
    `https://plain.localhost:8443${CHALLENGE}`,
  ],
];

for (const [what, request, location] of redirects) {
  test(`a known host is redirected to https (${what})`, async () => {
    const answer = await answerTo(request);
    assert.match(answer, /^HTTP\/1\.1 308 Permanent Redirect\r\n/);
    assert.ok(answer.includes(`\r\nLocation: ${location}\r\n`), answer);
    assert.match(answer, /\r\nConnection: close\r\n/);
    assert.ok(answer.endsWith("\r\n\r\n"), "without a body");
  });
}

const absent: readonly [what: string, request: string][] = [
  ["a name of nobody", ask("GET /", "Host: nobody.localhost")],
  ["a token for a name of nobody", ask(`GET ${CHALLENGE}`, "Host: nobody.localhost")],
  ["an IP address", ask("GET /", "Host: 127.0.0.1")],
];

for (const [what, request] of absent) {
  test(`${what} gets 404 with an empty body`, async () => {
    assert.match(
      await answerTo(request),
      /^HTTP\/1\.1 404 .*\r\nContent-Length: 0\r\n.*\r\n\r\n$/s,
    );
  });
}

const faults: readonly [what: string, request: string, status: number][] = [
  ["no Host", ask("GET /"), 400],
  ["two Hosts", ask("GET /", shop, shop), 400],
  ["a bare line feed", "GET / HTTP/1.1\nHost: plain.localhost\n\n", 400],
  ["an endless target", ask(`GET /${"a".repeat(9_000)}`, shop), 414],
  [
    "too many fields",
    ask("GET /", shop, ...Array.from({ length: 120 }, (_, i) => `X-${i}: 1`)),
    431,
  ],
  ["a space in the target", ask("GET /a b", shop), 400],
];

for (const [what, request, status] of faults) {
  test(`a request with ${what} is answered with ${status} and nothing else`, async () => {
    const answer = await answerTo(request);
    assert.match(answer, new RegExp(`^HTTP/1\\.1 ${status} `));
    assert.equal(answer.split("HTTP/1.1").length, 2);
  });
}

test("TLS on port 80 is closed without a byte", async () => {
  using client = await RawClient.connect(latchkey.httpPort);
  client.socket.write(capturedHellos.get("openssl") ?? Buffer.alloc(0));
  assert.equal(await client.finished(), "");
});

test("a second request of a connection is not read", async () => {
  const answer = await answerTo(ask("GET /1", shop) + ask("GET /2", shop));
  assert.equal(answer.split("HTTP/1.1 308").length, 2);
});

/** Everything that comes back, the client neither ending nor closing before. */
async function answerTo(request: string): Promise<string> {
  using client = await RawClient.connect(latchkey.httpPort);
  client.say(request);
  return await client.finished();
}

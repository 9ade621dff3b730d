import assert from "node:assert/strict";
import { createServer, type Server } from "node:net";
import { test } from "node:test";
import type { Facts } from "../../src/base/errors.ts";
import { limits } from "../../src/config/limits.ts";
import { type PlainHttpServices, servePlainHttp } from "../../src/connection/plain-http.ts";
import { RawClient } from "../support/raw-client.ts";
import { portOf } from "../support/recorder.ts";
import { turns } from "../support/ticks.ts";

const TOKEN = "evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-oA";
const SERVICES: PlainHttpServices = {
  findChallenge: (host, token) =>
    host === "shop.example" && token === TOKEN ? `${token}.thumbprint` : undefined,
  isTrustedProxy: () => false,
  isServed: (host) => host === "shop.example" || host === "www.shop.example",
  publicHttpsPort: 443,
  now: () => 784_111_777_000,
};
/** RFC 9110 §5.6.7. */
const DATE = "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n";

class PlainWorld implements AsyncDisposable {
  readonly #server: Server;
  /** One for each connection; a server closes before the sockets it accepted have said so. */
  readonly #closed: Promise<unknown>[];
  readonly client: RawClient;

  static async start(changes: Partial<PlainHttpServices> = {}): Promise<PlainWorld> {
    const services = { ...SERVICES, ...changes };
    const closed: Promise<unknown>[] = [];
    const server = createServer((socket) => {
      closed.push(new Promise((resolve) => socket.once("close", resolve)));
      servePlainHttp(socket, "127.0.0.1", services);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return new PlainWorld(server, closed, await RawClient.connect(portOf(server)));
  }

  constructor(server: Server, closed: Promise<unknown>[], client: RawClient) {
    this.#server = server;
    this.#closed = closed;
    this.client = client;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.client[Symbol.dispose]();
    await new Promise((resolve) => this.#server.close(resolve));
    await Promise.all(this.#closed);
  }
}

/** What port 80 answers to these bytes. */
async function answerTo(bytes: string, changes: Partial<PlainHttpServices> = {}): Promise<string> {
  await using world = await PlainWorld.start(changes);
  world.client.say(bytes);
  return await world.client.finished();
}

function request(target: string, host = "shop.example", method = "GET"): string {
  return `${method} ${target} HTTP/1.1\r\nHost: ${host}\r\n\r\n`;
}

const CHALLENGE = `/.well-known/acme-challenge/${TOKEN}`;
const KEY_AUTHORIZATION = `${TOKEN}.thumbprint`;
const CHALLENGE_HEAD = `HTTP/1.1 200 OK\r\n${DATE}Content-Type: application/octet-stream\r\nX-Content-Type-Options: nosniff\r\nCache-Control: no-store\r\nContent-Length: ${KEY_AUTHORIZATION.length}\r\nConnection: close\r\n\r\n`;

test("A live token of this very host is answered with exactly its key authorization, as often as asked", async () => {
  for (let times = 0; times < 3; times += 1)
    assert.equal(await answerTo(request(CHALLENGE)), CHALLENGE_HEAD + KEY_AUTHORIZATION);
});

test("T36: a token that nobody armed is answered at once, like any other path of its host", async () => {
  const unknown = `/.well-known/acme-challenge/${"x".repeat(43)}`;
  const took: number[] = [];
  for (let count = 0; count < 100; count += 1) {
    await using world = await PlainWorld.start();
    const startedAt = performance.now();
    world.client.say(request(unknown));
    const answer = await world.client.finished();
    took.push(performance.now() - startedAt);
    assert.match(answer, /^HTTP\/1\.1 308 /);
    assert.ok(answer.includes(`\r\nLocation: https://shop.example${unknown}\r\n`));
  }
  const median = took.toSorted((one, other) => one - other)[50] ?? 0;
  assert.ok(median < 10, `${median} ms`);
});

test("Half a head is not written over by what another client says, nor goes on with what is left of that", async () => {
  await using world = await PlainWorld.start();
  await using others = await PlainWorld.start();
  world.client.say("GET /mine HTTP/1.1\r\nHost: shop.ex");
  await turns();
  others.client.say(request(`/${"z".repeat(4_000)}`));
  await others.client.finished();
  world.client.say("amp");
  await turns();
  world.client.say("le\r\n\r\n");
  assert.equal(await world.client.finished(), redirectTo("https://shop.example/mine"));
});

test("HEAD of a token has no body", async () => {
  assert.equal(await answerTo(request(CHALLENGE, "shop.example", "HEAD")), CHALLENGE_HEAD);
});

test("The host of a challenge is compared without case, port and trailing dot", async () => {
  assert.equal(
    await answerTo(request(CHALLENGE, "SHOP.example.:80")),
    CHALLENGE_HEAD + KEY_AUTHORIZATION,
  );
});

function redirectTo(location: string): string {
  return `HTTP/1.1 308 Permanent Redirect\r\n${DATE}Location: ${location}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`;
}

const redirects = [
  { bytes: request("/a/b?c=d"), expect: "https://shop.example/a/b?c=d" },
  { bytes: request("//evil.example/%2e"), expect: "https://shop.example//evil.example/%2e" },
  { bytes: request("/", "Shop.Example.:8080"), expect: "https://shop.example/" },
  { bytes: request("*", "shop.example", "OPTIONS"), expect: "https://shop.example/" },
  { bytes: request("/", "shop.example", "POST"), expect: "https://shop.example/" },
  { bytes: request("http://shop.example/a"), expect: "https://shop.example/a" },
  { bytes: request(CHALLENGE, "www.shop.example"), expect: `https://www.shop.example${CHALLENGE}` },
  { bytes: request(`${CHALLENGE}?x`), expect: `https://shop.example${CHALLENGE}?x` },
  { bytes: request(`${CHALLENGE}/`), expect: `https://shop.example${CHALLENGE}/` },
  { bytes: request(`${CHALLENGE}x`), expect: `https://shop.example${CHALLENGE}x` },
  { bytes: request(CHALLENGE, "shop.example", "POST"), expect: `https://shop.example${CHALLENGE}` },
];

for (const { bytes, expect } of redirects) {
  test(`${bytes.split("\r\n")[0]} is sent to ${expect}`, async () => {
    assert.equal(await answerTo(bytes), redirectTo(expect));
  });
}

test("A redirect names the port that clients see", async () => {
  assert.equal(
    await answerTo(request("/"), { publicHttpsPort: 8443 }),
    redirectTo("https://shop.example:8443/"),
  );
});

/** The lines of these requests, without how long they took. */
async function linesOf(
  requests: readonly string[],
  changes: Partial<PlainHttpServices> = {},
): Promise<readonly Facts[]> {
  const lines: Facts[] = [];
  const access = ({ durationMs, ...facts }: Facts) => {
    assert.ok(Number(durationMs) > 0);
    lines.push(facts);
  };
  for (const each of requests) await answerTo(each, { access, ...changes });
  return lines;
}

test("Each request leaves a line in the access log but one for the answer to a challenge, and no line has a token", async () => {
  const lines = await linesOf([
    request(CHALLENGE),
    request("/a?secret", "shop.example", "POST"),
    request(`${CHALLENGE}x?${TOKEN}`),
    request("/", "other.example"),
    "GET / HTTP/1.1\r\n\r\n",
  ]);
  assert.deepEqual(
    lines.map(({ method, host, path, status, why, client }) => [
      ...[method, host, path, status, why, client],
    ]),
    [
      ["POST", "shop.example", "/a", 308, undefined, "127.0.0.1"],
      ["GET", "shop.example", "/.well-known/acme-challenge/", 308, undefined, "127.0.0.1"],
      ["GET", "other.example", "/", 404, "the host is not served here", "127.0.0.1"],
      [undefined, undefined, undefined, 400, "there is not exactly one Host", "127.0.0.1"],
    ],
  );
  assert.ok(!JSON.stringify(lines).includes(TOKEN));
});

test("A line tells the query where that is wanted, and the client that a trusted proxy tells", async () => {
  const [line] = await linesOf(
    [request("/a?b").replace("\r\n\r\n", "\r\nX-Forwarded-For: 203.0.113.9\r\n\r\n")],
    { tellsQuery: true, isTrustedProxy: (address) => address === "127.0.0.1" },
  );
  assert.deepEqual([line?.["path"], line?.["client"]], ["/a?b", "203.0.113.9"]);
});

const NOT_FOUND = `HTTP/1.1 404 Not Found\r\n${DATE}Content-Length: 0\r\nConnection: close\r\n\r\n`;

for (const host of ["other.example", "192.0.2.1", "[2001:db8::1]", "localhost"]) {
  test(`A host that is not ours (${host}) gets 404 with nothing in it`, async () => {
    assert.equal(await answerTo(request("/", host)), NOT_FOUND);
    assert.equal(await answerTo(request(CHALLENGE, host)), NOT_FOUND);
  });
}

const malformed = [
  { name: "no Host", bytes: "GET / HTTP/1.1\r\n\r\n", expect: 400 },
  {
    name: "two Hosts",
    bytes: "GET / HTTP/1.1\r\nHost: shop.example\r\nHost: shop.example\r\n\r\n",
    expect: 400,
  },
  {
    name: "a Host that would split the redirect",
    bytes: request("/", "shop.example/evil"),
    expect: 400,
  },
  { name: "a bare LF", bytes: "GET / HTTP/1.1\nHost: shop.example\n\n", expect: 400 },
  { name: "nonsense", bytes: "\0\0\0", expect: 400 },
  {
    name: "a head of over 16 KiB",
    bytes: `GET / HTTP/1.1\r\nX-A: ${"a".repeat(17_000)}`,
    expect: 431,
  },
  { name: "TRACE", bytes: request("/", "shop.example", "TRACE"), expect: 405 },
];

for (const { name, bytes, expect } of malformed) {
  test(`A request with ${name} gets ${expect}`, async () => {
    assert.match(
      await answerTo(bytes),
      new RegExp(`^HTTP/1\\.1 ${expect} [\\s\\S]*Connection: close\r\n`),
    );
  });
}

test("T29: TLS is closed without a word", async () => {
  assert.equal(await answerTo("\x16\x03\x01\x02\x00\x01\x00\x01\xfc"), "");
});

test("One request is answered, and what is behind it is not", async () => {
  assert.equal(await answerTo(request("/a") + request("/b")), redirectTo("https://shop.example/a"));
});

test("A head that does not come in time is answered 408, a silent client is closed", async (t) => {
  t.mock.timers.enable({ apis: ["setInterval"] });
  for (const [bytes, expect] of [
    ["GET / HTTP/1.1\r\n", /^HTTP\/1\.1 408 /],
    ["", /^$/],
  ] as const) {
    await using world = await PlainWorld.start();
    world.client.say(bytes);
    for (let turn = 0; turn < 50; turn += 1) await new Promise(setImmediate);
    t.mock.timers.tick(limits.headTimeoutMs + 2 * limits.tickMs);
    assert.match(await world.client.finished(), expect);
  }
});

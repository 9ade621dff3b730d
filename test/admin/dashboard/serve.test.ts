import assert from "node:assert/strict";
import { test } from "node:test";
import { changeLimits, limits } from "../../../src/config/limits.ts";
import { failingRecord, NOW, openDashboard, snapshotOf } from "../../support/dashboard.ts";
import { RawClient } from "../../support/raw-client.ts";

const TOKEN = "correct-horse-battery";
const bearer = (token: string) => `Bearer ${token}`;
const basic = (user: string, token: string) =>
  `Basic ${Buffer.from(`${user}:${token}`).toString("base64")}`;

/** Sends this as it stands, and returns the whole answer. */
async function ask(port: number, head: string): Promise<string> {
  using client = await RawClient.connect(port);
  client.say(head);
  return await client.finished();
}

test("the page is HTML that no cache keeps and nobody frames, and status.json what the admin socket says", async () => {
  using dashboard = await openDashboard(snapshotOf);
  const page = await fetch(`${dashboard.url}/`);
  assert.equal(page.status, 200);
  assert.equal(page.headers.get("content-type"), "text/html; charset=utf-8");
  assert.match(await page.text(), /<title>All is well · Latchkey on edge1<\/title>/);
  const json = await fetch(`${dashboard.url}/status.json`);
  assert.match(json.headers.get("content-type") ?? "", /^application\/json/);
  assert.deepEqual(await json.json(), JSON.parse(JSON.stringify(snapshotOf())));
  for (const { headers } of [page, json]) {
    assert.equal(headers.get("cache-control"), "no-store");
    assert.equal(headers.get("x-frame-options"), "DENY");
    assert.equal(headers.get("referrer-policy"), "no-referrer");
    assert.equal(headers.get("x-content-type-options"), "nosniff");
    assert.match(headers.get("content-security-policy") ?? "", /^default-src 'none'; /);
    assert.equal(headers.get("access-control-allow-origin"), null);
  }
});

test("HEAD gets the head of the answer alone", async () => {
  using dashboard = await openDashboard(snapshotOf);
  const answer = await ask(dashboard.port, "HEAD / HTTP/1.1\r\nHost: localhost\r\n\r\n");
  assert.match(answer, /^HTTP\/1\.1 200 /);
  assert.match(answer, /\r\ncontent-length: [1-9]\d{3,}\r\n/i);
  assert.ok(answer.endsWith("\r\n\r\n"));
});

/** A request line and its fields, and the status of the answer to it, without a token. */
const requests: readonly (readonly [string, number])[] = [
  ["GET / HTTP/1.1\r\nHost: localhost:9180\r\n", 200],
  ["GET / HTTP/1.1\r\nHost: LOCALHOST\r\n", 200],
  ["GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n", 200],
  ["GET / HTTP/1.1\r\nHost: [::1]:9180\r\n", 200],
  ["GET / HTTP/1.1\r\nHost: 192.0.2.7:80\r\n", 200],
  ["GET /?q=%ff%00<script> HTTP/1.1\r\nHost: localhost\r\n", 200],
  ["GET /?Q=a&x=%zz& HTTP/1.1\r\nHost: localhost\r\n", 200],
  ["GET / HTTP/1.1\r\nHost: localhost\r\nOrigin: https://evil.example\r\n", 200],
  // A stranger's page, whose name leads to 127.0.0.1 since a moment ago.
  ["GET / HTTP/1.1\r\nHost: evil.example\r\n", 421],
  ["GET / HTTP/1.1\r\nHost: evil.example:9180\r\n", 421],
  ["GET /status.json HTTP/1.1\r\nHost: rebind.network\r\n", 421],
  ["GET / HTTP/1.1\r\nHost: 127.0.0.1.evil.example\r\n", 421],
  ["GET / HTTP/1.1\r\nHost: localhost.evil.example\r\n", 421],
  ["GET / HTTP/1.1\r\nHost: evil.localhost\r\n", 421],
  ["GET / HTTP/1.1\r\nHost: localhost@evil.example\r\n", 421],
  ["GET / HTTP/1.1\r\nHost: 127.0.0.1, evil.example\r\n", 421],
  ["GET / HTTP/1.1\r\nHost: 0x7f.1\r\n", 421],
  ["GET / HTTP/1.1\r\nHost: \r\n", 421],
  ["GET / HTTP/1.0\r\n", 421],
  ["GET / HTTP/1.1\r\n", 400],
  ["POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n", 405],
  ["POST /reload HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n", 405],
  ["PUT /status.json HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n", 405],
  ["DELETE / HTTP/1.1\r\nHost: localhost\r\n", 405],
  ["OPTIONS / HTTP/1.1\r\nHost: localhost\r\nOrigin: https://evil.example\r\n", 405],
  ["OPTIONS * HTTP/1.1\r\nHost: localhost\r\n", 405],
  ["TRACE / HTTP/1.1\r\nHost: localhost\r\n", 405],
  ["GET /status HTTP/1.1\r\nHost: localhost\r\n", 404],
  ["GET /metrics HTTP/1.1\r\nHost: localhost\r\n", 404],
  ["GET //status.json HTTP/1.1\r\nHost: localhost\r\n", 404],
  ["GET /../etc/passwd HTTP/1.1\r\nHost: localhost\r\n", 404],
  ["GET /%2e%2e/ HTTP/1.1\r\nHost: localhost\r\n", 404],
  ["GET http://localhost/ HTTP/1.1\r\nHost: localhost\r\n", 404],
  ["GET /<b> HTTP/1.1\r\nHost: localhost\r\n", 404],
  [`GET / HTTP/1.1\r\nHost: localhost\r\nCookie: ${"x".repeat(20_000)}\r\n`, 431],
  ["NONSENSE\r\n", 400],
];

test("nothing but the page and its data is answered, and to no name that a stranger chose", async () => {
  using dashboard = await openDashboard(snapshotOf);
  for (const [head, status] of requests) {
    const answer = await ask(dashboard.port, `${head}\r\n`);
    const what = JSON.stringify(head.slice(0, 80));
    assert.ok(answer.startsWith(`HTTP/1.1 ${status} `), `${what}: ${answer.slice(0, 200)}`);
    if (status !== 200) assert.doesNotMatch(answer, /store\.shop\.example|<b>/, what);
  }
  assert.deepEqual(dashboard.failures, []);
});

/** What is written into Authorization, and the status. */
const credentials: readonly (readonly [string | undefined, number])[] = [
  [bearer(TOKEN), 200],
  [`bearer ${TOKEN}`, 200],
  [basic("anybody", TOKEN), 200],
  [basic("", TOKEN), 200],
  [undefined, 401],
  ["", 401],
  [TOKEN, 401],
  [bearer(""), 401],
  [bearer(TOKEN.slice(1)), 401],
  [bearer(`${TOKEN}x`), 401],
  [bearer(TOKEN.toUpperCase()), 401],
  [basic(TOKEN, ""), 401],
  [basic("anybody", `${TOKEN}\n`), 401],
  ["Basic !!!", 401],
];

test("with a token only who knows it sees anything, whatever the name they ask", async () => {
  for (const [authorization, status] of credentials) {
    using dashboard = await openDashboard(snapshotOf, TOKEN);
    const field = authorization === undefined ? "" : `Authorization: ${authorization}\r\n`;
    for (const path of ["/", "/status.json"]) {
      const answer = await ask(
        dashboard.port,
        `GET ${path} HTTP/1.1\r\nHost: edge1.lan\r\n${field}\r\n`,
      );
      assert.ok(answer.startsWith(`HTTP/1.1 ${status} `), `${authorization}: ${answer}`);
      assert.equal(answer.includes("store.shop.example"), status === 200);
      if (status === 401) assert.match(answer, /\r\nwww-authenticate: Basic realm="Latchkey"/i);
      assert.ok(!answer.includes(TOKEN));
    }
  }
});

test("whoever guesses tokens is looked at slowly, the right one among them too, and again with time", async () => {
  let now = NOW;
  using dashboard = await openDashboard(snapshotOf, TOKEN, () => now);
  const statusOf = async (token: string | undefined) => {
    const headers = token === undefined ? {} : { authorization: bearer(token) };
    const answer = await fetch(`${dashboard.url}/`, { headers });
    await answer.arrayBuffer();
    return [answer.status, answer.headers.get("retry-after")];
  };
  for (let guess = 0; guess < limits.dashboardGuessesBurst; guess += 1)
    assert.deepEqual(await statusOf(`guess-${guess}`), [401, null]);
  assert.deepEqual(await statusOf(TOKEN), [429, "6"]);
  assert.deepEqual(await statusOf(undefined), [401, null]);
  now += limits.dashboardGuessEveryMs;
  assert.deepEqual(await statusOf(TOKEN), [200, null]);
  assert.deepEqual(await statusOf(TOKEN), [200, null]);
  assert.deepEqual(await statusOf("another"), [401, null]);
  assert.deepEqual(await statusOf("another"), [429, "6"]);
});

test("however many look, the program is looked at once a second", async () => {
  let [now, looks] = [NOW, 0];
  const look = () => {
    looks += 1;
    return snapshotOf();
  };
  using dashboard = await openDashboard(look, undefined, () => now);
  const paths = ["/", "/status.json", "/?q=store", "/status.json"];
  await Promise.all(
    paths.map(async (path) => await (await fetch(`${dashboard.url}${path}`)).text()),
  );
  assert.equal(looks, 1);
  now += limits.dashboardFreshMs;
  await (await fetch(dashboard.url)).text();
  assert.equal(looks, 2);
  now -= 60_000; // a clock that is set back
  await (await fetch(dashboard.url)).text();
  assert.equal(looks, 3);
});

test("a page that cannot be made is an error for who asked, and nothing else ends", async () => {
  let isBroken = true;
  using dashboard = await openDashboard(() => {
    if (isBroken) throw new Error("secret cause");
    return snapshotOf();
  });
  const answer = await fetch(dashboard.url);
  assert.equal(answer.status, 500);
  assert.doesNotMatch(await answer.text(), /secret cause/);
  assert.match(String(dashboard.failures), /secret cause/);
  isBroken = false;
  assert.equal((await fetch(dashboard.url)).status, 200);
});

test("clients that never finish a head are ended, and others are turned away meanwhile", async (t) => {
  changeLimits({ dashboardHeadTimeoutMs: 200, dashboardConnectionsMax: 3 });
  t.after(() => changeLimits({}));
  using dashboard = await openDashboard(snapshotOf);
  const slow = await Promise.all([1, 2, 3].map(() => RawClient.connect(dashboard.port)));
  for (const client of slow) client.say("GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: ");
  using fourth = await RawClient.connect(dashboard.port);
  assert.equal(await fourth.finished(), "");
  for (const client of slow) {
    assert.match(await client.finished(), /^HTTP\/1\.1 408 /);
    client[Symbol.dispose]();
  }
  assert.equal((await fetch(dashboard.url)).status, 200);
});

test("a client that never reads the answer is ended, and its place is free again", async (t) => {
  changeLimits({ dashboardConnectionMs: 500, dashboardConnectionsMax: 1 });
  t.after(() => changeLimits({}));
  const detail = "x".repeat(64_000_000); // more than the kernel takes for who does not read
  const snapshot = snapshotOf({ hosts: [failingRecord("a.example", { detail })] });
  using dashboard = await openDashboard(() => snapshot);
  using deaf = await RawClient.connect(dashboard.port);
  deaf.socket.pause();
  deaf.say("GET /status.json HTTP/1.1\r\nHost: localhost\r\n\r\n");
  const isAnswered = async () => (await fetch(dashboard.url).catch(() => undefined))?.ok === true;
  while (!(await isAnswered())); // the one place is taken until then
  deaf.socket.resume();
  const answer = await deaf.finished();
  assert.match(answer, /^HTTP\/1\.1 200 /);
  assert.ok(answer.length < detail.length, `${answer.length} characters came`);
});

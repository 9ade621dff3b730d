import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { limits } from "../../src/config/limits.ts";
import { configOf } from "../support/config-text.ts";
import { RawClient } from "../support/raw-client.ts";
import { answering, OK, Recorder } from "../support/recorder.ts";
import { get, RelayScene, RelayWorld, type WorldOptions } from "../support/relay-world.ts";

const folder = mkdtempSync(join(tmpdir(), "latchkey-rules-"));
after(() => rmSync(folder, { recursive: true }));
writeFileSync(join(folder, "sorry.html"), "<h1>Sorry</h1>");
writeFileSync(join(folder, "down.json"), '{"down":true}');

/** A relay whose host has what `text` says, in front of a backend that answers `answer`. */
async function scene(
  text: string,
  options: Partial<WorldOptions> = {},
  answer = OK,
): Promise<RelayScene> {
  const backend = await Recorder.start(answering(answer));
  const host = text.replaceAll("PORT", `${backend.port}`);
  const { action } =
    configOf(`hosts:\n  shop.example:\n${host}`, join(folder, "a.yaml")).hosts[0] ?? {};
  if (action === undefined) throw new TypeError("The text has no host");
  const world = await RelayWorld.start({ action, ...options });
  return new RelayScene(backend, world, await RawClient.connect(world.port));
}

/** What a request with these lines is answered, by a host with these rules. */
async function statusOf(rules: string, lines: string, options: Partial<WorldOptions>) {
  await using one = await scene(`    to: PORT\n${rules}`, options);
  one.client.say(get(`Connection: close\r\n${lines}`));
  await one.client.finished();
  return one.client.statuses.join(" ");
}

interface Client {
  readonly rules: string;
  readonly address: string;
  readonly trusted?: readonly string[];
  readonly forwardedFor?: string;
  readonly status: string;
}

const PROXY = ["10.0.0.1"];
const clients: readonly Client[] = [
  { rules: "allow: [192.0.2.0/24]", address: "192.0.2.7", status: "200" },
  { rules: "allow: [192.0.2.0/24]", address: "::ffff:192.0.2.7", status: "200" },
  { rules: "allow: [192.0.2.0/24]", address: "198.51.100.7", status: "403" },
  { rules: "allow: [192.0.2.0/24]", address: "2001:db8::1", status: "403" },
  { rules: 'allow: ["2001:db8::/32"]', address: "2001:db8::1", status: "200" },
  { rules: "deny: [192.0.2.7]", address: "192.0.2.7", status: "403" },
  { rules: "deny: [192.0.2.7]", address: "192.0.2.8", status: "200" },
  { rules: "deny: []", address: "192.0.2.8", status: "200" },
  { rules: "allow: [192.0.2.0/24]\n    deny: [192.0.2.7]", address: "192.0.2.7", status: "403" },
  { rules: "allow: [192.0.2.0/24]\n    deny: [192.0.2.7]", address: "192.0.2.8", status: "200" },
  // What a stranger says about itself counts for nothing.
  {
    rules: "allow: [192.0.2.0/24]",
    address: "198.51.100.7",
    forwardedFor: "192.0.2.7",
    status: "403",
  },
  {
    rules: "deny: [198.51.100.7]",
    address: "198.51.100.7",
    forwardedFor: "192.0.2.7",
    status: "403",
  },
  // A trusted proxy is believed, as far as it saw itself.
  {
    rules: "allow: [192.0.2.0/24]",
    address: "10.0.0.1",
    trusted: PROXY,
    forwardedFor: "192.0.2.7",
    status: "200",
  },
  {
    rules: "allow: [192.0.2.0/24]",
    address: "10.0.0.1",
    trusted: PROXY,
    forwardedFor: "192.0.2.7, 198.51.100.7",
    status: "403",
  },
  {
    rules: "allow: [10.0.0.1]",
    address: "10.0.0.1",
    trusted: PROXY,
    forwardedFor: "198.51.100.7",
    status: "403",
  },
  {
    rules: "deny: [192.0.2.7]",
    address: "10.0.0.1",
    trusted: PROXY,
    forwardedFor: "unknown",
    status: "403",
  },
  {
    rules: "deny: [192.0.2.7]",
    address: "10.0.0.1",
    trusted: PROXY,
    forwardedFor: "192.0.2.7:80",
    status: "403",
  },
  { rules: "maintenance: on", address: "192.0.2.7", status: "503" },
  { rules: "maintenance: off", address: "192.0.2.7", status: "200" },
  { rules: "maintenance: { allow: [192.0.2.0/24] }", address: "192.0.2.7", status: "200" },
  {
    rules: "maintenance: { allow: [192.0.2.0/24] }",
    address: "198.51.100.7",
    forwardedFor: "192.0.2.7",
    status: "503",
  },
  {
    rules: "maintenance: { allow: [192.0.2.0/24] }",
    address: "10.0.0.1",
    trusted: PROXY,
    forwardedFor: "192.0.2.7",
    status: "200",
  },
  { rules: "maintenance: on\n    deny: [192.0.2.7]", address: "192.0.2.7", status: "403" },
];

for (const { rules, address, trusted = [], forwardedFor, status } of clients) {
  const said = forwardedFor === undefined ? "" : `, X-Forwarded-For ${forwardedFor}`;
  const by = trusted.length > 0 ? " (trusted)" : "";
  test(`${address}${by}${said} gets ${status} with ${JSON.stringify(rules)}`, async () => {
    const lines = forwardedFor === undefined ? "" : `X-Forwarded-For: ${forwardedFor}\r\n`;
    const options = { clientAddress: address, trusted };
    assert.equal(await statusOf(`    ${rules}\n`, lines, options), status);
  });
}

test("a client that is not let in reaches no backend, and its connection goes on", async () => {
  await using one = await scene(
    "    to: PORT\n    paths: { /a: { to: PORT, deny: [192.0.2.7] } }\n",
  );
  one.client.say(get("", "/a"));
  await one.client.has("403 Forbidden\n");
  one.client.say(get("", "/b"));
  await one.client.has("200 OK");
  assert.match(one.backend.text, /^GET \/b /);
});

test("rules hold for redirects and answers of ours too, and before a body is looked at", async () => {
  for (const text of [
    "    redirect: b.example\n",
    "    respond: ok\n",
    "    to: PORT\n    maxBody: 1B\n",
  ]) {
    await using one = await scene(`${text}    allow: [198.51.100.0/24]\n`);
    one.client.say("POST / HTTP/1.1\r\nHost: shop.example\r\nContent-Length: 2\r\n\r\nab");
    await one.client.has("403 Forbidden\n");
    assert.deepEqual(one.client.statuses, [403]);
  }
});

test("beyond its rate a client gets 429 with Retry-After, and nothing goes on", async () => {
  await using one = await scene("    to: PORT\n    rateLimit: { requests: 2, per: 60s }\n");
  for (let count = 0; count < 4; count += 1) one.client.say(get());
  await one.client.until(({ statuses }) => statuses.length === 4);
  await one.client.has("429 Too Many Requests\n");
  assert.deepEqual(one.client.statuses, [200, 200, 429, 429]);
  assert.match(one.client.text, /\r\nRetry-After: (?:29|30)\r\n/);
  assert.equal(one.backend.text.match(/GET/g)?.length, 2);
});

const neighbours: readonly (readonly [one: string, other: string, isOne: boolean])[] = [
  ["2001:db8::1", "2001:db8::ffff:2", true],
  ["2001:db8::1", "2001:db8:0:1::1", false],
  ["192.0.2.1", "::ffff:192.0.2.1", true],
  ["192.0.2.1", "192.0.2.2", false],
];

for (const [first, second, isOne] of neighbours) {
  test(`${first} and ${second} are ${isOne ? "one client" : "two clients"} to a rate limit`, async () => {
    const text = "    to: PORT\n    rateLimit: { requests: 1, per: 60s }\n";
    await using one = await scene(text, { clientAddress: "10.0.0.1", trusted: PROXY });
    for (const address of [first, second]) one.client.say(get(`X-Forwarded-For: ${address}\r\n`));
    await one.client.until(({ statuses }) => statuses.length === 2);
    assert.deepEqual(one.client.statuses, [200, isOne ? 429 : 200]);
  });
}

test("paths that inherit a rate limit count together, one of their own apart", async () => {
  const text = `    to: PORT
    rateLimit: { requests: 1, per: 60s }
    paths:
      /a/: { to: PORT }
      /own/: { to: PORT, rateLimit: { requests: 1, per: 60s } }
      /free/: { to: PORT, rateLimit: off }
`;
  await using one = await scene(text);
  for (const target of ["/a/", "/", "/own/", "/own/", "/free/", "/free/"])
    one.client.say(get("", target));
  await one.client.until(({ statuses }) => statuses.length === 6);
  assert.deepEqual(one.client.statuses, [200, 429, 200, 429, 200, 200]);
});

const HEADERS = `    to: PORT
    headers:
      request: { set: { X-User: edge, X-Empty: 1 }, add: { X-Tag: ours }, remove: [X-Debug] }
      response: { set: { X-Frame-Options: DENY }, add: { Vary: Cookie }, remove: [Server] }
    paths:
      /own/: { to: PORT, headers: { request: { remove: [X-User] }, response: { add: { Server: own } } } }
`;

test("header rules set, add and remove what comes in, however the client spells or protects it", async () => {
  await using one = await scene(HEADERS);
  one.client.say(
    get(
      "x-USER: admin\r\nX-User: root\r\nX_User: low\r\nX-Tag: theirs\r\nX-Debug: 1\r\nConnection: x-user, x-tag, close\r\n",
    ),
  );
  await one.client.finished();
  assert.deepEqual(one.backend.text.match(/x.user: .*/gi), ["X-User: edge"]);
  assert.deepEqual(one.backend.text.match(/x-tag: .*/gi), ["X-Tag: ours"]);
  assert.match(one.backend.text, /\r\nX-Empty: 1\r\n/);
  assert.doesNotMatch(one.backend.text, /debug/i);
});

test("added fields stand beside those that were sent", async () => {
  await using one = await scene(HEADERS);
  one.client.say(get("X-Tag: theirs\r\n"));
  await one.client.has("200 OK");
  assert.deepEqual(one.backend.text.match(/x-tag: .*/gi), ["X-Tag: theirs", "X-Tag: ours"]);
});

const SERVED =
  "HTTP/1.1 200 OK\r\nServer: app/1.2\r\nx-frame-options: ALLOW\r\nVary: Accept\r\nContent-Length: 2\r\n\r\nok";

test("header rules set, add and remove what goes out", async () => {
  await using one = await scene(HEADERS, {}, SERVED);
  one.client.say(get());
  await one.client.has("\r\n\r\nok");
  assert.doesNotMatch(one.client.text, /server/i);
  assert.deepEqual(one.client.text.match(/x-frame-options: .*/gi), ["X-Frame-Options: DENY"]);
  assert.deepEqual(one.client.text.match(/vary: .*/gi), ["Vary: Accept", "Vary: Cookie"]);
});

test("a path has the header rules of its host but for the names that it has its own for", async () => {
  await using one = await scene(HEADERS, {}, SERVED);
  one.client.say(get("X-User: theirs\r\nX-Debug: 1\r\n", "/own/"));
  await one.client.has("\r\n\r\nok");
  assert.doesNotMatch(one.backend.text, /x-user|x-debug/i);
  assert.deepEqual(one.client.text.match(/server: .*/gi), ["Server: app/1.2", "Server: own"]);
  assert.match(one.client.text, /\r\nX-Frame-Options: DENY\r\n/);
});

const STRICT = "Strict-Transport-Security: max-age=5184000";
const hsts: readonly (readonly [text: string, line: string])[] = [
  ["to: PORT\n    hsts: 60d", STRICT],
  ["to: PORT\n    hsts: 0s", "Strict-Transport-Security: max-age=0"],
  [
    "to: PORT\n    hsts: { maxAge: 365d, includeSubDomains: on, preload: on }",
    "Strict-Transport-Security: max-age=31536000; includeSubDomains; preload",
  ],
  ["redirect: b.example\n    hsts: 60d", STRICT],
  ["respond: ok\n    hsts: 60d", STRICT],
  ["to: PORT\n    hsts: 60d\n    deny: [192.0.2.7]", STRICT],
  [
    "to: PORT\n    hsts: 60d\n    paths: { /: { redirect: b.example, match: { methods: [GET] } } }",
    STRICT,
  ],
];

for (const [text, line] of hsts) {
  test(`${JSON.stringify(text)} says ${line} once, whatever the backend says`, async () => {
    const answer =
      "HTTP/1.1 200 OK\r\nStrict-Transport-Security: max-age=1\r\nContent-Length: 0\r\n\r\n";
    await using one = await scene(`    ${text}\n`, {}, answer);
    one.client.say(get("Connection: close\r\n"));
    await one.client.finished();
    assert.deepEqual(one.client.text.match(/strict-.*/gi), [line]);
  });
}

test("what a host takes off its answers comes by no interim answer either, and what it adds stays with the final one", async () => {
  const early = "HTTP/1.1 103 Early Hints\r\nServer: app/1.2\r\nLink: </a>\r\n\r\n";
  await using one = await scene(HEADERS, {}, `${early}${SERVED}`);
  one.client.say(get());
  await one.client.has("\r\n\r\nok");
  assert.match(
    one.client.text,
    /^HTTP\/1\.1 103 Early Hints\r\nLink: <\/a>\r\n\r\nHTTP\/1\.1 200 OK/,
  );
});

test("security headers stand where the answer has none of its own", async () => {
  await using one = await scene("    to: PORT\n    securityHeaders: on\n", {}, SERVED);
  one.client.say(get());
  await one.client.has("\r\n\r\nok");
  assert.deepEqual(one.client.text.match(/x-frame-options: .*/gi), ["x-frame-options: ALLOW"]);
  assert.match(one.client.text, /\r\nX-Content-Type-Options: nosniff\r\n/);
  assert.match(one.client.text, /\r\nReferrer-Policy: strict-origin-when-cross-origin\r\n/);
});

const takenBack: readonly (readonly [host: string, path: string, status: string])[] = [
  ["allow: [198.51.100.7]", "allow: off", "200"],
  ["deny: [192.0.2.7]", "deny: off", "200"],
  ["deny: [192.0.2.7]", "deny: []", "200"],
  ["allow: [198.51.100.7]", "deny: off", "403"],
  ["{ allow: [198.51.100.7], deny: [192.0.2.7] }", "allow: off", "403"],
];

for (const [host, path, status] of takenBack) {
  test(`${path} below a host with ${host} is answered ${status}`, async () => {
    const rules = host.replace(/^\{ (.*) \}$/, "$1").replace(/\], /, "]\n    ");
    await using one = await scene(`    to: PORT\n    ${rules}\n    paths: { /x: { ${path} } }\n`);
    one.client.say(get("Connection: close\r\n", "/x"));
    await one.client.finished();
    assert.equal(one.client.statuses.join(" "), status);
  });
}

test("without rules an answer goes on as it came", async () => {
  await using one = await scene("    to: PORT\n", {}, SERVED);
  one.client.say(get());
  await one.client.has("\r\n\r\nok");
  assert.match(
    one.client.text,
    /^HTTP\/1\.1 200 OK\r\nServer: app\/1\.2\r\nx-frame-options: ALLOW\r\nVary: Accept\r\n/,
  );
  assert.doesNotMatch(one.client.text, /strict|nosniff|referrer/i);
});

const PAGES = `    to: PORT
    errors: { 5xx: sorry.html, 403: down.json }
    headers: { response: { set: { X-Site: shop } } }
    paths:
      /closed: { to: PORT, deny: [0.0.0.0/0] }
      /maintained: { to: PORT, maintenance: { page: down.json, retryAfter: 90s } }
      /paged: { to: PORT, maintenance: on }
`;

test("a backend that fails is answered for with the page, which names no internals", async () => {
  await using one = await scene(PAGES, {}, "nonsense\r\n\r\n");
  one.client.say(get("Connection: close\r\n"));
  const text = await one.client.finished();
  assert.match(text, /^HTTP\/1\.1 502 Bad Gateway\r\n/);
  assert.match(text, /\r\nContent-Type: text\/html; charset=utf-8\r\n/);
  assert.match(text, /\r\nX-Site: shop\r\n/);
  assert.match(text, /\r\nContent-Length: 14\r\n/);
  assert.match(text, /\r\n\r\n<h1>Sorry<\/h1>$/);
  assert.equal(text.match(/content-type/gi)?.length, 1);
});

test("while no backend may be had the page for 503 is the answer, and says when to come again", async () => {
  const full = "    to: PORT\n    maxConnections: 1\n    timeouts: { connect: 50ms }\n";
  for (const status of ["503", "5xx"]) {
    await using one = await scene(`${full}    errors: { ${status}: sorry.html }\n`);
    one.backend.script = () => undefined;
    one.client.say(get());
    await (await one.backend.connection(0)).head();
    using second = await RawClient.connect(one.world.port);
    second.say(get("Connection: close\r\n"));
    const text = await second.finished();
    assert.match(text, /^HTTP\/1\.1 503 Service Unavailable\r\n/);
    assert.match(text, /\r\nContent-Type: text\/html; charset=utf-8\r\n/);
    assert.match(text, /\r\nRetry-After: \d+\r\n/);
    assert.match(text, /\r\n\r\n<h1>Sorry<\/h1>$/);
  }
});

test("an error of the backend's own is not replaced", async () => {
  const answer = "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 3\r\n\r\nown";
  await using one = await scene(PAGES, {}, answer);
  one.client.say(get());
  await one.client.has("\r\n\r\nown");
});

const pages: readonly (readonly [target: string, status: string, body: string, retry?: string])[] =
  [
    ["/closed", "403 Forbidden", '{"down":true}'],
    ["/maintained", "503 Service Unavailable", '{"down":true}', "90"],
    ["/paged", "503 Service Unavailable", "<h1>Sorry</h1>", "300"],
  ];

for (const [target, status, body, retry] of pages) {
  test(`${target} is answered ${status} with its page, and HEAD without it`, async () => {
    await using one = await scene(PAGES);
    one.client.say(get("", target));
    await one.client.has(body);
    one.client.say(`HEAD ${target} HTTP/1.1\r\nHost: shop.example\r\nConnection: close\r\n\r\n`);
    const text = await one.client.finished();
    const length = `Content-Length: ${body.length}\r\n`;
    assert.equal(text.split(`HTTP/1.1 ${status}\r\n`).length, 3);
    assert.equal(text.split(length).length, 3);
    assert.equal(text.split(body).length, 2);
    assert.equal(/\r\nRetry-After: (\d+)\r\n/.exec(text)?.[1], retry);
    assert.equal(one.backend.connections.length, 0);
  });
}

test("maintenance begins and ends with its marker", async () => {
  const marker = join(folder, "marker");
  await using one = await scene(`    to: PORT\n    maintenance: { marker: ${marker} }\n`);
  const ask = async () => {
    // A connection for each question: a fast machine asks more of them than one connection may.
    using client = await RawClient.connect(one.world.port);
    client.say(get("Connection: close\r\n"));
    await client.finished();
    return client.statuses.at(-1);
  };
  const askUntil = async (wanted: number) => {
    const deadline = performance.now() + 20 * limits.markerLookEveryMs;
    let status = await ask();
    while (status !== wanted && performance.now() < deadline) status = await ask();
    assert.equal(status, wanted);
  };
  await askUntil(200);
  writeFileSync(marker, "");
  await askUntil(503);
  rmSync(marker);
  await askUntil(200);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Backend } from "../../src/config/destination.ts";
import { answering, OK, Recorder } from "../support/recorder.ts";
import { get, pathRoute, RelayScene, type WorldOptions } from "../support/relay-world.ts";

/** The fields, by name in lower case, that a backend gets of a request with these lines. */
async function forwarded(
  lines: string,
  options: Partial<WorldOptions> = {},
): Promise<Map<string, string>> {
  await using scene = await RelayScene.start(answering(OK), {}, options);
  scene.client.say(get(lines));
  await scene.client.has("\r\n\r\n");
  assert.deepEqual(scene.client.statuses, [200]);
  return fieldsOf(scene.backend.text);
}

function fieldsOf(head: string): Map<string, string> {
  const lines = head.split("\r\n\r\n")[0]?.split("\r\n").slice(1) ?? [];
  return new Map(
    lines.map((line) => {
      const colon = line.indexOf(":");
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
    }),
  );
}

const OURS = ["x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "x-real-ip"] as const;

test("A backend learns client, scheme, host and a request id from us", async () => {
  const fields = await forwarded("");
  assert.deepEqual(
    OURS.map((name) => fields.get(name)),
    ["192.0.2.7", "https", "shop.example", "192.0.2.7"],
  );
  assert.match(fields.get("x-request-id") ?? "", /^[0-9a-f]{32}$/);
});

const spoofed = [
  "X-Forwarded-For: 6.6.6.6",
  "x-forwarded-for: 6.6.6.6",
  "X-FORWARDED-FOR: 6.6.6.6",
  "X-Forwarded-For:6.6.6.6\r\nX-Forwarded-For: 6.6.6.6",
  "X-Forwarded-Proto: 6.6.6.6",
  "X-Forwarded-Host: 6.6.6.6",
  "X-Real-IP: 6.6.6.6",
  "x-real-ip: 6.6.6.6",
  "Client-Cert: 6.6.6.6",
  "client-cert: 6.6.6.6\r\nCLIENT-CERT-CHAIN: 6.6.6.6",
  "X-Client-Cert: 6.6.6.6\r\nX-Client-Cert-Subject: 6.6.6.6",
  "x-client-cert-verify: 6.6.6.6\r\nX-Client-Cert-Fingerprint: 6.6.6.6",
  "X-SSL-Client-Verify: 6.6.6.6\r\nX-SSL-Client-S-DN: 6.6.6.6",
  "Forwarded: for=6.6.6.6",
  "FORWARDED: for=6.6.6.6",
  "X-Forwarded-Port: 6.6.6.6",
  "X-Forwarded-Server: 6.6.6.6",
  "X-Forwarded-Prefix: 6.6.6.6",
  "X-Forwarded-Ssl: 6.6.6.6",
  "X_Forwarded_For: 6.6.6.6",
  "X-Forwarded_For: 6.6.6.6",
  "X_Real_IP: 6.6.6.6",
  "X-Request_Id: 6.6.6.6",
];

for (const lines of spoofed) {
  test(`T22: Nothing of a stranger's "${lines.replaceAll("\r\n", ", ")}" reaches the backend`, async () => {
    const fields = await forwarded(`${lines}\r\nX-Kept: yes\r\n`);
    assert.ok(![...fields.values()].some((value) => value.includes("6.6.6.6")));
    assert.equal(fields.get("x-kept"), "yes");
  });
}

const trusting = { clientAddress: "10.0.0.9", trusted: ["10.0.0.9", "10.0.0.8"] };

test("A trusted proxy's X-Forwarded-For is continued, and its word on the rest stands", async () => {
  const fields = await forwarded(
    "X-Forwarded-For: 1.1.1.1, 203.0.113.5\r\nX-Forwarded-For: 10.0.0.8\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Host: www.example\r\nX-Forwarded-Port: 80\r\nForwarded: for=203.0.113.5\r\n",
    trusting,
  );
  assert.deepEqual(
    OURS.map((name) => fields.get(name)),
    ["1.1.1.1, 203.0.113.5, 10.0.0.8, 10.0.0.9", "http", "www.example", "203.0.113.5"],
  );
  assert.equal(fields.get("x-forwarded-port"), "80");
  assert.equal(fields.get("forwarded"), "for=203.0.113.5");
});

test("A trusted proxy that says nothing is the client itself", async () => {
  const fields = await forwarded("", trusting);
  assert.deepEqual(
    OURS.map((name) => fields.get(name)),
    ["10.0.0.9", "https", "shop.example", "10.0.0.9"],
  );
});

const dropped = [
  "Connection: keep-alive",
  "Proxy-Connection: keep-alive",
  "Keep-Alive: timeout=5",
  "TE: gzip",
  "Upgrade: h2c",
  "HTTP2-Settings: AAMAAABk",
  "Proxy: http://evil.example",
  "X_A: b",
  "X.A: b",
  "__proto__: b",
  "Connection: X-A\r\nX-A: b",
  "Connection: close , x-a\r\nx-A: b",
];

for (const lines of dropped) {
  test(`T21: "${lines.replaceAll("\r\n", ", ")}" stays on the hop it was said on`, async () => {
    const fields = await forwarded(`X-Before: 1\r\n${lines}\r\nX-After: 2\r\n`);
    assert.deepEqual(
      [...fields.keys()].sort(),
      ["host", "x-after", "x-before", "x-request-id", "cdn-loop", ...OURS].sort(),
    );
  });
}

const kept = [
  "Accept: */*",
  "Authorization: Basic eA==",
  "Cookie: a=b; c=d",
  "Origin: https://a.example",
  "User-Agent: test",
  "Via: 1.1 other",
  "Date: Mon, 23 Nov 2026 06:00:00 GMT",
  "Range: bytes=0-1",
  'If-None-Match: "x"',
];

for (const line of kept) {
  test(`"${line}" is passed on as it was`, async () => {
    await using scene = await RelayScene.start(answering(OK));
    scene.client.say(get(`${line}\r\n`));
    await scene.client.has("ok");
    assert.ok(scene.backend.text.includes(`\r\n${line}\r\n`));
  });
}

const requestIds = [
  { sent: "X-Request-Id: abc-123_X.y", isKept: true },
  { sent: `X-Request-Id: ${"a".repeat(128)}`, isKept: true },
  { sent: `X-Request-Id: ${"a".repeat(129)}`, isKept: false },
  { sent: "X-Request-Id: a b", isKept: false },
  { sent: "X-Request-Id: <script>", isKept: false },
  { sent: "X-Request-Id:", isKept: false },
  { sent: "X-Request-Id: a\r\nX-Request-Id: b", isKept: false },
];

for (const { sent, isKept } of requestIds) {
  test(`"${sent.slice(0, 40).replaceAll("\r\n", ", ")}" is ${isKept ? "kept" : "replaced"}`, async () => {
    const id = (await forwarded(`${sent}\r\n`)).get("x-request-id") ?? "";
    if (isKept) assert.equal(id, sent.slice("X-Request-Id: ".length));
    else assert.match(id, /^[0-9a-f]{32}$/);
  });
}

test("An answer loses what belongs to its own connection, and keeps the rest in order", async () => {
  const answer =
    "HTTP/1.1 200 Fine\r\nServer: own\r\nConnection: keep-alive, X-Hop\r\nX-Hop: 1\r\nKeep-Alive: timeout=5\r\nDate: today\r\nSet-Cookie: a=b\r\nUpgrade: h2,h2c\r\nSet-Cookie: c=d\r\nX_Odd: kept\r\nContent-Length: 2\r\nProxy-Connection: x\r\n\r\nok";
  await using scene = await RelayScene.start(answering(answer));
  scene.client.say(get());
  await scene.client.has("ok");
  assert.equal(
    scene.client.text,
    "HTTP/1.1 200 Fine\r\nServer: own\r\nDate: today\r\nSet-Cookie: a=b\r\nSet-Cookie: c=d\r\nX_Odd: kept\r\nContent-Length: 2\r\n\r\nok",
  );
});

test("An answer without a date gets the moment it came (RFC 9110 §6.6.1); one with a date keeps it", async () => {
  const bare = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
  const dated = bare.replace("Content-Length", "dAtE: today\r\nContent-Length");
  await using scene = await RelayScene.start(async (connection) => {
    await connection.head();
    connection.say(bare);
    await connection.head(connection.text.length);
    connection.say(dated);
  });
  const before = Math.floor(Date.now() / 1_000) * 1_000;
  scene.client.say(get());
  await scene.client.has("ok");
  const date = /^HTTP\/1\.1 200 OK\r\nDate: ([^\r]+ GMT)\r\nContent-Length: 2\r\n\r\nok$/.exec(
    scene.client.text,
  )?.[1];
  assert.ok(date !== undefined && Date.parse(date) >= before && Date.parse(date) <= Date.now());
  scene.client.say(get());
  await scene.client.until(({ text }) => text.endsWith(dated));
});

test("A backend that wants its own name as Host gets it, and learns the client's as X-Forwarded-Host", async () => {
  await using backend = await Recorder.start(answering(OK));
  const address = { host: "127.0.0.1", port: backend.port };
  const own: Backend = { kind: "http", address, hostHeader: "backend" };
  const paths = [pathRoute([own])];
  await using scene = await RelayScene.start(undefined, {}, { action: { kind: "forward", paths } });
  scene.client.say(get());
  await scene.client.has("ok");
  const fields = fieldsOf(backend.text);
  assert.equal(fields.get("host"), `127.0.0.1:${backend.port}`);
  assert.equal(fields.get("x-forwarded-host"), "shop.example");
});

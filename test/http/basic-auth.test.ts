import assert from "node:assert/strict";
import { test } from "node:test";
import type { Auth } from "../../src/config/auth.ts";
import type { PathRoute } from "../../src/config/destination.ts";
import { limits } from "../../src/config/limits.ts";
import { CHEAP_HASH, CHEAP_PASSWORD } from "../support/passwords.ts";
import { answering, OK } from "../support/recorder.ts";
import { get, RelayScene } from "../support/relay-world.ts";

const BASIC: Auth = {
  kind: "basic",
  users: { ops: CHEAP_HASH, Zoë: CHEAP_HASH },
  realm: "staff",
  keepsAuthorization: false,
};
const CHALLENGE = 'WWW-Authenticate: Basic realm="staff", charset="UTF-8"\r\n';

const start = (changes: Partial<PathRoute> = {}) =>
  RelayScene.start(answering(OK), { auth: BASIC, ...changes });
const basic = (text: string): string => `Basic ${Buffer.from(text).toString("base64")}`;
const RIGHT = `Authorization: ${basic(`ops:${CHEAP_PASSWORD}`)}\r\n`;
const WRONG = `Authorization: ${basic("ops:guess")}\r\n`;

test("who knows the password is let in; the backend hears the name and not the password", async () => {
  await using scene = await start();
  scene.client.say(get(`${RIGHT}Accept: x\r\n`));
  await scene.client.has("\r\n\r\nok");
  assert.match(scene.backend.text, /^Accept: x\r\n/m);
  assert.match(scene.backend.text, /^X-Forwarded-User: ops\r\n/m);
  assert.doesNotMatch(scene.backend.text, /authorization|b3Bz/i);
});

test("keepAuthorization gives the field to the backend too", async () => {
  await using scene = await start({ auth: { ...BASIC, keepsAuthorization: true } });
  scene.client.say(get(RIGHT));
  await scene.client.has("\r\n\r\nok");
  assert.ok(scene.backend.text.includes(RIGHT));
});

test("a name beyond ASCII reaches the backend as UTF-8", async () => {
  await using scene = await start();
  scene.client.say(get(`Authorization: ${basic(`Zoë:${CHEAP_PASSWORD}`)}\r\n`));
  await scene.client.has("\r\n\r\nok");
  assert.ok(scene.backend.text.includes("X-Forwarded-User: Zo\u00c3\u00ab\r\n"));
});

test("nobody chooses the name that the backend hears, not even a proxy that is trusted", async () => {
  const forged = "X-Forwarded-User: root\r\nx-forwarded-USER: root\r\nX_Forwarded_User: root\r\n";
  for (const trusted of [[], ["192.0.2.7"]]) {
    await using scene = await RelayScene.start(answering(OK), { auth: BASIC }, { trusted });
    scene.client.say(get(forged + RIGHT));
    await scene.client.has("\r\n\r\nok");
    assert.equal(scene.backend.text.match(/forwarded.user/gi)?.length, 1);
    assert.doesNotMatch(scene.backend.text, /root/);
  }
});

/** Lines of the request, and the status it gets; nothing reaches the backend. */
const refused: readonly (readonly [string, string, number])[] = [
  ["nothing", "", 401],
  ["a wrong password", WRONG, 401],
  ["a name that nobody has", `Authorization: ${basic(`root:${CHEAP_PASSWORD}`)}\r\n`, 401],
  ["an empty field", "Authorization:\r\n", 401],
  ["another scheme", "Authorization: Bearer b3Bz\r\n", 401],
  ["bad base64", "Authorization: Basic %%%\r\n", 401],
  ["no colon", `Authorization: ${basic("ops")}\r\n`, 401],
  ["NUL", `Authorization: ${basic(`ops:${CHEAP_PASSWORD}\0`)}\r\n`, 401],
  ["Latin-1", "Authorization: Basic 6Tph\r\n", 401],
  ["4 KiB", `Authorization: Basic ${"A".repeat(4_096)}\r\n`, 401],
  ["two fields, both right", RIGHT + RIGHT, 400],
  ["two fields, one right", WRONG + RIGHT, 400],
  ["the name alone", "X-Forwarded-User: ops\r\n", 401],
  ["the field in Proxy-Authorization", RIGHT.replace("Auth", "Proxy-Auth"), 401],
  ["the field under an alias of CGI", RIGHT.replace("Authorization", "Auth_orization"), 401],
  ["credentials in the target", "", 401],
];

for (const [what, lines, status] of refused) {
  test(`with ${what} nobody is let in: ${status}`, async () => {
    await using scene = await start();
    const target = what.endsWith("target") ? `http://ops:x@shop.example/` : "/";
    scene.client.say(get(lines, target === "/" ? "/" : "/?user=ops"));
    await scene.client.has(`${status} `);
    assert.deepEqual(scene.client.statuses, [status]);
    assert.equal(scene.client.text.includes(CHALLENGE), status === 401);
    assert.equal(scene.backend.requests, 0);
  });
}

test("a refused request leaves the connection for the next one, its body read by nobody", async () => {
  await using scene = await start();
  scene.client.say("POST / HTTP/1.1\r\nHost: shop.example\r\nContent-Length: 5\r\n\r\nhello");
  scene.client.say(get(RIGHT));
  await scene.client.has("\r\n\r\nok");
  assert.deepEqual(scene.client.statuses, [401, 200]);
  assert.doesNotMatch(scene.backend.text, /hello/);
});

test("a body waits until its sender is known, and arrives whole", async () => {
  await using scene = await start();
  const body = "x".repeat(limits.bufferMaxBytes * 3);
  const head = `POST / HTTP/1.1\r\nHost: shop.example\r\n${RIGHT}Content-Length: ${body.length}\r\n\r\n`;
  scene.client.say(head + body);
  await scene.client.has("\r\n\r\nok");
  const connection = await scene.backend.connection(0);
  await connection.until(({ text }) => text.endsWith(body));
  assert.equal(connection.text.split("\r\n\r\n")[1], body);
});

test("HEAD is refused without a body, and a WebSocket before its handshake", async () => {
  await using scene = await start();
  scene.client.say("HEAD / HTTP/1.1\r\nHost: shop.example\r\n\r\n");
  await scene.client.has("\r\n\r\n");
  scene.client.say(
    get(
      "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
    ),
  );
  const text = await scene.client.finished();
  assert.deepEqual(scene.client.statuses, [401, 401]);
  assert.match(text, /\r\n\r\nHTTP\/1\.1 401 [\s\S]*401 Unauthorized\n$/);
  assert.equal(scene.backend.requests, 0);
});

test("one client guesses so often, then waits, right or wrong; who is known goes on", async () => {
  await using scene = await start();
  const { client } = scene;
  for (let guess = 0; guess < limits.passwordGuessesBurst; guess += 1) {
    client.say(get(`Authorization: ${basic(`ops:${guess}`)}\r\n`));
    await client.until(({ statuses }) => statuses.length === guess + 1);
  }
  client.say(get(RIGHT));
  await client.has("429 ");
  assert.match(client.text, /Retry-After: [1-6]\r\n/);
  assert.deepEqual(new Set(client.statuses), new Set([401, 429]));
  assert.equal(scene.backend.requests, 0);
});

test("the access log says why, and never what was given", async () => {
  const lines: unknown[] = [];
  const access = (facts: unknown) => void lines.push(facts);
  await using scene = await RelayScene.start(answering(OK), { auth: BASIC }, { access });
  scene.client.say(get() + get(WRONG) + get(RIGHT));
  await scene.client.has("\r\n\r\nok");
  assert.deepEqual(
    lines.map((line) => Object(line).why),
    ["no password was given", "the password is wrong", undefined],
  );
  assert.doesNotMatch(JSON.stringify(lines), /guess|sesame|Basic/);
});

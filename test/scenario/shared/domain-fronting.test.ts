import assert from "node:assert/strict";
import { after, beforeEach, test } from "node:test";
import type { Latchkey } from "../../support/latchkey.ts";
import { answering, Recorder } from "../../support/recorder.ts";
import { share } from "../../support/shared-program.ts";
import { openRaw } from "../../support/visitor.ts";

const answer = answering("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
const [front, hidden] = [await Recorder.start(answer), await Recorder.start(answer)];
const start = share({
  hosts: `
  front.localhost: ${front.port}
  hidden.localhost: ${hidden.port}
  "twin.localhost, second.localhost": ${front.port}
  "*.wild.localhost": { to: ${front.port}, onDemand: { allow: [a.wild.localhost, b.wild.localhost] } }`,
});
let latchkey: Latchkey;
beforeEach(async () => {
  latchkey = await start();
  for (const name of ["front", "twin"])
    await latchkey.event("certificate.swapped", ({ host }) => host === `${name}.localhost`);
});
after(async () => {
  await front[Symbol.asyncDispose]();
  await hidden[Symbol.asyncDispose]();
});

const get = (host: string, target = "/") => `GET ${target} HTTP/1.1\r\nHost: ${host}\r\n\r\n`;

const misdirected: readonly [what: string, name: string, request: string][] = [
  ["another host", "front.localhost", get("hidden.localhost")],
  ["a host that does not exist", "front.localhost", get("nowhere.example")],
  ["the IP address", "front.localhost", get("127.0.0.1")],
  [
    "another host in an absolute target",
    "front.localhost",
    get("front.localhost", "https://hidden.localhost/"),
  ],
  [
    "another host of the same entry, whose certificate does not cover it",
    "twin.localhost",
    get("second.localhost"),
  ],
  ["another name of the same wildcard", "a.wild.localhost", get("b.wild.localhost")],
];

for (const [what, name, request] of misdirected) {
  test(`T7: a request for ${what} gets 421, and the connection ends`, async () => {
    using client = await openRaw(latchkey, name);
    client.say(request + get(name));
    assert.match(await client.finished(), /^HTTP\/1\.1 421 Misdirected Request\r\n/);
    assert.deepEqual(client.statuses, [421]);
  });
}

test("T7: a later request of the same connection is held to the name as well", async () => {
  using client = await openRaw(latchkey, "front.localhost");
  client.say(get("front.localhost"));
  await client.has("ok");
  client.say(get("hidden.localhost") + get("front.localhost"));
  await client.finished();
  assert.deepEqual(client.statuses, [200, 421]);
});

test("T8: port, case and a trailing dot make no other host, nor does an absolute target", async () => {
  using client = await openRaw(latchkey, "front.localhost");
  const spellings = ["front.localhost:8443", "Front.LocalHost", "front.localhost."];
  const requests = spellings.map((host) => get(host));
  requests.push(get("hidden.localhost", "https://front.localhost/x"));
  client.say(requests.join(""));
  await client.until(({ statuses }) => statuses.length === requests.length);
  assert.deepEqual(client.statuses, [200, 200, 200, 200]);
});

test("the host that was fronted never heard of it", () => {
  assert.equal(hidden.connections.length, 0);
});

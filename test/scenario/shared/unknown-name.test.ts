import assert from "node:assert/strict";
import { after, beforeEach, test } from "node:test";
import { alpn, inRecords, makeHello, serverName } from "../../support/hello-bytes.ts";
import type { Latchkey } from "../../support/latchkey.ts";
import { without } from "../../support/programs.ts";
import { RawClient } from "../../support/raw-client.ts";
import { Recorder } from "../../support/recorder.ts";
import { alertOf, sClient } from "../../support/s-client.ts";
import { share } from "../../support/shared-program.ts";

const backend = await Recorder.start();
const start = share({
  hosts: `
  known.localhost: ${backend.port}
  "*.tame.localhost": { to: ${backend.port}, onDemand: { allow: [a.tame.localhost] } }
  tunnel.localhost: { passThrough: "127.0.0.1:${backend.port}" }`,
});
let latchkey: Latchkey;
beforeEach(async () => {
  latchkey = await start();
  await latchkey.event("certificate.swapped", ({ host }) => host === "known.localhost");
});
after(async () => {
  await backend[Symbol.asyncDispose]();
});

/** The whole answer to these bytes, in hex; the client neither ends nor closes before. */
async function answerTo(bytes: Buffer): Promise<string> {
  using client = await RawClient.connect(latchkey.httpsPort);
  client.socket.write(bytes);
  return Buffer.from(await client.finished(), "latin1").toString("hex");
}

const helloWith = (...extensions: Buffer[]) => inRecords(makeHello({ extensions }));
const alert = (number: number) => `1503030002${Buffer.of(2, number).toString("hex")}`;
const acme = alpn("acme-tls/1");

const hellos: readonly [what: string, bytes: Buffer, alert: number][] = [
  ["without a name", helloWith(), 112],
  ["for an IPv4 address", helloWith(serverName("127.0.0.1")), 112],
  ["for an IPv6 address", helloWith(serverName("::1")), 112],
  ["for a name with an underscore", helloWith(serverName("a_b.tame.localhost")), 112],
  ["for the name of a wildcard as it stands", helloWith(serverName("*.tame.localhost")), 112],
  ["for a name that no host has", helloWith(serverName("other.localhost")), 112],
  ["for the parent of a wildcard", helloWith(serverName("tame.localhost")), 112],
  ["for two labels under a wildcard", helloWith(serverName("a.a.tame.localhost")), 112],
  ["for a name that policy refuses", helloWith(serverName("b.tame.localhost")), 112],
  ["for a path out of storage", helloWith(serverName("../known.localhost")), 112],
  ["of a validator for a known host", helloWith(serverName("known.localhost"), acme), 120],
  ["of a validator for an unknown host", helloWith(serverName("other.localhost"), acme), 112],
  ["with two names", helloWith(serverName("known.localhost", "b.localhost")), 50],
  ["that ends too early", inRecords(makeHello().subarray(0, -1)).fill(0, 6, 9), 50],
  ["that is noise", Buffer.from("\0\x01\x02\x03\x04\x05\x06\x07"), 50],
];

for (const [what, bytes, number] of hellos) {
  test(`T4, T5: a hello ${what} gets fatal alert ${number} and not a byte more`, async () => {
    assert.equal(await answerTo(bytes), alert(number));
  });
}

test("plain HTTP on the HTTPS port gets a 400 that says so", async () => {
  using client = await RawClient.connect(latchkey.httpsPort);
  client.say("GET / HTTP/1.1\r\nHost: known.localhost\r\n\r\n");
  const answer = await client.finished();
  assert.match(answer, /^HTTP\/1\.1 400 Bad Request\r\n/);
  assert.match(answer, /\r\nConnection: close\r\n/);
  assert.match(answer, /HTTPS/);
});

const judge = { skip: without("openssl") };

test(
  "openssl gets alert 112 and no certificate for a name that no host has, or none",
  judge,
  async () => {
    for (const name of [["-servername", "other.localhost"], ["-noservername"]]) {
      const printed = await sClient(latchkey.httpsPort, ...name);
      assert.equal(alertOf(printed), 112);
      assert.match(printed, /no peer certificate available/);
    }
  },
);

/** Hosts of this file, and names of strangers: all others are of other files, and under localhost. */
const MINE = /^(?:.+\.)?(?:known|tame|tunnel|other)\.localhost$|(?<!\.localhost)$/;

function namesOf(rows: readonly object[]): readonly string[] {
  return rows.map((row) => String(Reflect.get(row, "host"))).filter((name) => MINE.test(name));
}

test("no stranger reached a backend or caused an order", async () => {
  assert.equal(backend.connections.length, 0);
  const orders = latchkey.lines.filter(({ event }) => event === "order.started");
  assert.deepEqual(namesOf(orders), ["known.localhost"]);
  assert.deepEqual(namesOf((await latchkey.status()).hosts), [
    "known.localhost",
    "*.tame.localhost",
    "tunnel.localhost",
  ]);
});

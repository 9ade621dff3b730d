import assert from "node:assert/strict";
import { once } from "node:events";
import type { Socket } from "node:net";
import { type TestContext, test } from "node:test";
import type { TLSSocket } from "node:tls";
import { changeLimits } from "../../src/config/limits.ts";
import { isChallenge } from "../../src/connection/answer-challenge.ts";
import { makeCertificate } from "../support/certificates.ts";
import { alpn, inRecords, makeHello, serverName } from "../support/hello-bytes.ts";
import { turns } from "../support/ticks.ts";
import {
  connectRaw,
  connectTls,
  type Door,
  exchange,
  hostname,
  makeCredential,
  makeHost,
  openDoor,
  received,
  storedCredentials,
} from "../support/tls-door.ts";

const host = hostname("a.example");
const { chain, key } = makeCertificate({ names: [host] });
const ACME = { ALPNProtocols: ["acme-tls/1"], rejectUnauthorized: false };

/** A door where the challenge of a.example is live. */
async function openArmed() {
  const door = await openDoor({
    hosts: [makeHost(host)],
    sources: storedCredentials(makeCredential(host)),
    relay: () => assert.fail("a validator is never handed to the relay"),
  });
  door.steps.challenges.arm({ id: 1, type: "tls-alpn-01", host, chain, key });
  return door;
}

test("a validator is shown the challenge's certificate, and the connection ends", async () => {
  await using door = await openArmed();
  for (const maxVersion of ["TLSv1.2", "TLSv1.3"] as const) {
    const socket = await connectTls(door.port, host, { ...ACME, maxVersion });
    assert.equal(socket.alpnProtocol, "acme-tls/1");
    assert.deepEqual(socket.getPeerCertificate().raw, derOf(chain));
    assert.equal((await received(socket)).length, 0);
    socket.destroy();
  }
  assert.deepEqual(door.refused, []);
});

test("a challenge is answered for a name that has no route", async () => {
  await using door = await openArmed();
  const other = hostname("other.example");
  door.steps.challenges.arm({ id: 2, type: "tls-alpn-01", host: other, chain, key });
  const socket: TLSSocket = await connectTls(door.port, other, ACME);
  assert.equal(socket.alpnProtocol, "acme-tls/1");
  socket.destroy();
});

test("a challenge is answered no longer once it is disarmed", async () => {
  await using door = await openArmed();
  door.steps.challenges.disarm(1);
  await assert.rejects(connectTls(door.port, host, ACME), {
    code: "ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL",
  });
});

test("a client that offers more than acme-tls/1 gets the site", async () => {
  await using door = await openDoor({
    hosts: [makeHost(host)],
    sources: storedCredentials(makeCredential(host)),
  });
  door.steps.challenges.arm({ id: 1, type: "tls-alpn-01", host, chain, key });
  const socket = await connectTls(door.port, host, { ALPNProtocols: ["acme-tls/1", "http/1.1"] });
  assert.equal(socket.alpnProtocol, "http/1.1");
  assert.equal((await received(socket)).toString(), "hello from a.example");
});

test("T10: a validator that sends data is not listened to", async () => {
  await using door = await openArmed();
  const socket = await connectTls(door.port, host, ACME);
  socket.write("GET / HTTP/1.1\r\n\r\n");
  assert.equal((await received(socket)).length, 0);
  socket.destroy();
});

test("T10: a validator that stops inside the handshake is closed when its time is over, and told", async (t) => {
  allow(t, 100);
  await using door = await openArmed();
  const told = door.nextRefusal();
  const socket = await shownTo(door);
  const [open] = door.open;
  assert.ok(open !== undefined);
  const closed = once(open, "close");
  assert.equal(open.destroyed, false);
  const { code, message } = await told;
  assert.equal(code, "HANDSHAKE_FAILED");
  assert.equal(message, "Cannot finish the TLS handshake: not finished in 100 ms");
  await closed;
  socket.destroy();
});

test("T10: a validator that sends the rest of its handshake byte by byte gets no more time for it", async (t) => {
  allow(t, 200);
  await using door = await openArmed();
  const told = door.nextRefusal();
  const socket = await shownTo(door);
  const startedAt = performance.now();
  const closed = new Promise((resolve) => socket.once("close", resolve));
  // The head of a long record, which never comes whole.
  socket.on("error", () => {});
  socket.write(Buffer.of(22, 3, 3, 0x3f, 0xff));
  const dripping = setInterval(() => socket.write(Buffer.of(0)), 20);
  await Promise.all([told, closed]).finally(() => clearInterval(dripping));
  const took = performance.now() - startedAt;
  assert.ok(took < 3 * 200, `${took} ms`);
});

test("T10: a validator's hello for a name with no challenge gets an alert and no certificate", async () => {
  await using door = await openArmed();
  const hello = makeHello({ extensions: [serverName("b.example"), alpn("acme-tls/1")] });
  assert.equal((await exchange(door.port, inRecords(hello))).toString("hex"), "15030300020270");
});

const offers: readonly [alpn: string[], expected: boolean][] = [
  [["acme-tls/1"], true],
  [[], false],
  [["http/1.1"], false],
  [["acme-tls/1", "http/1.1"], false],
  [["acme-tls/1", "acme-tls/1"], false],
  [["ACME-TLS/1"], false],
];

for (const [offer, expected] of offers) {
  test(`an offer of ${JSON.stringify(offer)} is ${expected ? "" : "not "}a validator's`, () => {
    assert.equal(isChallenge(offer), expected);
  });
}

/** How long a validator may take, until the end of the test. */
function allow(t: TestContext, challengeHandshakeTimeoutMs: number): void {
  changeLimits({ challengeHandshakeTimeoutMs });
  t.after(() => changeLimits({}));
}

/** A validator in the middle of its handshake: it was shown the certificate, and has not answered. */
async function shownTo({ port }: Door): Promise<Socket> {
  const socket = await connectRaw(port);
  socket.write(inRecords(acmeHello()));
  await once(socket, "data");
  return socket;
}

/** A hello that OpenSSL goes along with: groups, key share and the rest are in the captured ones. */
function acmeHello(): Buffer {
  const supportedGroups = Buffer.of(0, 10, 0, 4, 0, 2, 0, 23);
  const signatures = Buffer.of(0, 13, 0, 4, 0, 2, 4, 3);
  const extensions = [serverName(host), alpn("acme-tls/1"), supportedGroups, signatures];
  return makeHello({ extensions });
}

function derOf(pem: string): Buffer {
  return Buffer.from(pem.replaceAll(/-----[^-]+-----|\s/g, ""), "base64");
}

test("a validator that leaves once it has seen the certificate is no refused connection", async () => {
  await using door = await openArmed();
  for (let visit = 0; visit < 3; visit += 1) {
    const socket = await shownTo(door);
    const closed = [...door.open].map((open) => once(open, "close"));
    if (visit === 0) socket.end();
    else socket.resetAndDestroy();
    await Promise.all(closed);
    socket.destroy();
  }
  await turns();
  assert.deepEqual(door.refused, []);
});

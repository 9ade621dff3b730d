import assert from "node:assert/strict";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { request as httpRequest } from "node:http";
import { request as httpsRequest } from "node:https";
import { text } from "node:stream/consumers";
import { after, test } from "node:test";
import { connect } from "node:tls";
import { Latchkey } from "../support/latchkey.ts";
import { alertOf, sClient } from "../support/s-client.ts";

/** Every address of this machine, through one socket for both families: a connection's own end says which. */
const latchkey = await Latchkey.start({
  listen: 'listen: { https: [":0"], http: [":0"] }',
  config: `
workers: 1
acme: { challenges: [tls-alpn-01, http-01] }
authority: { permit: [127.0.0.1, 127.0.0.2, "::1"] }
hosts:
  127.0.0.1: { respond: one, issuer: internal }
  127.0.0.2: { respond: two, issuer: internal }
  "[::1]": { respond: six, issuer: internal }
  up.localhost: { respond: up, issuer: internal }
`,
});
after(() => latchkey[Symbol.asyncDispose]());

const hosts = ["127.0.0.1", "127.0.0.2", "::1", "up.localhost"];
for (const host of hosts)
  await latchkey.event("certificate.swapped", (line) => line["host"] === host);
const ca = await readFile(latchkey.root, "utf8");
const { httpsPort, httpPort } = latchkey;
const literal = (address: string) => (address.includes(":") ? `[${address}]` : address);

/** A request to an address, whose certificate must name it under the internal root. */
async function ask(address: string, host = literal(address)) {
  // Else Node names what stands in Host.
  const asked = httpsRequest({
    servername: "",
    host: address,
    port: httpsPort,
    ca,
    agent: false,
    headers: { host },
  });
  const [response] = await once(asked.end(), "response");
  return { status: response.statusCode, body: await text(response) };
}

for (const [address, body] of [
  ["127.0.0.1", "one"],
  ["127.0.0.2", "two"],
  ["::1", "six"],
] as const) {
  test(`a hello without a name gets the site of the address that it was sent to (${address})`, async () => {
    assert.deepEqual(await ask(address), { status: 200, body });
    const withPort = `${literal(address)}:${httpsPort}`;
    assert.deepEqual(await ask(address, withPort), { status: 200, body });
  });
}

test("the certificate names the address alone, and was proven with its reverse name", async () => {
  const socket = connect({ host: "::1", port: httpsPort, ca });
  await once(socket, "secureConnect");
  assert.equal(socket.getPeerX509Certificate()?.subjectAltName, "IP Address:0:0:0:0:0:0:0:1");
  socket.destroy();
  const proofs = latchkey.lines.filter(({ event }) => event === "challenge.valid");
  assert.deepEqual([...new Set(proofs.map(({ challenge }) => challenge))], ["tls-alpn-01"]);
});

/** Where a request goes, its Host, and the answer. */
const misdirected: readonly (readonly [string, string, number])[] = [
  ["127.0.0.1", "127.0.0.2", 421],
  ["127.0.0.1", "up.localhost", 421],
  ["127.0.0.1", "[::1]", 421],
  ["127.0.0.1", "[::ffff:127.0.0.1]", 421],
  ["127.0.0.1", "[127.0.0.1]", 400],
  ["127.0.0.1", "127.0.0.1.", 400],
  ["127.0.0.1", "127.1", 400],
  ["::1", "::1", 400],
  ["::1", `::1:${httpsPort}`, 400],
  ["::1", "[0:0:0:0:0:0:0:1]", 200],
];

for (const [address, host, status] of misdirected) {
  test(`Host: ${host} on a connection to ${address} is answered ${status}`, async () => {
    assert.equal((await ask(address, host)).status, status);
  });
}

/** Arguments of a client, and the alert that it gets. */
const refused: readonly (readonly [string, number | undefined, ...string[]])[] = [
  [
    "a hello without a name to an address that nobody lists",
    112,
    "-connect",
    `127.0.0.3:${httpsPort}`,
    "-noservername",
  ],
  [
    "a hello that names an address",
    112,
    "-connect",
    `127.0.0.1:${httpsPort}`,
    "-servername",
    "127.0.0.1",
  ],
  [
    "a hello that names the reverse of an address",
    112,
    "-connect",
    `127.0.0.1:${httpsPort}`,
    "-servername",
    "1.0.0.127.in-addr.arpa",
  ],
  [
    "a validator without a live challenge",
    120,
    "-connect",
    `127.0.0.1:${httpsPort}`,
    "-servername",
    "1.0.0.127.in-addr.arpa",
    "-alpn",
    "acme-tls/1",
  ],
  [
    "a validator of an address that nobody lists",
    112,
    "-connect",
    `127.0.0.1:${httpsPort}`,
    "-servername",
    "9.0.0.127.in-addr.arpa",
    "-alpn",
    "acme-tls/1",
  ],
  [
    "a validator that names nothing",
    120,
    "-connect",
    `127.0.0.1:${httpsPort}`,
    "-noservername",
    "-alpn",
    "acme-tls/1",
  ],
];

for (const [what, alert, ...args] of refused) {
  test(`${what} gets alert ${alert}`, async () => {
    assert.equal(alertOf(await sClient(httpsPort, ...args)), alert);
  });
}

test("a session of one address is resumed there, and at no other", async () => {
  const reused = async (host: string, session?: Buffer) => {
    const options = { host, port: httpsPort, ca, maxVersion: "TLSv1.2" } as const;
    const socket = connect({ ...options, ...(session && { session }) });
    await once(socket, "secureConnect");
    const outcome = { isReused: socket.isSessionReused(), session: socket.getSession() };
    socket.destroy();
    return outcome;
  };
  const { session } = await reused("127.0.0.1");
  assert.equal((await reused("127.0.0.1", session)).isReused, true);
  assert.equal((await reused("127.0.0.2", session)).isReused, false);
});

/** Host of a request to port 80, and where it is led. */
const plain: readonly (readonly [string, string | undefined])[] = [
  ["127.0.0.1", `https://127.0.0.1:${httpsPort}/a?b`],
  ["[::1]:8080", `https://[::1]:${httpsPort}/a?b`],
  ["127.0.0.9", undefined],
];

for (const [host, location] of plain) {
  test(`port 80 leads ${host} to ${location ?? "nowhere"}`, async () => {
    const asked = httpRequest({
      host: "127.0.0.1",
      port: httpPort,
      path: "/a?b",
      agent: false,
      headers: { host },
    });
    const [response] = await once(asked.end(), "response");
    response.resume();
    assert.equal(response.statusCode, location === undefined ? 404 : 308);
    assert.equal(response.headers.location, location);
  });
}

test("the only address is meant wherever the hello was sent to", async () => {
  await using single = await Latchkey.start({
    listen: 'listen: { https: [":0"], http: [":0"] }',
    config: `
workers: 1
authority: { permit: [203.0.113.7] }
hosts: { 203.0.113.7: { respond: ok, issuer: internal }, a.localhost: { respond: no } }`,
  });
  await single.event("certificate.swapped", (line) => line["host"] === "203.0.113.7");
  const row = (await single.status()).hosts.find(({ host }) => host === "203.0.113.7");
  assert.equal(row?.state, "valid");
  assert.equal(row?.servedSerial, row?.serial);
  const root = await readFile(single.root, "utf8");
  const asked = httpsRequest({
    host: "127.0.0.1",
    port: single.httpsPort,
    ca: root,
    agent: false,
    headers: { host: "203.0.113.7" },
    checkServerIdentity: (_host, certificate) =>
      certificate.subjectaltname === "IP Address:203.0.113.7" ? undefined : new Error("another"),
  });
  const [response] = await once(asked.end(), "response");
  assert.equal(await text(response), "ok");
});

import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import type { ClientConnection } from "../../src/http/client-connection.ts";
import {
  alpn,
  CAPTURED_NAME,
  capturedHellos,
  inRecords,
  makeHello,
  serverName,
} from "../support/hello-bytes.ts";
import {
  connectRaw,
  connectTls,
  exchange,
  hostname,
  makeCredential,
  makeHost,
  openDoor,
  received,
  storedCredentials,
  writeInPieces,
} from "../support/tls-door.ts";

const UNRECOGNIZED_NAME = "15030300020270";
const DECODE_ERROR = "15030300020232";
const NO_APPLICATION_PROTOCOL = "15030300020278";
const INTERNAL_ERROR = "15030300020250";

const shop = makeCredential(CAPTURED_NAME);

const openShop = () =>
  openDoor({ hosts: [makeHost(CAPTURED_NAME)], sources: storedCredentials(shop) });

test("a connection is served by the host that its hello names", async () => {
  await using door = await openDoor({
    hosts: [makeHost("a.example"), makeHost("*.example")],
    sources: storedCredentials(makeCredential("a.example"), makeCredential("b.example")),
  });
  for (const host of ["a.example", "b.example"]) {
    const socket = await connectTls(door.port, host);
    assert.equal(socket.getPeerCertificate().subject.CN, host);
    assert.equal((await received(socket)).toString(), `hello from ${host}`);
  }
  assert.deepEqual(door.refused, []);
});

test("the relay is given the peeked name, the route, the certified names and the client", async () => {
  const { promise, resolve } = Promise.withResolvers<ClientConnection>();
  const host = makeHost("*.example");
  await using door = await openDoor({
    hosts: [host],
    sources: storedCredentials(makeCredential("a.example", "b.example")),
    relay: (connection) => {
      resolve(connection);
      connection.socket.end();
      connection.socket.resume();
    },
  });
  const socket = await connectTls(door.port, "A.Example");
  const connection = await promise;
  assert.equal(connection.host, "a.example");
  assert.equal(connection.route, host);
  assert.deepEqual(connection.certifiedNames, ["a.example", "b.example"]);
  assert.equal(connection.clientAddress, "127.0.0.1");
  await received(socket);
});

test("bytes that come with the end of the handshake reach the relay", async () => {
  await using door = await openDoor({
    hosts: [makeHost("a.example")],
    sources: storedCredentials(makeCredential("a.example")),
    relay: ({ socket }) => void socket.pipe(socket),
  });
  const socket = await connectTls(door.port, "a.example");
  socket.end("first words");
  assert.equal((await received(socket)).toString(), "first words");
});

test("concurrent handshakes for one host are not mixed up", async () => {
  await using door = await openDoor({
    hosts: [makeHost("a.example")],
    sources: storedCredentials(makeCredential("a.example")),
    relay: ({ socket }) => void socket.end(`${socket.remotePort}`),
  });
  const ports = Array.from({ length: 30 }, async () => {
    const socket = await connectTls(door.port, "a.example");
    const { localPort } = socket;
    return [localPort, Number(await received(socket))];
  });
  for (const [own, told] of await Promise.all(ports)) assert.equal(told, own);
});

test("T1: a hello is served however it is cut into segments", async () => {
  await using door = await openShop();
  const hello = capturedHellos.get("node") ?? Buffer.alloc(0);
  for (const cuts of [[1], [5], [6], [300], [hello.length - 1], [1, 2, 3, 700, 1_460]]) {
    const socket = await connectRaw(door.port);
    await writeInPieces(socket, hello, cuts);
    const [answer] = (await once(socket, "data")) as [Buffer];
    assert.equal(answer[0], 22, `a ServerHello after cuts at ${cuts}`);
    socket.destroy();
  }
});

test("T1: a hello is served byte by byte", async () => {
  await using door = await openShop();
  const socket = await connectRaw(door.port);
  const hello = capturedHellos.get("openssl") ?? Buffer.alloc(0);
  for (const byte of hello) {
    socket.write(Buffer.of(byte));
    await new Promise((resolve) => setImmediate(resolve));
  }
  const [answer] = (await once(socket, "data")) as [Buffer];
  assert.equal(answer[0], 22);
  socket.destroy();
});

test("T1: a hello is served in several records", async () => {
  await using door = await openShop();
  const hello = capturedHellos.get("openssl") ?? Buffer.alloc(0);
  const socket = await connectRaw(door.port);
  socket.write(inRecords(hello.subarray(5), 40));
  const [answer] = (await once(socket, "data")) as [Buffer];
  assert.equal(answer[0], 22);
  socket.destroy();
});

const helloFor = (...extensions: Buffer[]) => inRecords(makeHello({ extensions }));
const acme = alpn("acme-tls/1");

const refused: readonly [what: string, bytes: Buffer, alert: string, code: string][] = [
  ["no name", helloFor(), UNRECOGNIZED_NAME, "NAME_UNUSABLE"],
  ["an IP literal", helloFor(serverName("192.0.2.1")), UNRECOGNIZED_NAME, "NAME_UNUSABLE"],
  ["an IPv6 literal", helloFor(serverName("2001:db8::1")), UNRECOGNIZED_NAME, "NAME_UNUSABLE"],
  ["an invalid name", helloFor(serverName("a_b.example")), UNRECOGNIZED_NAME, "NAME_UNUSABLE"],
  ["a NUL in the name", helloFor(serverName("shop.example\0")), UNRECOGNIZED_NAME, "NAME_UNUSABLE"],
  ["a name of nobody", helloFor(serverName("other.example")), UNRECOGNIZED_NAME, "HOST_UNKNOWN"],
  ["__proto__", helloFor(serverName("__proto__")), UNRECOGNIZED_NAME, "NAME_UNUSABLE"],
  ["constructor", helloFor(serverName("constructor")), UNRECOGNIZED_NAME, "HOST_UNKNOWN"],
  ["two names", helloFor(serverName("shop.example", "b.example")), DECODE_ERROR, "HELLO_MALFORMED"],
  ["SSLv2", Buffer.from("802e01030100150000", "hex"), DECODE_ERROR, "HELLO_MALFORMED"],
  ["noise", Buffer.from("\0\0\0\0"), DECODE_ERROR, "HELLO_MALFORMED"],
  [
    "acme-tls/1 without a challenge, on a known host",
    helloFor(serverName("shop.example"), acme),
    NO_APPLICATION_PROTOCOL,
    "CHALLENGE_UNKNOWN",
  ],
  [
    "acme-tls/1 for a name of nobody",
    helloFor(serverName("other.example"), acme),
    UNRECOGNIZED_NAME,
    "HOST_UNKNOWN",
  ],
];

for (const isAllowed of [true, false]) {
  test(`acme-tls/1 without a challenge, for a name that policy ${isAllowed ? "allows" : "refuses"}, ends with ${isAllowed ? "120" : "112"}`, async () => {
    const asked: string[] = [];
    await using door = await openDoor({
      hosts: [makeHost("*.example"), makeHost(CAPTURED_NAME)],
      sources: storedCredentials(),
      isServed: async (host) => {
        asked.push(host);
        return isAllowed;
      },
    });
    const answer = await exchange(door.port, helloFor(serverName("a.example"), acme));
    assert.equal(answer.toString("hex"), isAllowed ? NO_APPLICATION_PROTOCOL : UNRECOGNIZED_NAME);
    await exchange(door.port, helloFor(serverName(CAPTURED_NAME), acme));
    assert.deepEqual(asked, ["a.example"]);
  });
}

for (const [what, bytes, alert, code] of refused) {
  test(`a hello with ${what} is answered by one alert and nothing else`, async () => {
    await using door = await openShop();
    assert.equal((await exchange(door.port, bytes)).toString("hex"), alert);
    assert.equal(door.refused[0]?.["code"], code);
    assert.equal(door.refused[0]?.["client"], "127.0.0.1");
  });
}

test("T13: protocols without overlap are refused with alert 120, not served another one", async () => {
  await using door = await openShop();
  await assert.rejects(connectTls(door.port, CAPTURED_NAME, { ALPNProtocols: ["h9"] }), {
    code: "ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL",
  });
});

test("h2 is chosen from what a client offers, else http/1.1, and nothing when it offers nothing", async () => {
  await using door = await openShop();
  const offers = [
    [["http/1.1", "h2"], "h2"],
    [["h2"], "h2"],
    [["h9", "http/1.1"], "http/1.1"],
    [["acme-tls/1", "http/1.1"], "http/1.1"],
    [[], false],
  ] as const;
  for (const [ALPNProtocols, chosen] of offers) {
    const socket = await connectTls(door.port, CAPTURED_NAME, {
      ALPNProtocols: [...ALPNProtocols],
    });
    assert.equal(socket.alpnProtocol, chosen);
    socket.destroy();
  }
});

test("a hello that ends in its middle is answered by alert 50", async () => {
  await using door = await openShop();
  const socket = await connectRaw(door.port);
  const bytes = received(socket);
  socket.end(helloFor(serverName("shop.example")).subarray(0, -1));
  assert.equal((await bytes).toString("hex"), DECODE_ERROR);
  assert.equal(door.refused[0]?.["code"], "HELLO_MALFORMED");
  socket.destroy();
});

test("T29: plain HTTP is answered by a 400 that says so, and closed", async () => {
  await using door = await openShop();
  const answer = (
    await exchange(door.port, "GET / HTTP/1.1\r\nHost: shop.example\r\n\r\n")
  ).toString();
  assert.match(answer, /^HTTP\/1\.1 400 Bad Request\r\n/);
  assert.match(answer, /\r\nConnection: close\r\n/);
  assert.match(answer, /https/);
  const [head = "", body = ""] = answer.split("\r\n\r\n");
  assert.ok(head.includes(`Content-Length: ${body.length}`));
});

test("an alert is read also by a client that is still sending", async () => {
  await using door = await openShop();
  const socket = await connectRaw(door.port);
  const closed = received(socket);
  socket.write(Buffer.concat([Buffer.from("\0\0\0\0"), Buffer.alloc(30_000)]));
  socket.write(Buffer.alloc(30_000));
  assert.equal((await closed).toString("hex"), DECODE_ERROR);
  socket.destroy();
});

test("a refused client that goes on sending is cut off", async () => {
  await using door = await openShop();
  const socket = await connectRaw(door.port);
  const closed = new Promise((resolve) => socket.once("close", resolve));
  const send = () => {
    while (!socket.destroyed && socket.write(Buffer.alloc(16_384)));
  };
  socket.on("drain", send);
  socket.resume();
  send();
  await closed;
});

test("a refused client that stays is cut off", async (context) => {
  await using door = await openShop();
  context.mock.timers.enable({ apis: ["setTimeout"] });
  const socket = await connectRaw(door.port);
  socket.write(Buffer.from("\0\0\0\0"));
  await once(socket, "data");
  assert.equal(door.open.size, 1);
  const [open] = door.open;
  assert.ok(open !== undefined);
  const closed = once(open, "close");
  context.mock.timers.tick(1_000);
  await closed;
  socket.destroy();
});

test("a client that is slow with its hello is closed without a word", async (context) => {
  await using door = await openShop();
  context.mock.timers.enable({ apis: ["setTimeout"] });
  const socket = await connectRaw(door.port);
  const told = door.nextRefusal();
  const bytes = received(socket);
  const hello = capturedHellos.get("curl") ?? Buffer.alloc(0);
  socket.write(hello.subarray(0, 100));
  const [open] = await opened(door.open);
  assert.ok(open !== undefined);
  await once(open, "data");
  context.mock.timers.tick(4_999);
  assert.equal(open.destroyed, false);
  context.mock.timers.tick(1);
  assert.equal((await told)["code"], "HELLO_TIMED_OUT");
  assert.equal((await bytes).length, 0);
  socket.destroy();
});

test("a client that says nothing and leaves is no news", async () => {
  await using door = await openShop();
  const socket = await connectRaw(door.port);
  const bytes = received(socket);
  socket.end();
  assert.equal((await bytes).length, 0);
  assert.deepEqual(door.refused, []);
  socket.destroy();
});

test("a name that on-demand policy refuses is answered like an unknown one", async () => {
  const onDemand = { ask: "http://127.0.0.1:9/", allow: [] };
  await using door = await openDoor({
    hosts: [makeHost("*", undefined, { kind: "acme", issuers: [], onDemand })],
    sources: storedCredentials(),
  });
  const bytes = await exchange(door.port, helloFor(serverName("a.example")));
  assert.equal(bytes.toString("hex"), UNRECOGNIZED_NAME);
  assert.equal(door.refused[0]?.["code"], "HOST_REFUSED");
});

test("a name that is too deep for on demand is refused without a question", async () => {
  const onDemand = { ask: "http://127.0.0.1:9/", allow: [] };
  let questions = 0;
  await using door = await openDoor({
    hosts: [makeHost("*", undefined, { kind: "acme", issuers: [], onDemand })],
    sources: {
      ...storedCredentials(),
      ask: async () => {
        questions += 1;
        return { kind: "refused" };
      },
    },
  });
  const git = `${"git.".repeat(7)}com`;
  for (const name of [`git.${git}`, git]) await exchange(door.port, helloFor(serverName(name)));
  assert.equal(questions, 1);
});

test("a host without a certificate now is answered by alert 80", async () => {
  await using door = await openDoor({
    hosts: [makeHost("a.example")],
    sources: { ...storedCredentials(), ask: async () => ({ kind: "unavailable" }) },
  });
  const bytes = await exchange(door.port, helloFor(serverName("a.example")));
  assert.equal(bytes.toString("hex"), INTERNAL_ERROR);
  assert.equal(door.refused[0]?.["code"], "CERTIFICATE_UNAVAILABLE");
});

test("a handshake waits for the certificate that its host is getting", async () => {
  const asked = Promise.withResolvers<void>();
  const issued = Promise.withResolvers<void>();
  const credential = makeCredential("a.example");
  await using door = await openDoor({
    hosts: [makeHost("a.example")],
    sources: {
      ...storedCredentials(),
      ask: async (host) => {
        asked.resolve();
        await issued.promise;
        return { kind: "held", credential: { ...credential, host, issuance: 1 } };
      },
    },
  });
  const secured = connectTls(door.port, "a.example");
  await asked.promise;
  issued.resolve();
  assert.equal((await received(await secured)).toString(), "hello from a.example");
});

test("a failed handshake is one line and one closed socket", async () => {
  await using door = await openShop();
  const told = door.nextRefusal();
  await assert.rejects(
    connectTls(door.port, CAPTURED_NAME, { maxVersion: "TLSv1.2", ciphers: "AES128-SHA256" }),
  );
  const { code, reason } = await told;
  assert.equal(code, "HANDSHAKE_FAILED");
  assert.equal(reason, "ERR_SSL_NO_SHARED_CIPHER");
});

test("a client that leaves inside the handshake is one line and one closed socket", async () => {
  await using door = await openShop();
  const told = door.nextRefusal();
  const socket = await connectRaw(door.port);
  socket.write(capturedHellos.get("curl") ?? Buffer.alloc(0));
  await once(socket, "data");
  const [open] = door.open;
  socket.destroy();
  assert.equal((await told)["code"], "HANDSHAKE_FAILED");
  if (open?.closed === false) await once(open, "close");
});

test("100,000 names that look like integers find their way", () => {
  for (let each = 0; each < 100_000; each += 1)
    assert.equal(hostname(`${each}.example`), `${each}.example`);
});

/** The sockets of the door, when there is one. */
async function opened<Value>(open: ReadonlySet<Value>): Promise<readonly Value[]> {
  while (open.size === 0) await new Promise((resolve) => setImmediate(resolve));
  return [...open];
}

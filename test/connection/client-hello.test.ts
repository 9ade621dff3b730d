import assert from "node:assert/strict";
import { test } from "node:test";
import { readClientHello } from "../../src/connection/client-hello.ts";
import {
  alpn,
  CAPTURED_NAME,
  capturedHellos,
  extension,
  inRecords,
  makeHello,
  number,
  record,
  serverName,
  vector,
} from "../support/hello-bytes.ts";
import { readSpoilt } from "../support/spoilt-hellos.ts";

for (const [client, hello] of capturedHellos) {
  test(`readClientHello reads the name in the hello of ${client}`, () => {
    const read = readClientHello(hello);
    assert.equal(read.kind, "complete");
    assert.equal(read.kind === "complete" && read.serverName, CAPTURED_NAME);
  });

  test(`readClientHello wants more of each beginning of the hello of ${client}`, () => {
    for (let length = 0; length < hello.length; length += 1) {
      const read = readClientHello(hello.subarray(0, length));
      assert.equal(read.kind, "partial");
      assert.ok(read.kind === "partial" && read.wantsBytes > length);
      assert.ok(read.kind === "partial" && read.wantsBytes <= hello.length);
    }
  });

  test(`T1: readClientHello reads the hello of ${client} the same in any two records`, () => {
    const whole = readClientHello(hello);
    const message = hello.subarray(5);
    for (let cut = 1; cut < message.length; cut += 1) {
      const records = [record(message.subarray(0, cut)), record(message.subarray(cut))];
      assert.deepEqual(readClientHello(Buffer.concat(records)), whole);
    }
  });
}

test("readClientHello reads the offered protocols in the client's order", () => {
  const node = readClientHello(capturedHellos.get("node") ?? Buffer.alloc(0));
  assert.deepEqual(node.kind === "complete" && node.alpn, ["h2", "http/1.1"]);
});

test("readClientHello leaves records after the hello alone", () => {
  const hello = inRecords(makeHello());
  const followed = Buffer.concat([hello, record(Buffer.of(1), 20), record(Buffer.alloc(50), 23)]);
  assert.deepEqual(readClientHello(followed), readClientHello(hello));
});

test("readClientHello takes a hello without extensions for one without a name", () => {
  const hello = inRecords(makeHello({ extensions: undefined }));
  const read = readClientHello(hello);
  assert.ok(read.kind === "complete");
  assert.deepEqual([read.serverName, read.alpn], [undefined, []]);
});

test("readClientHello does not judge the name", () => {
  for (const name of ["192.0.2.1", "shop.example\0", "UPPER.example.", "\u00ff", "a".repeat(300)]) {
    const read = readClientHello(inRecords(makeHello({ extensions: [serverName(name)] })));
    assert.equal(read.kind === "complete" && read.serverName, name);
  }
});

const grease = extension(0x0a0a, Buffer.alloc(0));
const fat = (bytes: number) => makeHello({ extensions: [extension(35, Buffer.alloc(bytes))] });
const name = serverName("shop.example");
const hello = (...extensions: Buffer[]) => inRecords(makeHello({ extensions }));
const withByte = (bytes: Buffer, at: number, value: number) => {
  const changed = Buffer.from(bytes);
  changed[at] = value;
  return changed;
};

const accepted: readonly [why: string, bytes: Buffer][] = [
  ["GREASE and unknown extensions", hello(grease, name, extension(0x1a1a, Buffer.of(0)))],
  ["64 records", inRecords(makeHello(), Math.ceil(makeHello().length / 64))],
  ["a message of 16 KiB", inRecords(fat(16_384 - 85))],
  ["a minor version in the record that nobody knows", withByte(hello(name), 2, 0x7f)],
  ["an empty session id", inRecords(makeHello({ sessionId: Buffer.alloc(0) }))],
];

for (const [why, bytes] of accepted) {
  test(`readClientHello accepts ${why}`, () => {
    assert.equal(readClientHello(bytes).kind, "complete");
  });
}

const refused: readonly [why: string, bytes: Buffer][] = [
  ["SSLv2", Buffer.from("802e0103010015000000100700c0030080", "hex")],
  ["an alert instead of a handshake", record(Buffer.of(2, 40), 21)],
  ["a ServerHello", inRecords(withByte(makeHello(), 0, 2))],
  ["a record of another major version", withByte(hello(name), 1, 4)],
  ["an empty record at the start", Buffer.concat([record(Buffer.alloc(0)), hello(name)])],
  [
    "an empty record inside",
    Buffer.concat([
      record(makeHello().subarray(0, 9)),
      record(Buffer.alloc(0)),
      record(makeHello().subarray(9)),
    ]),
  ],
  [
    "an alert record inside",
    Buffer.concat([
      record(makeHello().subarray(0, 9)),
      record(Buffer.of(1, 0), 21),
      record(makeHello().subarray(9)),
    ]),
  ],
  ["a record longer than 2^14", Buffer.concat([Buffer.of(22, 3, 1), number(2, 16_385)])],
  ["a message of more than 16 KiB in records", inRecords(fat(16_384 - 84), 4_096)],
  ["a message length of 16 MiB", record(Buffer.of(1, 0xff, 0xff, 0xff))],
  ["65 records", inRecords(makeHello(), Math.floor(makeHello().length / 65))],
  ["two messages in one record", record(Buffer.concat([makeHello(), makeHello()]))],
  ["a byte after the message in its record", record(Buffer.concat([makeHello(), Buffer.of(0)]))],
  ["a session id of 33 bytes", inRecords(makeHello({ sessionId: Buffer.alloc(33) }))],
  ["no cipher suites", inRecords(makeHello({ cipherSuites: Buffer.alloc(0) }))],
  ["an odd number of cipher suite bytes", inRecords(makeHello({ cipherSuites: Buffer.alloc(3) }))],
  ["no compression methods", inRecords(makeHello({ compressions: Buffer.alloc(0) }))],
  [
    "bytes after the extensions",
    inRecords(vectorMessage(Buffer.concat([makeHello().subarray(4), Buffer.of(0)]))),
  ],
  ["a message that ends in the random", inRecords(vectorMessage(Buffer.alloc(20)))],
  ["an extension that is longer than the rest", hello(Buffer.concat([number(2, 9), number(2, 5)]))],
  ["half an extension header", hello(Buffer.of(0, 0, 0))],
  ["server_name twice", hello(name, serverName("other.example"))],
  ["an unknown extension twice", hello(grease, name, grease)],
  ["two names in server_name", hello(serverName("shop.example", "other.example"))],
  ["an empty server_name list", hello(extension(0, vector(2, Buffer.alloc(0))))],
  ["an empty server_name extension", hello(extension(0, Buffer.alloc(0)))],
  ["an empty name", hello(serverName(""))],
  ["a name of another type", hello(withByte(name, 6, 1))],
  ["a byte after the server_name list", hello(extension(0, vector(2, Buffer.of(0, 0, 1, 97, 0))))],
  ["a name list longer than its extension", hello(withByte(name, 5, 16))],
  ["a name list shorter than its extension", hello(withByte(name, 5, 14))],
  ["a name longer than its list", hello(withByte(name, 8, 13))],
  ["a name shorter than its list", hello(withByte(name, 8, 11))],
  ["an empty list of protocols", hello(name, alpn())],
  ["an empty protocol", hello(name, alpn("h2", ""))],
  ["a protocol longer than the list", hello(name, withByte(alpn("h2"), 6, 3))],
  ["a byte after the protocols", hello(name, extension(16, Buffer.of(0, 3, 2, 104, 50, 0)))],
  ["SSH", Buffer.from("SSH-2.0-OpenSSH_9.2p1\r\n")],
  ["an upper-case word without end", Buffer.from("A".repeat(21))],
  ["a lower-case method", Buffer.from("get / HTTP/1.1\r\n")],
  ["a zero byte", Buffer.of(0)],
];

for (const [why, bytes] of refused) {
  test(`readClientHello refuses ${why}`, () => {
    assert.equal(readClientHello(bytes).kind, "malformed");
  });
}

const plain: readonly [text: string, kind: string][] = [
  ["GET / HTTP/1.1\r\nHost: shop.example\r\n\r\n", "plain-http"],
  ["PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "plain-http"],
  ["BASELINE-CONTROL /", "plain-http"],
  ["GET", "partial"],
  ["G", "partial"],
  ["GET\t/", "malformed"],
  ["-GET /", "malformed"],
  ["P", "partial"],
  ["PROXY", "partial"],
  ["PROXY TCP4 192.0.2.1 192.0.2.2 1 443\r\n", "malformed"],
  ["PROPFIND /", "plain-http"],
  ["\r\n\r\n\0", "partial"],
  ["\r\n\r\n\0\r\nQUIT\n", "malformed"],
  ["\r\nGET / HTTP/1.1", "malformed"],
];

for (const [text, kind] of plain) {
  test(`readClientHello takes ${JSON.stringify(text)} for ${kind}`, () => {
    assert.equal(readClientHello(Buffer.from(text)).kind, kind);
  });
}

// Ten times as many are a story.
test("T2: readClientHello answers 100,000 spoilt hellos without a throw", () => {
  const { complete, malformed, partial } = readSpoilt(100_000, 20_261_124);
  // The spoiling must leave some readable, or nothing was tested.
  assert.ok(complete > 10_000 && malformed > 10_000 && partial > 0);
});

/** A ClientHello with this body. */
function vectorMessage(body: Buffer): Buffer {
  return Buffer.concat([Buffer.of(1), vector(3, body)]);
}

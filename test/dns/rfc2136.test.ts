import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { once } from "node:events";
import { type AddressInfo, createServer, type Server } from "node:net";
import { test } from "node:test";
import { decode, encode } from "dns-packet";
import { systemClock } from "../../src/base/clock.ts";
import { addition, createRfc2136, removal } from "../../src/dns/rfc2136.ts";
import { sign } from "../../src/dns/tsig.ts";
import { encodeName, uint16, uint32, uint48 } from "../../src/dns/wire.ts";
import { startNameServer } from "../support/name-server.ts";

const never = new AbortController().signal;
const secret = Buffer.from("a secret of the test");
const key = { name: "latchkey", algorithm: "hmac-sha256", secret } as const;
const record = { name: "_acme-challenge.shop.example", value: "v".repeat(43) };
const now = () => Math.floor(Date.now() / 1_000);

test("an update is a message of DNS that others read: one zone, one record, a signature at its end", () => {
  const { bytes, mac } = sign(addition("shop.example", record, 60), key, 1_700_000_000);
  const { questions, authorities, additionals } = decode(bytes);
  assert.deepEqual(questions, [{ name: "shop.example", type: "SOA", class: "IN" }]);
  assert.deepEqual(
    authorities,
    [
      {
        ...record,
        value: undefined,
        type: "TXT",
        class: "IN",
        ttl: 60,
        flush: false,
        data: [Buffer.from(record.value)],
      },
    ].map(({ value: _, ...rest }) => rest),
  );
  assert.equal(additionals?.length, 1);
  assert.equal(mac.length, 32);
  assert.equal(bytes.readUInt16BE(2) >> 11, 5);
});

test("a value longer than a string of DNS goes into several", () => {
  const long = { ...record, value: "x".repeat(600) };
  const [found] = decode(addition("shop.example", long, 60)).authorities ?? [];
  const strings = found?.type === "TXT" && Array.isArray(found.data) ? found.data : [];
  assert.deepEqual(
    strings.map(({ length }) => length),
    [255, 255, 90],
  );
});

test("a removal is of class NONE and names the value", () => {
  const bytes = removal("shop.example", record);
  const at = bytes.indexOf(encodeName(record.name)) + encodeName(record.name).length;
  assert.deepEqual([...bytes.subarray(at, at + 8)], [0, 16, 0, 254, 0, 0, 0, 0]);
});

/** A signed answer to a signed request, as RFC 8945 §5.3 has it, in words of this test's own. */
function answerTo(
  request: Buffer,
  { rcode = 0, at = now(), by = secret, mac = macOf(request) } = {},
) {
  const answer = encode({
    type: "response",
    id: request.readUInt16BE(0),
    flags: (5 << 11) | rcode,
    questions: [{ type: "SOA", name: "shop.example" }],
  });
  const signed = Buffer.concat([
    ...[uint16(mac.length), mac, answer],
    ...[encodeName("latchkey"), uint16(255), uint32(0), encodeName("hmac-sha256")],
    ...[uint48(at), uint16(300), uint16(0), uint16(0)],
  ]);
  const own = createHmac("sha256", by).update(signed).digest();
  const data = Buffer.concat([
    ...[encodeName("hmac-sha256"), uint48(at), uint16(300), uint16(own.length), own],
    ...[answer.subarray(0, 2), uint16(0), uint16(0)],
  ]);
  const tsig = [
    encodeName("latchkey"),
    uint16(250),
    uint16(255),
    uint32(0),
    uint16(data.length),
    data,
  ];
  const whole = Buffer.concat([answer, ...tsig]);
  whole.writeUInt16BE(1, 10);
  return whole;
}

/** The signature of a request: the 32 bytes before its original ID, error and empty other data. */
function macOf(request: Buffer): Buffer {
  return request.subarray(request.length - 38, request.length - 6);
}

function changed(bytes: Buffer, at: number, to: number): Buffer {
  const copy = Buffer.from(bytes);
  copy[at < 0 ? copy.length + at : at] = to;
  return copy;
}

type Say = (request: Buffer) => Buffer;
const unsigned: Say = (request) => answerTo(request).subarray(0, 30);
const hostile: readonly (readonly [string, Say, RegExp])[] = [
  [
    "no signature",
    (r) => encode({ type: "response", id: r.readUInt16BE(0), flags: 5 << 11 }),
    /not signed/,
  ],
  [
    "another secret",
    (r) => answerTo(r, { by: Buffer.from("another") }),
    /signature of its answer is wrong/,
  ],
  ["a changed bit", (r) => changed(answerTo(r), 3, 0x20), /signature of its answer is wrong/],
  [
    "the signature of another exchange",
    (r) => answerTo(r, { mac: Buffer.alloc(32) }),
    /signature of its answer is wrong/,
  ],
  ["an answer of an hour ago", (r) => answerTo(r, { at: now() - 3_600 }), /signed at another time/],
  ["another ID", (r) => changed(answerTo(r), 0, r.readUInt8(0) ^ 1), /about something else/],
  ["the request itself", (r) => r, /about something else/],
  [
    "a refusal, well signed",
    (r) => answerTo(r, { rcode: 5 }),
    /REFUSED: the key may not change this name$/,
  ],
  [
    "a refusal without a signature",
    (r) => encode({ type: "response", id: r.readUInt16BE(0), flags: (5 << 11) | 5 }),
    /REFUSED: .*not signed/,
  ],
  ["a cut answer", unsigned, /127.0.0.1/],
  ["nothing", () => Buffer.alloc(0), /127.0.0.1:\d+: its answer makes no sense: /],
  ["noise", () => Buffer.alloc(64, 0xc0), /127.0.0.1/],
  [
    "a name that leads to itself",
    (r) => changed(changed(answerTo(r), 12, 0xc0), 13, 12),
    /leads forwards/,
  ],
];

for (const [what, say, says] of hostile) {
  test(`${what} is no success`, async () => {
    await using world = await worldOf(say);
    const failure = { code: "DNS_FAILED", message: says };
    await assert.rejects(world.provider.publish(record, never), failure);
  });
}

test("a good answer is believed", async () => {
  await using world = await worldOf((request) => answerTo(request));
  await world.provider.publish(record, never);
  await world.provider.remove(record, never);
  assert.equal(world.requests.length, 2);
});

test("a server that takes the connection and says nothing is given up in time, or when told to", async () => {
  await using world = await worldOf(undefined, 100);
  await assert.rejects(world.provider.publish(record, never), {
    code: "DNS_FAILED",
    message: /timeout/,
  });
  const stop = new AbortController();
  const attempt = world.provider.publish(record, stop.signal);
  stop.abort(new Error("stopped"));
  await assert.rejects(attempt, { message: "stopped" });
});

/** A name server whose zone is shop.example over UDP, and which says what the test wants over TCP. */
async function worldOf(say: Say | undefined, timeoutMs = 5_000) {
  const requests: Buffer[] = [];
  const tcp = createServer((socket) => {
    socket.on("error", () => {});
    socket.on("data", (bytes: Buffer) => {
      const request = bytes.subarray(2);
      requests.push(request);
      if (say === undefined) return;
      const answer = say(request);
      socket.end(Buffer.concat([uint16(answer.length), answer]));
    });
  });
  const udp = await besideTcp(tcp, (type, name) => {
    if (type === "SOA" && name === "shop.example") return { answers: [SOA] };
    return { rcode: "NXDOMAIN" };
  });
  const provider = createRfc2136({
    server: udp.address,
    key,
    clock: systemClock,
    ttlSeconds: 60,
    timeoutMs,
  });
  return {
    provider,
    requests,
    [Symbol.asyncDispose]: async () => {
      tcp.close();
      await udp[Symbol.asyncDispose]();
    },
  };
}

/** Both on one port, which must be free for both. */
async function besideTcp(tcp: Server, say: Parameters<typeof startNameServer>[0]) {
  for (let tries = 1; ; tries += 1) {
    tcp.listen(0, "127.0.0.1");
    await once(tcp, "listening");
    const { port } = tcp.address() as AddressInfo;
    try {
      return await startNameServer(say, { host: "127.0.0.1", port });
    } catch (error) {
      await once(tcp.close(), "close");
      if (tries === 5) throw error;
    }
  }
}

const SOA = {
  type: "SOA" as const,
  name: "shop.example",
  ttl: 1,
  data: { mname: "ns1.shop.example", rname: "ops.shop.example", serial: 1 },
};

import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { connect } from "node:tls";
import { systemClock } from "../../src/base/clock.ts";
import { parseIpAddress } from "../../src/base/ip-address.ts";
import { createLog } from "../../src/base/log.ts";
import { limits } from "../../src/config/limits.ts";
import { ClientShares } from "../../src/connection/client-shares.ts";
import { receive } from "../../src/connection/receive.ts";
import { RefusalLog } from "../../src/connection/refusal-log.ts";
import type { ClientConnection } from "../../src/http/client-connection.ts";
import { CAPTURED_NAME, capturedHellos, inRecords, makeHello } from "../support/hello-bytes.ts";
import { ADDRESSES_V4, binaryHeader, checksummed } from "../support/proxy-header.ts";
import { connectPair, hasRead } from "../support/socket-pair.ts";
import {
  connectRaw,
  exchange,
  makeCredential,
  makeHost,
  openDoor,
  received,
  storedCredentials,
  writeInPieces,
} from "../support/tls-door.ts";

const LINE = Buffer.from("PROXY TCP4 192.0.2.1 192.0.2.2 56324 443\r\n");
const BINARY = binaryHeader(0x21, 0x11, ADDRESSES_V4);
const LOCAL = binaryHeader(0x20, 0x00);
const shop = makeCredential(CAPTURED_NAME);
const hello = capturedHellos.get("node") ?? Buffer.alloc(0);
const DECODE_ERROR = "15030300020232";

const openBehind = (
  loadBalancers: readonly string[],
  relay?: (connection: ClientConnection) => void,
) =>
  openDoor({
    hosts: [makeHost(CAPTURED_NAME)],
    sources: storedCredentials(shop),
    loadBalancers,
    ...(relay && { relay }),
  });

for (const [what, header, client] of [
  ["version 1", LINE, "192.0.2.1"],
  ["version 2", BINARY, "192.0.2.1"],
  ["version 2 with a checksum", checksummed(0x11, ADDRESSES_V4), "192.0.2.1"],
  ["LOCAL", LOCAL, "127.0.0.1"],
  ["UNKNOWN", Buffer.from("PROXY UNKNOWN\r\n"), "127.0.0.1"],
] as const) {
  test(`behind a load balancer with ${what} the client is ${client}`, async () => {
    await using door = await openBehind(["127.0.0.0/8"], ({ socket, clientAddress }) => {
      socket.end(clientAddress);
      socket.resume();
    });
    const raw = await connectRaw(door.port);
    raw.write(header);
    const socket = connect({ socket: raw, servername: CAPTURED_NAME, rejectUnauthorized: false });
    await once(socket, "secureConnect");
    assert.equal((await received(socket)).toString(), client);
    socket.destroy();
  });
}

test("header and hello are read however they are cut into segments", async () => {
  await using door = await openBehind(["127.0.0.1"]);
  for (const header of [LINE, BINARY]) {
    const all = Buffer.concat([header, hello]);
    const end = header.length;
    for (const cuts of [[1], [6], [12], [16], [end - 1], [end], [end + 1], [3, end, end + 5]]) {
      const socket = await connectRaw(door.port);
      await writeInPieces(socket, all, cuts);
      const [answer] = (await once(socket, "data")) as [Buffer];
      assert.equal(answer[0], 22, `a ServerHello after cuts at ${cuts}`);
      socket.destroy();
    }
  }
});

const broken: readonly [what: string, bytes: Buffer, reason: RegExp][] = [
  ["only a hello", hello, /no PROXY header/],
  ["plain HTTP", Buffer.from("GET / HTTP/1.1\r\n\r\n"), /no PROXY header/],
  ["a broken header", Buffer.from("PROXY TCP4 192.0.2.1\r\n"), /addresses that are none/],
  ["the end in its middle", LINE.subarray(0, 20), /ends in its middle/],
];

for (const [what, bytes, reason] of broken) {
  test(`T23: a load balancer that sends ${what} gets nothing but the end`, async () => {
    await using door = await openBehind(["127.0.0.1"]);
    const refusal = door.nextRefusal();
    const socket = await connectRaw(door.port);
    socket.end(bytes);
    assert.equal((await received(socket)).length, 0);
    const { code, reason: why, loadBalancer } = await refusal;
    assert.deepEqual(
      { code, loadBalancer },
      { code: "PROXY_HEADER_MALFORMED", loadBalancer: "127.0.0.1" },
    );
    assert.match(String(why), reason);
  });
}

test("T23: a header from anybody else is a malformed hello, whatever it says", async () => {
  await using door = await openBehind(["192.0.2.0/24"]);
  for (const header of [LINE, BINARY, LOCAL]) {
    const answer = await exchange(door.port, Buffer.concat([header, hello]));
    assert.equal(answer.toString("hex"), DECODE_ERROR);
  }
  assert.deepEqual(
    door.refused.map(({ code, client }) => ({ code, client })),
    Array(3).fill({ code: "HELLO_MALFORMED", client: "127.0.0.1" }),
  );
  assert.match(String(door.refused[0]?.["reason"]), /listen\.proxyProtocol does not list/);
});

test("a second header is a malformed hello", async () => {
  await using door = await openBehind(["127.0.0.1"]);
  const answer = await exchange(door.port, Buffer.concat([BINARY, LINE, hello]));
  assert.equal(answer.toString("hex"), DECODE_ERROR);
  assert.equal(door.refused[0]?.["client"], "192.0.2.1");
});

test("a hello without a name is for the address that the header names", async () => {
  const addresses = ["192.0.2.2", "192.0.2.3"] as const;
  const { promise, resolve } = Promise.withResolvers<string>();
  await using door = await openDoor({
    hosts: addresses.map((address) => {
      const host = parseIpAddress(address);
      assert.ok(host);
      return { ...makeHost(CAPTURED_NAME), pattern: { kind: "exact", host } };
    }),
    sources: {
      ...storedCredentials(),
      load: async (host) => {
        resolve(host);
        return undefined;
      },
    },
    loadBalancers: ["127.0.0.1"],
  });
  await exchange(door.port, Buffer.concat([LINE, inRecords(makeHello({ extensions: [] }))]));
  assert.equal(await promise, "192.0.2.2");
});

test("the time that the header took is taken off the hello's", async () => {
  using pair = await connectPair();
  const reception = {
    refusals: new RefusalLog(
      createLog({ level: "error", format: "json", process: "test" }),
      systemClock,
    ),
    shares: new ClientShares(() => false),
    isLoadBalancer: () => true,
  };
  const { promise, resolve } = Promise.withResolvers<number>();
  void receive(pair.server, reception, (_, { timeoutMs }) => resolve(timeoutMs));
  pair.client.write(BINARY.subarray(0, 14));
  await hasRead(pair.server, 14);
  const since = performance.now();
  while (performance.now() - since < 20); // nothing waits for it but the clock
  pair.client.write(BINARY.subarray(14));
  const timeoutMs = await promise;
  assert.ok(timeoutMs <= limits.helloTimeoutMs - 20 && timeoutMs > 0, `${timeoutMs}`);
});

test("T23: a load balancer that sends nothing is cut when the time is over", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  await using door = await openBehind(["127.0.0.1"]);
  const refusal = door.nextRefusal();
  const socket = await connectRaw(door.port);
  while (door.open.size === 0) await new Promise((resolve) => setImmediate(resolve));
  t.mock.timers.tick(limits.helloTimeoutMs);
  assert.deepEqual(await refusal, {
    code: "HELLO_TIMED_OUT",
    loadBalancer: "127.0.0.1",
    reason: undefined,
    client: undefined,
  });
  assert.equal((await received(socket)).length, 0);
});

test("a load balancer's probe that connects and leaves is no news", async () => {
  await using door = await openBehind(["127.0.0.1"]);
  const socket = await connectRaw(door.port);
  socket.end();
  await received(socket);
  const probe = await connectRaw(door.port);
  probe.end(LOCAL);
  await received(probe);
  assert.deepEqual(door.refused, []);
});

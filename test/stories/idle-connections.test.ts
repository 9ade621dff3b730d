import assert from "node:assert/strict";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { after, type TestContext, test } from "node:test";
import { createSecureContext, type TLSSocket } from "node:tls";
import { connectionsOf, endure } from "../support/endure.ts";
import { FrameClient, headers, request } from "../support/h2-frames.ts";
import { failures } from "../support/handshakes.ts";
import { Latchkey } from "../support/latchkey.ts";
import { openTls } from "../support/visitor.ts";

const GOOD = "good.localhost";
/** Handshakes under way at once. */
const AT_ONCE = 20;
/** 10,000 connections may be a GiB, a session of HTTP/2 150 KiB; and V8 keeps tens of MiB of what passed. */
const IDLE_KIB = 100;
const SESSION_KIB = 150;
const PASSING_MIB = 96;
const AGAIN_MIB = 72;

/** Nobody's time is over before the last has come, on the busiest machine. */
const latchkey = await Latchkey.start({
  config: `
workers: 1
limits: { keepAliveTimeoutMs: 10m }
hosts: { ${GOOD}: { respond: ok } }
`,
});
after(() => latchkey[Symbol.asyncDispose]());
await latchkey.event("certificate.swapped");
const ca = await readFile(latchkey.root, "utf8");
/** One for all: of so many clients most of the memory would be theirs. */
const secureContext = createSecureContext({ ca, ecdhCurve: "X25519" });
// Memory is compared with that of a worker whose code is loaded.
await failures(latchkey.httpsPort, GOOD, 100);

/** From some addresses of this machine, since each may have so many only. */
async function open(index: number, protocol: string): Promise<TLSSocket> {
  const localAddress = `127.0.0.${2 + (index % 8)}`;
  const options = { secureContext, ca, localAddress, ALPNProtocols: [protocol] };
  const socket = await openTls(latchkey, GOOD, options);
  return socket.on("error", () => undefined);
}

/** Lets so many come and go, twice: V8 may keep what the first took, and the second needs no more than that. */
async function hold(
  t: TestContext,
  { count, kib }: { readonly count: number; readonly kib: number },
  come: (index: number) => Promise<TLSSocket>,
): Promise<void> {
  const heldMib = PASSING_MIB + (count * kib) / 1_024;
  const flooded = { latchkey, good: GOOD, isAnew: true, heldMib };
  const comeAndGo = async () => {
    const sockets: TLSSocket[] = [];
    let begun = 0;
    const comeAll = async () => {
      while (begun < count) sockets.push(await come(begun++));
    };
    await Promise.all(Array.from({ length: AT_ONCE }, comeAll));
    const open = await connectionsOf(latchkey);
    assert.ok(open >= count, `${open} of ${count} are open`);
    assert.equal(sockets.filter(({ closed }) => closed).length, 0);
    const closed = sockets.map((socket) => once(socket, "close"));
    for (const socket of sockets) socket.destroy();
    await Promise.all(closed);
  };
  await endure(t, { ...flooded, leftMib: heldMib }, comeAndGo);
  await endure(t, { ...flooded, leftMib: AGAIN_MIB }, comeAndGo);
}

const IDLE = 2_000;

test(`${IDLE} connections that have shaken hands and ask for nothing are all kept, and are little memory`, async (t) => {
  await hold(t, { count: IDLE, kib: IDLE_KIB }, async (index) =>
    (await open(index, "http/1.1")).resume(),
  );
});

const SESSIONS = 1_000;

test(`T25: ${SESSIONS} sessions of HTTP/2 that had one answer each and rest are all kept, and are little memory`, async (t) => {
  await hold(t, { count: SESSIONS, kib: SESSION_KIB }, async (index) => {
    const socket = await open(index, "h2");
    const client = new FrameClient(socket);
    client.say(headers(1, request({ ":authority": GOOD })));
    await client.until((each) => each.hasEnd(1));
    assert.equal(client.status(1), 200);
    return socket;
  });
});

import assert from "node:assert/strict";
import { after, type TestContext, test } from "node:test";
import { endure, workerOf } from "../support/endure.ts";
import { leftMiB, privateMiB } from "../support/flood.ts";
import { type H2Flood, h2Floods } from "../support/h2-floods.ts";
import { FRAME, FrameClient, frame, u32 } from "../support/h2-frames.ts";
import { Latchkey } from "../support/latchkey.ts";
import { Recorder } from "../support/recorder.ts";
import { strain } from "../support/strain.ts";
import { openTls } from "../support/visitor.ts";

const HOST = "shop.example";
const GOOD = "good.localhost";
/** Frames that go out in one write, and how much may wait in the flooder's socket. */
const AT_ONCE = 100;
const WAITING_MAX_BYTES = 1_048_576;
/** Connections at once, of floods that wait for each answer. */
const PATIENT = 16;
/** What a flood may leave behind, with threefold slack: V8 keeps what it may need again until it needs it. */
const LEFT_MIB = 3 * 30;
/** What the worker may occupy more while it lasts, with threefold slack. */
const HELD_MIB = 3 * 40;
/** What ninety-nine of a hundred answers to others may take meanwhile, with threefold slack, on a machine of our own. */
const P99_MS = 3 * 200;

const backend = await Recorder.start();
const latchkey = await Latchkey.start({
  config: `
workers: 1
authority: { permit: [${HOST}] }
hosts:
  ${HOST}: { to: ${backend.port}, issuer: internal }
  ${GOOD}: { respond: ok }
`,
});
after(async () => {
  await latchkey[Symbol.asyncDispose]();
  await backend[Symbol.asyncDispose]();
});
const swapped = (host: string) =>
  latchkey.event("certificate.swapped", (line) => line["host"] === host);
await Promise.all([swapped(HOST), swapped(GOOD)]);
const pid = await workerOf(latchkey);

async function open(first?: Buffer): Promise<FrameClient> {
  const socket = await openTls(latchkey, HOST, { ALPNProtocols: ["h2"] });
  return new FrameClient(socket.setNoDelay(true), first);
}

/** How a flood went. */
interface Course {
  /** How each connection that was cut ended; the kernel may drop the GOAWAY with the connection. */
  readonly codes: string[];
  /** How many times it is still to be sent. */
  left: number;
}

/** Sends all of a flood, over one connection after the other. */
async function sendAll(flood: H2Flood): Promise<readonly string[]> {
  const course: Course = { codes: [], left: flood.reach };
  const sendSome = async () => {
    while (course.left > 0) {
      using client = await open();
      await sendUntilCut(client, flood, course);
      if (client.isClosed) course.codes.push(client.goawayCode ?? "");
    }
  };
  await Promise.all(Array.from({ length: flood.isPatient ? PATIENT : 1 }, sendSome));
  return course.codes;
}

async function sendUntilCut(client: FrameClient, flood: H2Flood, course: Course): Promise<void> {
  if (flood.first !== undefined) client.say(flood.first);
  const atOnce = flood.isPatient ? 1 : AT_ONCE;
  for (let next = 3; course.left > 0 && !client.isClosed; next += 2 * atOnce) {
    const from = next;
    client.say(...Array.from({ length: atOnce }, (_, at) => flood.again(from + 2 * at)));
    course.left -= atOnce;
    if (flood.isPatient) await client.until(() => client.has(from));
    else await new Promise(setImmediate);
    if (client.socket.writableLength > WAITING_MAX_BYTES) await drained(client);
  }
  // A flooder may have written everything before it has read how it ended.
  if (course.codes.length === 0) await client.closed();
}

/** Waits until the flooder's socket has room, or is gone. */
async function drained({ socket }: FrameClient): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  socket.once("drain", resolve).once("close", resolve);
  if (socket.writableNeedDrain && !socket.destroyed) await promise;
}

/** Waits until every request of before is at the backend, if it comes there at all: this one comes after them. */
async function oneMore(path: string): Promise<void> {
  const socket = await openTls(latchkey, HOST);
  socket.write(`GET ${path} HTTP/1.1\r\nHost: ${HOST}\r\n\r\n`);
  const isThere = () => backend.connections.at(-1)?.text.includes(`GET ${path} `) === true;
  while (!isThere()) await new Promise(setImmediate);
  socket.destroy();
}

/** Sees that it is endured, and that those who want to be served meanwhile wait little longer. */
async function endureSoon<T>(t: TestContext, attack: () => Promise<T>): Promise<T> {
  const flooded = { latchkey, good: GOOD, heldMib: HELD_MIB, leftMib: LEFT_MIB };
  const { outcome, p99Ms } = await endure(t, flooded, attack);
  const strained = strain();
  assert.ok(p99Ms <= P99_MS * strained, `${p99Ms} ms, strain ${strained.toFixed(1)}`);
  return outcome;
}

// Its memory is what it is under load.
for (const flood of h2Floods.slice(0, 2)) await sendAll(flood);
await oneMore("/after-those");
const warm = await privateMiB(pid);

for (const [at, flood] of h2Floods.entries()) {
  test(`T25: ${flood.reach} times: ${flood.what}`, async (t) => {
    const asked = backend.requests;
    const codes = await endureSoon(t, () => sendAll(flood));
    // With which code, test/http/h2-floods.test.ts asks: so many at once may be too much for several of our limits.
    assert.ok(codes.length > 0, "nothing was cut");
    await oneMore(`/after-${at}`);
    const requests = backend.requests - asked - 1;
    assert.ok(requests <= flood.requestsMax * (codes.length + 1), `${requests} requests`);
  });
}

const SESSIONS = 1_000;

test(`T25: A window of the connection that overflows, in ${SESSIONS} sessions (CVE-2026-21714)`, async (t) => {
  await endureSoon(t, async () => {
    for (let session = 0; session < SESSIONS; session += 1) {
      using client = await open();
      client.say(frame(FRAME.windowUpdate, 0, 0, u32(2 ** 31 - 1)));
      await client.closed();
      assert.match(client.goawayCode ?? "FLOW_CONTROL_ERROR", /^FLOW_CONTROL_ERROR$/);
    }
  });
});

test("T25: All of these floods together leave no more behind than one of them", async () => {
  const left = await leftMiB(pid, warm, LEFT_MIB);
  assert.ok(left <= LEFT_MIB, `${left} MiB are left`);
});

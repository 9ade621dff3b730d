import assert from "node:assert/strict";
import { connect, type Socket } from "node:net";
import { after, type TestContext, test } from "node:test";
import { bytesOf, endure } from "../support/endure.ts";
import { flood } from "../support/flood.ts";
import { failures } from "../support/handshakes.ts";
import {
  capturedHellos,
  inRecords,
  makeHello,
  mutate,
  seededRandom,
  serverName,
} from "../support/hello-bytes.ts";
import { Latchkey } from "../support/latchkey.ts";
import { strain } from "../support/strain.ts";

const GOOD = "good.localhost";
const TIMEOUT_MS = 2_000;
const HANDSHAKE_TIMEOUT_MS = 4_000;
/** A deadline that is met this much late is met, with threefold slack, on a machine of our own. */
const LATE_MS = 3 * 1_000;
/** For those that say a bit of their hello now and then. */
const DRIBBLE_MS = 100;
/** Longer than anything here takes, also on a busy machine. */
const PATIENCE_MS = 60_000;

const latchkey = await Latchkey.start({
  config: `
workers: 1
limits: { helloTimeoutMs: ${TIMEOUT_MS}, handshakeTimeoutMs: ${HANDSHAKE_TIMEOUT_MS}, handshakesInFlightMax: 2000 }
hosts: { ${GOOD}: { respond: ok } }
`,
});
after(() => latchkey[Symbol.asyncDispose]());
await latchkey.event("certificate.swapped");
const port = latchkey.httpsPort;

/** Beside a client that shakes hands anew each time. V8 keeps tens of MiB of what passed. */
const endureAnew = <T>(t: TestContext, attack: () => Promise<T>) =>
  endure(t, { latchkey, good: GOOD, isAnew: true, heldMib: 200, leftMib: 96 }, attack);

// Memory is compared with that of a worker whose code is loaded.
await failures(port, GOOD, 100);

/** Waits until the connection is over, however it ends. */
async function over(socket: Socket): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const patience = setTimeout(() => reject(new Error("It is never closed")), PATIENCE_MS);
  socket.on("error", () => undefined).once("close", resolve);
  await promise.finally(() => clearTimeout(patience));
}

/** How long the program bears with a connection that says this and then a byte once in a while, in milliseconds. */
async function borne(hello: Buffer, dribbled: Buffer): Promise<number> {
  const socket = connect({ port, host: "127.0.0.1", noDelay: true }).resume();
  let startedAt = performance.now();
  socket.once("connect", () => {
    startedAt = performance.now();
  });
  if (hello.length > 0) socket.write(hello);
  let said = 0;
  const dribbling = setInterval(() => {
    if (said < dribbled.length) socket.write(dribbled.subarray(said, ++said));
  }, DRIBBLE_MS);
  await over(socket).finally(() => clearInterval(dribbling));
  return performance.now() - startedAt;
}

const NOTHING = Buffer.alloc(0);
const HELLO = inRecords(makeHello());

for (const { count, what, hello, dribbled } of [
  { count: 1_000, what: "say nothing", hello: NOTHING, dribbled: NOTHING },
  {
    count: 500,
    what: "say half a hello",
    hello: HELLO.subarray(0, 80),
    dribbled: NOTHING,
  },
  { count: 500, what: "say a hello byte by byte", hello: NOTHING, dribbled: HELLO },
]) {
  test(`T26: ${count} connections that ${what} are all closed when the hello's time is over`, async (t) => {
    const { outcome } = await endureAnew(t, () =>
      Promise.all(Array.from({ length: count }, () => borne(hello, dribbled))),
    );
    const [first, last] = [Math.min(...outcome), Math.max(...outcome)];
    t.diagnostic(`the first after ${first.toFixed()} ms, the last after ${last.toFixed()} ms`);
    assert.ok(last <= (TIMEOUT_MS + LATE_MS) * strain(), `${last} ms`);
  });
}

const HALF = 500;
/** Of a client of TLS 1.2 with the key and the signature of our certificates. */
const EXTENSIONS = [
  serverName(GOOD),
  ...[Buffer.of(0, 10, 0, 4, 0, 2, 0, 23), Buffer.of(0, 13, 0, 4, 0, 2, 4, 3)],
];

test(`T26: ${HALF} connections that stop inside the handshake are all closed when its time is over`, async (t) => {
  const hello = inRecords(makeHello({ extensions: EXTENSIONS }));
  const { outcome } = await endureAnew(t, () =>
    Promise.all(Array.from({ length: HALF }, () => borne(hello, NOTHING))),
  );
  const sorted = outcome.toSorted((one, other) => one - other);
  const [median = 0, last = 0] = [HALF / 2, HALF - 1].map((at) => sorted[at]);
  t.diagnostic(`half of them after ${median.toFixed()} ms, the last after ${last.toFixed()} ms`);
  assert.ok(median >= HANDSHAKE_TIMEOUT_MS / 2, "hardly any was inside a handshake");
  assert.ok(last <= (HANDSHAKE_TIMEOUT_MS + LATE_MS) * strain(), `${last} ms`);
});

const FULL = 1_000;

test(`${FULL} full handshakes, twenty at a time, are all finished, and others' too`, async (t) => {
  const { outcome } = await endureAnew(t, () => failures(port, GOOD, FULL));
  assert.equal(outcome, 0);
});

const UNKNOWN = 5_000;

test(`T4: ${UNKNOWN} hellos for names that nobody has cost an alert each, no order, and no row`, async (t) => {
  const names = Array.from({ length: UNKNOWN }, (_, index) => `n${index}.example`);
  const orders = latchkey.count("order.started");
  const { outcome } = await endureAnew(t, () => flood({ port, names }));
  assert.deepEqual(outcome, { 112: UNKNOWN });
  assert.equal(latchkey.count("order.started"), orders);
  assert.deepEqual(
    (await latchkey.status()).hosts.map(({ host }) => host),
    [GOOD],
  );
});

const BAD = 10_000;
const AT_ONCE = 50;
/** What a ServerHello and a certificate come in (RFC 8446 §5.1). */
const HANDSHAKE_RECORD = 22;
/** A hundred thousand bad hellos may be a megabyte of log; threefold is allowed. */
const LOG_MAX_BYTES = 3 * (BAD / 100_000) * 1_000_000;

/** The kind of record that is answered first; `undefined` for no answer. */
async function answerTo(bytes: Buffer): Promise<number | undefined> {
  const socket = connect({ port, host: "127.0.0.1" });
  let kind: number | undefined;
  socket.on("data", ([first]: Buffer) => {
    kind ??= first;
  });
  socket.end(bytes);
  await over(socket);
  return kind;
}

test(`T2, T47: ${BAD} spoilt hellos crash nothing, are shown no certificate, and are few bytes of log`, async (t) => {
  const random = seededRandom(20_261_126);
  const seeds = [...capturedHellos.values()];
  const kinds = new Map<number | undefined, number>();
  const from = latchkey.lines.length;
  let sent = 0;
  const send = async () => {
    while (sent < BAD) {
      const spoilt = mutate(seeds[sent++ % seeds.length] ?? NOTHING, random);
      const kind = await answerTo(spoilt);
      kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
    }
  };
  await endureAnew(t, () => Promise.all(Array.from({ length: AT_ONCE }, send)));
  t.diagnostic(JSON.stringify([...kinds]));
  assert.equal(kinds.get(HANDSHAKE_RECORD), undefined);
  const logged = bytesOf(latchkey, from);
  assert.ok(logged <= LOG_MAX_BYTES, `${logged} bytes`);
});

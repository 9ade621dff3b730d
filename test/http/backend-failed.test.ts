import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer as createHttp2Server } from "node:http2";
import type { Server } from "node:net";
import { test } from "node:test";
import { createServer as createTlsServer } from "node:tls";
import { BACKEND_FAILURES, type BackendFailure, PLACES } from "../../src/base/counts.ts";
import type { Backend } from "../../src/config/destination.ts";
import { makeAuthority, makeCertificate } from "../support/certificates.ts";
import { deadPort } from "../support/dead-port.ts";
import { RawClient } from "../support/raw-client.ts";
import { answering, OK, portOf, Recorder, type Script } from "../support/recorder.ts";
import {
  forwardTo,
  get,
  HEALTH,
  httpBackend,
  httpsBackendOf,
  RelayWorld,
} from "../support/relay-world.ts";

const authority = makeAuthority();
const server = makeCertificate({ names: ["backend.example"], issuer: authority });
/** Takes what is asked, and says nothing. */
const silent: Script = () => Promise.resolve();
const FAST = { connectMs: 2_000, firstByteMs: 100, idleMs: 2_000 };

const rows: readonly (readonly [
  string,
  () => Promise<Peer>,
  number,
  string | RegExp,
  BackendFailure,
])[] = [
  [
    "is not there",
    async () => {
      const port = await deadPort();
      return { port, backend: httpBackend(port), [Symbol.asyncDispose]: async () => undefined };
    },
    502,
    "no backend takes a connection: the connection was refused",
    "refused",
  ],
  [
    "answers nonsense",
    () => scripted(answering("hello\r\n\r\n")),
    502,
    /^in the answer, |line/,
    "malformed",
  ],
  [
    "closes without an answer",
    () => scripted(async (connection) => void connection.socket.end()),
    502,
    "the backend closed",
    "closed",
  ],
  ["is silent", () => scripted(silent), 504, "the backend takes too long", "timeout"],
  [
    "speaks TLS where http:// is written",
    () =>
      scripted(async (connection) => {
        await connection.head();
        connection.socket.end(Buffer.from("15030300020246", "hex"));
      }),
    502,
    "it answers with TLS: is it https://?",
    "malformed",
  ],
  [
    "speaks HTTP/2 where http:// is written",
    async () => await listening(createHttp2Server(), httpBackend),
    502,
    "it answers with HTTP/2: is it h2c://?",
    "malformed",
  ],
  [
    "wants a certificate of its clients",
    async () =>
      await listening(tls({ requestCert: true, ca: authority.certificate }), (port) =>
        httpsBackendOf(port, authority.certificate),
      ),
    502,
    /it wants a certificate of its clients \(.*\): set backend\.certificate$/,
    // TLS 1.3: it says so when the handshake is over for us.
    "closed",
  ],
];

for (const [what, start, status, why, kind] of rows) {
  test(`A backend that ${what} is told of in the log, once for two requests, and counted each time as ${kind}`, async () => {
    await using peer = await start();
    const action = forwardTo([peer.backend], { timeouts: FAST });
    await using world = await RelayWorld.start({ action });
    for (let count = 0; count < 2; count += 1) {
      using client = await RawClient.connect(world.port);
      client.say(get());
      await client.until(({ statuses }) => statuses.length === 1);
      assert.deepEqual(client.statuses, [status]);
    }
    const [line, ...more] = world.log.lines.filter(({ event }) => event === "backend.failed");
    assert.equal(line?.facts["host"], "shop.example");
    assert.equal(line?.facts["status"], status);
    assert.ok(String(line?.facts["backend"]).endsWith(`127.0.0.1:${peer.port}`));
    const said = String(line?.facts["why"]);
    if (typeof why === "string") assert.equal(said, why);
    else assert.match(said, why);
    assert.deepEqual(more, []);
    const { totals } = world.counts.take();
    const counted = BACKEND_FAILURES.filter((_, at) => totals[PLACES.backendFailures + at] !== 0);
    assert.deepEqual(counted, [kind]);
    assert.ok((totals[PLACES.backendFailures + BACKEND_FAILURES.indexOf(kind)] ?? 0) >= 2);
  });
}

for (const [what, script, why] of [
  ["is silent", silent, "the service that decides takes too long"],
  ["closes", async (connection) => void connection.socket.end(), "the backend closed"],
] as const satisfies readonly (readonly [string, Script, string])[]) {
  test(`A service that decides who may in and ${what} is told of in the log`, async () => {
    await using service = await scripted(script);
    await using backend = await scripted(answering(OK));
    const auth = {
      kind: "forward",
      service: service.backend,
      target: "/verify",
      timeoutMs: 100,
      copied: [],
    } as const;
    await using world = await RelayWorld.start({ action: forwardTo([backend.backend], { auth }) });
    using client = await RawClient.connect(world.port);
    client.say(get());
    await client.until(({ statuses }) => statuses.length === 1);
    const [line, ...more] = world.log.lines;
    assert.equal(line?.event, "backend.failed");
    assert.equal(line?.facts["host"], "shop.example");
    assert.equal(line?.facts["backend"], `http://127.0.0.1:${service.port}`);
    assert.equal(line?.facts["why"], why);
    assert.deepEqual(more, []);
  });
}

test("An answer that is cut off is told of in the log, and a client that leaves is not", async () => {
  const cut = "HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\nhello";
  await using peer = await scripted(async (connection) => {
    await connection.head();
    if (connection.text.startsWith("GET /cut ")) connection.socket.end(cut);
    else connection.socket.write(cut);
  });
  await using world = await RelayWorld.start({ action: forwardTo([peer.backend]) });
  using leaver = await RawClient.connect(world.port);
  leaver.say(get("", "/whole"));
  await leaver.has("hello");
  leaver[Symbol.dispose]();
  using client = await RawClient.connect(world.port);
  client.say(get("", "/cut"));
  await client.until(({ statuses }) => statuses.length === 1);
  assert.deepEqual(
    world.log.lines.map(({ event, facts }) => `${event} ${facts["status"]} ${facts["why"]}`),
    ["backend.failed 502 the backend closed"],
  );
});

test("a request that is lost, and that no other backend may have, is told with what the last one did", async () => {
  await using closing = await scripted(async (connection) => void connection.socket.end());
  await using spare = await scripted(answering(OK));
  const action = forwardTo([closing.backend, spare.backend]);
  await using world = await RelayWorld.start({ action });
  world.relay.hear({ ...NEWS, drained: [placeOf(spare.port)] });
  await failOne(world, 502);
  assert.deepEqual(failuresOf(world), [[closing.port, 502, "the backend closed"]]);
});

test("a request that one backend refused and the next one lost is told with what that one did", async () => {
  const gone = httpBackend(await deadPort());
  await using closing = await scripted(async (connection) => void connection.socket.end());
  const action = forwardTo([gone, closing.backend]);
  await using world = await RelayWorld.start({ action });
  await failOne(world, 502);
  assert.deepEqual(failuresOf(world), [[closing.port, 502, "the backend closed"]]);
  const { totals } = world.counts.take();
  assert.deepEqual(
    BACKEND_FAILURES.map((_, at) => totals[PLACES.backendFailures + at]),
    BACKEND_FAILURES.map((kind) => Number(kind === "refused" || kind === "closed")),
  );
  assert.equal(totals[PLACES.retries], 1);
});

test("no backend is named for a request that none was tried for, also on a connection that was served before", async () => {
  await using peer = await scripted(answering(OK));
  const action = forwardTo([peer.backend], { health: HEALTH });
  await using world = await RelayWorld.start({ action });
  using client = await RawClient.connect(world.port);
  client.say(get());
  await client.until(({ statuses }) => statuses.length === 1);
  world.relay.hear({ ...NEWS, checked: [{ ...placeOf(peer.port), isHealthy: false }] });
  client.say(get());
  await client.until(({ statuses }) => statuses.length === 2);
  assert.deepEqual(client.statuses, [200, 503]);
  assert.deepEqual(failuresOf(world), [[undefined, 503, "all backends are down"]]);
});

test("a clock that is set anew neither repeats nor hides what is told once a minute", async (t) => {
  await using closing = await scripted(async (connection) => void connection.socket.end());
  await using world = await RelayWorld.start({ action: forwardTo([closing.backend]) });
  await failOne(world, 502);
  const set = Date.now() + 3_600_000;
  t.mock.method(Date, "now", () => set);
  await failOne(world, 502);
  assert.equal(failuresOf(world).length, 1);
});

const NEWS = { cookieSecret: Buffer.alloc(32).toString("base64"), drained: [], checked: [] };

function placeOf(port: number) {
  return { host: "shop.example", path: "/", backend: `http://127.0.0.1:${port}` };
}

async function failOne(world: RelayWorld, status: number): Promise<void> {
  using client = await RawClient.connect(world.port);
  client.say(get());
  await client.until(({ statuses }) => statuses.length === 1);
  assert.deepEqual(client.statuses, [status]);
}

/** What the log tells: of which port, with which status, and why. */
function failuresOf({ log }: RelayWorld) {
  return log.lines
    .filter(({ event }) => event === "backend.failed")
    .map(({ facts: { backend, status, why } }) => [
      backend === undefined ? undefined : Number(String(backend).split(":").at(-1)),
      status,
      why,
    ]);
}

interface Peer extends AsyncDisposable {
  readonly port: number;
  readonly backend: Backend;
}

async function scripted(script: Script): Promise<Peer> {
  const recorder = await Recorder.start(script);
  return {
    port: recorder.port,
    backend: httpBackend(recorder.port),
    [Symbol.asyncDispose]: () => recorder[Symbol.asyncDispose](),
  };
}

function tls(options: { readonly requestCert?: boolean; readonly ca?: string }): Server {
  const made = createTlsServer({ cert: server.chain, key: server.key, ...options }, (socket) => {
    socket.on("error", () => socket.destroy());
  });
  return made.on("tlsClientError", () => {
    // It has sent its alert.
  });
}

async function listening(made: Server, backendAt: (port: number) => Backend): Promise<Peer> {
  made.listen(0, "127.0.0.1");
  await once(made, "listening");
  const port = portOf(made);
  return {
    port,
    backend: backendAt(port),
    [Symbol.asyncDispose]: async () => {
      await new Promise((resolve) => made.close(resolve));
    },
  };
}

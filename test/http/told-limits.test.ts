import assert from "node:assert/strict";
import { createServer, type Socket } from "node:net";
import { test } from "node:test";
import type { Facts } from "../../src/base/errors.ts";
import { limits } from "../../src/config/limits.ts";
import { servePlainHttp } from "../../src/connection/plain-http.ts";
import { configOf } from "../support/config-text.ts";
import { startFullListener } from "../support/full-listener.ts";
import { FLAG, FrameClient, headers, settings } from "../support/h2-frames.ts";
import { RawClient } from "../support/raw-client.ts";
import { answering, OK, portOf, Recorder, type Script } from "../support/recorder.ts";
import { forwardTo, get, post, RelayWorld } from "../support/relay-world.ts";
import { holdTicks, MARGIN_MS, turns } from "../support/ticks.ts";
import { acceptWebSocket, CONNECT, HANDSHAKE } from "../support/websocket.ts";

/** What a row has to go by. */
interface Stage {
  readonly port: number;
  readonly backend: Recorder;
  /** Says this over a connection of HTTP/1.1, and waits until it is read. */
  say(text: string): Promise<RawClient>;
  /** Lets so much time go by. */
  pass(ms: number): void;
}

interface Row {
  readonly what: string;
  /** What the host says besides `to`. */
  readonly host?: string;
  readonly protocol?: "h2";
  /** Does the backend neither take connections nor refuse them? */
  readonly isUnreachable?: true;
  readonly backend?: Script;
  readonly act: (stage: Stage) => Promise<unknown>;
  readonly status: number;
  readonly why: string;
}

const TAKES_NOTHING = "the client takes nothing of what waits for it";
const BODY = post("Content-Length: 1000\r\n", "x");
const FIELDS = "X-A: b\r\n".repeat(limits.headMaxFields);
/** An answer that begins, and never ends. */
const BEGUN = "HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n";
const begin: Script = async (connection) => {
  await connection.head();
  connection.say(BEGUN + "x".repeat(100_000));
};

const rows: readonly Row[] = [
  {
    what: "a head that does not come to its end (headTimeoutMs)",
    act: async ({ say, pass }) => {
      await say("GET / HTTP/1.1\r\n");
      pass(limits.headTimeoutMs);
    },
    status: 408,
    why: "the head is too slow",
  },
  {
    what: "a body that stops (bodyIdleTimeoutMs)",
    act: async ({ say, pass, backend }) => {
      await say(BODY);
      await (await backend.connection(0)).has("\r\n\r\nx");
      pass(limits.bodyIdleTimeoutMs);
    },
    status: 408,
    why: "the body is too slow",
  },
  {
    what: "a body that says it is too large (maxBody)",
    host: "maxBody: 999B",
    act: ({ say }) => say(BODY),
    status: 413,
    why: "the body is larger than allowed",
  },
  {
    what: "a body that is found to be too large (maxBody)",
    host: "maxBody: 4B",
    act: ({ say }) => say(post("Transfer-Encoding: chunked\r\n", "5\r\n12345\r\n")),
    status: 413,
    why: "the body is larger than allowed",
  },
  {
    what: "a target that is too long (targetMaxBytes)",
    act: ({ say }) => say(get("", `/${"a".repeat(limits.targetMaxBytes)}`)),
    status: 414,
    why: "the target is too long",
  },
  {
    what: "a head that is too large (headMaxBytes)",
    act: ({ say }) => say(get(`X-A: ${"a".repeat(limits.headMaxBytes)}\r\n`)),
    status: 431,
    why: "the head is larger than the limit",
  },
  {
    what: "too many fields (headMaxFields)",
    act: ({ say }) => say(get(FIELDS)),
    status: 431,
    why: "too many fields",
  },
  {
    what: "a client that asks too often (rateLimit)",
    host: "rateLimit: { requests: 1, per: 1h }",
    backend: answering(OK),
    act: ({ say }) => say(get() + get("Connection: close\r\n")),
    status: 429,
    why: "the client asks too often",
  },
  {
    what: "no place at the backend (maxConnections)",
    host: "maxConnections: 1",
    act: async ({ say, pass, backend }) => {
      await say(get());
      await (await backend.connection(0)).head();
      await say(get());
      pass(limits.backendConnectTimeoutMs);
    },
    status: 503,
    why: "every backend has all that it may have",
  },
  {
    what: "a backend that takes no connection (timeouts.connect)",
    isUnreachable: true,
    act: async ({ say, pass }) => {
      await say(get());
      pass(limits.backendConnectTimeoutMs);
    },
    status: 504,
    why: "no backend takes a connection: none was made in time",
  },
  {
    what: "a backend that does not answer (timeouts.firstByte)",
    act: async ({ say, pass, backend }) => {
      await say(get());
      await (await backend.connection(0)).head();
      pass(limits.backendFirstByteTimeoutMs);
    },
    status: 504,
    why: "the backend takes too long",
  },
  {
    what: "an answer that stops (timeouts.idle)",
    backend: begin,
    act: async ({ say, pass }) => {
      await say(get());
      pass(limits.backendIdleTimeoutMs);
    },
    status: 200,
    why: "the backend takes too long",
  },
  {
    what: "a client that takes nothing of its answer (writeIdleTimeoutMs)",
    protocol: "h2",
    backend: begin,
    act: async ({ port, pass }) => {
      const client = await FrameClient.connect(port, settings([4, 0]));
      client.say(headers(1));
      await client.until(() => client.status(1) === 200);
      await turns();
      for (let ms = 0; ms < limits.writeIdleTimeoutMs + MARGIN_MS; ms += limits.tickMs)
        pass(limits.tickMs);
    },
    status: 200,
    why: TAKES_NOTHING,
  },
  {
    what: "a WebSocket without a byte (timeouts.idle)",
    host: "timeouts: { idle: 30s }",
    backend: (connection) => acceptWebSocket(connection),
    act: async ({ say, pass }) => {
      await say(HANDSHAKE);
      pass(30_000);
    },
    status: 101,
    why: "nothing came from either side for too long",
  },
  {
    what: "a WebSocket whose client takes nothing (writeIdleTimeoutMs)",
    protocol: "h2",
    backend: (connection) => acceptWebSocket(connection, "x".repeat(100_000)),
    act: async ({ port, pass }) => {
      const client = await FrameClient.connect(port, settings([4, 0]));
      client.say(headers(1, CONNECT, FLAG.endHeaders));
      await client.until(() => client.status(1) === 200);
      await turns();
      for (let ms = 0; ms < limits.writeIdleTimeoutMs + MARGIN_MS; ms += limits.tickMs)
        pass(limits.tickMs);
    },
    status: 101,
    why: TAKES_NOTHING,
  },
  {
    what: "a WebSocket whose backend takes nothing (writeIdleTimeoutMs)",
    backend: async (connection) => {
      await acceptWebSocket(connection);
      connection.socket.pause();
    },
    act: async ({ say, pass }) => {
      const { socket } = await say(HANDSHAKE);
      await fill(socket);
      pass(limits.writeIdleTimeoutMs);
    },
    status: 101,
    why: "the backend takes nothing of what waits for it",
  },
];

/** Writes until nothing is taken any more. */
async function fill(socket: Socket): Promise<void> {
  const piece = Buffer.alloc(65_536, "x");
  for (let waited = 0; waited < 300; waited += 1) {
    if (socket.writableLength === 0) {
      socket.write(piece);
      waited = 0;
    }
    await turns(1);
  }
}

for (const row of rows) {
  const { what, host = "", protocol, backend: script, isUnreachable, act, status, why } = row;
  test(`What ends with ${what} is told with ${status}, and why`, async (t) => {
    await using full = isUnreachable && (await startFullListener());
    const pass = holdTicks(t);
    await using backend = await Recorder.start(script ?? (() => undefined));
    const to = `to: ${full?.port ?? backend.port}, ${host}`;
    const { action } = configOf(`hosts: { shop.example: { ${to} } }`).hosts[0] ?? {};
    const told = Promise.withResolvers<Facts>();
    await using world = await RelayWorld.start({
      action: action ?? forwardTo([]),
      access: (facts) => (facts["why"] === undefined ? undefined : told.resolve(facts)),
      ...(protocol && { protocol }),
    });
    await using clients = new AsyncDisposableStack();
    const say = async (text: string) => {
      const client = clients.use(await RawClient.connect(world.port));
      client.say(text);
      await turns(50);
      return client;
    };
    await act({ port: world.port, backend, say, pass: (ms) => pass(ms + MARGIN_MS) });
    const line = await told.promise;
    assert.deepEqual([line["status"], line["why"]], [status, why]);
  });
}

const plain = [
  {
    what: "a head that does not come to its end (headTimeoutMs)",
    text: "GET / HTTP/1.1\r\n",
    ms: limits.headTimeoutMs,
    status: 408,
    why: "the head is too slow",
  },
  {
    what: "a target that is too long (targetMaxBytes)",
    text: get("", `/${"a".repeat(limits.targetMaxBytes)}`),
    ms: 0,
    status: 414,
    why: "the target is too long",
  },
  {
    what: "a head that is too large (headMaxBytes)",
    text: get(`X-A: ${"a".repeat(limits.headMaxBytes)}\r\n`),
    ms: 0,
    status: 431,
    why: "the head is larger than the limit",
  },
];

for (const { what, text, ms, status, why } of plain) {
  test(`What ends with ${what} on port 80 is told with ${status}, and why`, async (t) => {
    const pass = holdTicks(t);
    const told = Promise.withResolvers<Facts>();
    const server = createServer((socket) =>
      servePlainHttp(socket, "192.0.2.7", {
        findChallenge: () => undefined,
        isServed: () => true,
        isTrustedProxy: () => false,
        publicHttpsPort: 443,
        now: () => 0,
        access: told.resolve,
      }),
    );
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    t.after(() => server.close());
    using client = await RawClient.connect(portOf(server));
    client.say(text);
    await turns(50);
    pass(ms + MARGIN_MS);
    const line = await told.promise;
    assert.deepEqual([line["status"], line["why"], line["client"]], [status, why, "192.0.2.7"]);
    assert.deepEqual([line["method"], line["path"]], [undefined, undefined], "nobody knows them");
    await client.finished();
  });
}

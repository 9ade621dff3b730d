import assert from "node:assert/strict";
import { test } from "node:test";
import { configOf } from "../support/config-text.ts";
import { H2Call, H2Client } from "../support/h2-client.ts";
import { Http2Backend } from "../support/http2-backend.ts";
import { RawClient } from "../support/raw-client.ts";
import { answering, Recorder } from "../support/recorder.ts";
import { post, RelayWorld } from "../support/relay-world.ts";

type Trailers = Readonly<Record<string, string>>;

const SENT: Trailers = {
  "remote-user": "admin",
  "x-gone": "1",
  "x-set": "theirs",
  "x-hop": "1",
  "x-sum": "42",
};
const TOLD: Trailers = {
  "grpc-message": "inner",
  "x-set": "theirs",
  "x-frame-options": "ALLOW",
  "x-sum": "7",
};
const TEXT = `hosts:
  shop.example:
    to: BACKEND
    auth: { forward: "http://127.0.0.1:SERVICE/verify", copyHeaders: [Remote-User] }
    headers:
      request: { remove: [X-Gone], set: { X-Set: ours } }
      response: { remove: [Grpc-Message], set: { X-Set: ours } }
    securityHeaders: true
`;

/** A backend that answers with trailers, once it has the request's. */
interface Backend extends AsyncDisposable {
  readonly url: string;
  /** The trailers that came. */
  readonly got: Promise<Trailers>;
}

/** `rest`: a chunked body, behind its content. */
function trailersIn(rest: string): Trailers {
  const lines = rest.slice(rest.indexOf("0\r\n") + 3).split("\r\n");
  const pairs = lines.filter((line) => line !== "").map((line) => line.split(": "));
  return Object.fromEntries(pairs.map(([name = "", value = ""]) => [name.toLowerCase(), value]));
}

async function http1Backend(): Promise<Backend> {
  const got = Promise.withResolvers<Trailers>();
  const lines = Object.entries(TOLD).map(([name, value]) => `${name}: ${value}\r\n`);
  const recorder = await Recorder.start(async (connection) => {
    await connection.has("x-sum: 42\r\n\r\n");
    const body = connection.text.split("\r\n\r\n2\r\n")[1];
    got.resolve(trailersIn(body ?? ""));
    connection.say(
      `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n${lines.join("")}\r\n`,
    );
  });
  return {
    url: `http://127.0.0.1:${recorder.port}`,
    got: got.promise,
    [Symbol.asyncDispose]: () => recorder[Symbol.asyncDispose](),
  };
}

async function http2Backend(): Promise<Backend> {
  const got = Promise.withResolvers<Trailers>();
  const backend = await Http2Backend.start(({ stream }) => {
    stream.once("trailers", (trailers) => {
      got.resolve(
        Object.fromEntries(Object.entries(trailers).map(([name, value]) => [name, `${value}`])),
      );
      stream.respond({ ":status": 200 }, { waitForTrailers: true });
      stream.once("wantTrailers", () => stream.sendTrailers(TOLD));
      stream.end("ok");
    });
    stream.resume();
  });
  return {
    url: `h2c://127.0.0.1:${backend.port}`,
    got: got.promise,
    [Symbol.asyncDispose]: () => backend[Symbol.asyncDispose](),
  };
}

/** Each asks with {@link SENT} and says which trailers came back. */
async function http1Client(port: number): Promise<Trailers> {
  using client = await RawClient.connect(port);
  const lines = Object.entries(SENT).map(([name, value]) => `${name}: ${value}\r\n`);
  client.say(
    post(
      "TE: trailers\r\nConnection: TE, X-Hop\r\nTransfer-Encoding: chunked\r\n",
      `2\r\nhi\r\n0\r\n${lines.join("")}\r\n`,
    ),
  );
  await client.has("x-sum: 7\r\n\r\n");
  return trailersIn(client.text.split("\r\n\r\n2\r\n")[1] ?? "");
}

async function http2Client(port: number): Promise<Trailers> {
  using client = await H2Client.connect(port);
  const head = {
    ":method": "POST",
    ":scheme": "https",
    ":authority": "shop.example",
    ":path": "/",
  };
  const call = new H2Call(client.session.request(head, { waitForTrailers: true }));
  const { "x-hop": _hop, ...sent } = SENT; // HTTP/2 has no Connection to name it
  call.stream.once("wantTrailers", () => call.stream.sendTrailers(sent));
  call.stream.end("hi");
  await call.closed();
  return Object.fromEntries(
    Object.entries(call.trailers ?? {}).map(([name, value]) => [name, `${value}`]),
  );
}

const pairs = [
  ["HTTP/1.1", "HTTP/1.1", http1Client, http1Backend],
  ["HTTP/1.1", "HTTP/2", http1Client, http2Backend],
  ["HTTP/2", "HTTP/1.1", http2Client, http1Backend],
  ["HTTP/2", "HTTP/2", http2Client, http2Backend],
] as const;

for (const [from, to, ask, start] of pairs) {
  test(`${from} to ${to}: what a host's rules, a service or Connection take off the head comes by no trailer either`, async () => {
    await using service = await Recorder.start(
      answering("HTTP/1.1 200 OK\r\nRemote-User: zoe\r\nContent-Length: 0\r\n\r\n"),
    );
    await using backend = await start();
    const text = TEXT.replace("SERVICE", `${service.port}`).replace("BACKEND", backend.url);
    const { action } = configOf(text).hosts[0] ?? {};
    assert.ok(action);
    const protocol = from === "HTTP/2" ? "h2" : "http/1.1";
    await using world = await RelayWorld.start({ action, protocol });
    assert.deepEqual(await ask(world.port), { "x-sum": "7" });
    assert.deepEqual(await backend.got, { "x-sum": "42" });
  });
}

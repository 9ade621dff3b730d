import assert from "node:assert/strict";
import { once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { SecureServerOptions } from "node:http2";
import { createServer } from "node:https";
import { test } from "node:test";
import { TLSSocket } from "node:tls";
import type { Backend } from "../../src/config/destination.ts";
import { makeAuthority, makeCertificate } from "../support/certificates.ts";
import { type Answering, contentOf, Http2Backend } from "../support/http2-backend.ts";
import { RawClient } from "../support/raw-client.ts";
import { forwardTo, get, httpsBackendOf, post, RelayWorld } from "../support/relay-world.ts";

const authority = makeAuthority();
const server = makeCertificate({ names: ["backend.example"], issuer: authority });
const client = makeCertificate({ names: ["latchkey"], issuer: authority, purpose: "client" });
const stranger = makeCertificate({ names: ["latchkey"], purpose: "client" });

const httpsBackend = (port: number, changes = {}): Backend =>
  httpsBackendOf(port, authority.certificate, changes);

function secure(answer: Answering, options: SecureServerOptions = {}): Promise<Http2Backend> {
  return Http2Backend.startSecure(answer, { cert: server.chain, key: server.key, ...options });
}

const echo: Answering = async ({ stream }) => {
  const content = await contentOf(stream);
  stream.respond({ ":status": 200, "content-length": content.length });
  stream.end(content);
};

test("An https backend that chooses HTTP/2 gets all requests over one session", async () => {
  await using backend = await secure(echo);
  await using world = await RelayWorld.start({ action: forwardTo([httpsBackend(backend.port)]) });
  using first = await RawClient.connect(world.port);
  for (const [count, body] of ["hello", "world"].entries()) {
    first.say(post("Content-Length: 5\r\n", body));
    await first.until(({ statuses, text }) => statuses.length === count + 1 && text.endsWith(body));
  }
  assert.equal(backend.sessions.length, 1);
  assert.equal(backend.asked[0]?.headers[":scheme"], "https");
  assert.equal(backend.sessions[0]?.alpnProtocol, "h2");
});

test("Many requests at once, before it is known what a backend speaks, are all answered", async () => {
  await using backend = await secure(echo);
  await using world = await RelayWorld.start({ action: forwardTo([httpsBackend(backend.port)]) });
  const clients = await Promise.all(
    Array.from({ length: 30 }, () => RawClient.connect(world.port)),
  );
  for (const each of clients) each.say(post("Content-Length: 5\r\n", "hello"));
  for (const each of clients) await each.has("\r\n\r\nhello");
  assert.equal(backend.asked.length, 30);
  for (const each of clients) each[Symbol.dispose]();
});

test("A large body goes through HTTP/2 over TLS whole, both ways", async () => {
  await using backend = await secure(echo);
  await using world = await RelayWorld.start({ action: forwardTo([httpsBackend(backend.port)]) });
  using visitor = await RawClient.connect(world.port);
  const body = "0123456789abcdef".repeat(200_000);
  visitor.say(post(`Content-Length: ${body.length}\r\n`, body));
  await visitor.until(({ text }) => text.length > body.length && text.endsWith("abcdef"));
  assert.ok(visitor.text.endsWith(`\r\n\r\n${body}`));
});

test("A WebSocket to an https backend goes over HTTP/1.1, beside its HTTP/2", async () => {
  await using backend = await secure(echo, { allowHTTP1: true });
  backend.server.on("upgrade", (_request, socket) => {
    socket.end("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n");
  });
  await using world = await RelayWorld.start({ action: forwardTo([httpsBackend(backend.port)]) });
  using visitor = await RawClient.connect(world.port);
  visitor.say(get());
  await visitor.has("HTTP/1.1 200");
  const key = Buffer.alloc(16).toString("base64");
  visitor.say(
    get(
      `Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${key}\r\n`,
    ),
  );
  await visitor.has("HTTP/1.1 403");
});

test("An https backend with `http2: off` is spoken to by HTTP/1.1, and one without chooses", async () => {
  await using backend = await secure(echo, { allowHTTP1: true });
  backend.server.on("request", (request: IncomingMessage, response: ServerResponse) => {
    if (request.httpVersion === "1.1") response.writeHead(203).end();
  });
  for (const [http2, status] of [
    [true, 200],
    [false, 203],
    [true, 200],
  ] as const) {
    const action = forwardTo([httpsBackend(backend.port, { http2 })]);
    await using world = await RelayWorld.start({ action });
    using visitor = await RawClient.connect(world.port);
    visitor.say(get());
    await visitor.has(`HTTP/1.1 ${status}`);
  }
  assert.equal(backend.sessions.length, 2);
});

test("An https backend that goes back to HTTP/1.1 is followed", async () => {
  const backend = await secure(echo);
  const { port } = backend;
  await using world = await RelayWorld.start({ action: forwardTo([httpsBackend(port)]) });
  using visitor = await RawClient.connect(world.port);
  visitor.say(get());
  await visitor.has("HTTP/1.1 200");
  await backend[Symbol.asyncDispose]();
  const plain = createServer({ cert: server.chain, key: server.key }, (_request, response) => {
    response.writeHead(203).end();
  });
  plain.listen(port, "127.0.0.1");
  await once(plain, "listening");
  visitor.say(get());
  await visitor.has("HTTP/1.1 203");
  plain.closeAllConnections();
  await new Promise((resolve) => plain.close(resolve));
});

for (const { name, shown, status } of [
  { name: "that it trusts", shown: client, status: 200 },
  { name: "of a stranger", shown: stranger, status: 502 },
  { name: "of nobody", shown: undefined, status: 502 },
]) {
  test(`A backend that wants a client certificate, shown one ${name}: ${status}`, async () => {
    let subject: string | undefined;
    await using backend = await secure(
      ({ stream }) => {
        const { socket } = stream.session ?? {};
        if (socket instanceof TLSSocket) subject = String(socket.getPeerCertificate().subject.CN);
        stream.respond({ ":status": 200 }, { endStream: true });
      },
      { requestCert: true, rejectUnauthorized: true, ca: authority.certificate },
    );
    const to = httpsBackend(backend.port, { certificate: shown });
    await using world = await RelayWorld.start({ action: forwardTo([to]) });
    using visitor = await RawClient.connect(world.port);
    visitor.say(get());
    await visitor.until(({ statuses }) => statuses.length > 0);
    assert.deepEqual(visitor.statuses, [status]);
    assert.equal(backend.asked.length, status === 200 ? 1 : 0);
    assert.equal(subject, status === 200 ? "latchkey" : undefined);
  });
}

import assert from "node:assert/strict";
import { once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer } from "node:https";
import { type AddressInfo, createServer as createTcpServer, type Socket } from "node:net";
import { type TestContext, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import {
  type AcmeRequest,
  createHttpsTransport,
  type HttpsTransportOptions,
} from "../../src/acme/transport.ts";
import { makeAuthority, makeCertificate } from "../support/certificates.ts";
import { deadPort } from "../support/dead-port.ts";

const authority = makeAuthority();
const certificate = makeCertificate({ names: ["localhost"], issuer: authority });
const SLOW_MS = 100;
const unending = new AbortController().signal;

const options = {
  trust: authority.certificate,
  userAgent: "latchkey-test/1",
  connectTimeoutMs: 5_000,
  headersTimeoutMs: 5_000,
  totalTimeoutMs: 5_000,
  answerMaxBytes: 1_000,
};

test("an answer arrives whole, with its status, its fields and its body", async (t) => {
  const url = await serve(t, (_request, response) => {
    response.setHeader("Link", ["<https://a/>;rel=index", "<https://b/>;rel=up"]);
    response.writeHead(201, { "Content-Type": "application/json", "Replay-Nonce": "abc" });
    response.end('{"grüße":true}');
  });
  const answer = await transport(t).request(get(url), unending);
  assert.equal(answer.status, 201);
  assert.equal(answer.body, '{"grüße":true}');
  assert.equal(answer.headers["replay-nonce"], "abc");
  assert.equal(answer.headers["link"], "<https://a/>;rel=index, <https://b/>;rel=up");
});

test("a request carries its body, its fields and the name of the program", async (t) => {
  const url = await serve(t, async (request, response) => {
    const { method, headers } = request;
    const body = Buffer.concat(await request.toArray()).toString();
    response.end(JSON.stringify({ method, headers, body }));
  });
  const headers = { "content-type": "application/jose+json" };
  const answer = await transport(t).request(
    { method: "POST", url, headers, body: "signed" },
    unending,
  );
  const seen = JSON.parse(answer.body);
  assert.equal(seen.method, "POST");
  assert.equal(seen.body, "signed");
  assert.equal(seen.headers["content-type"], "application/jose+json");
  assert.equal(seen.headers["user-agent"], "latchkey-test/1");
  assert.equal(seen.headers["accept-language"], "en");
  assert.equal(seen.headers["content-length"], "6");
});

const answers = [
  { what: "a redirect", status: 302, headers: { location: "https://localhost:1/" }, body: "" },
  { what: "HTML", status: 503, headers: { "content-type": "text/html" }, body: "<h1>Busy</h1>" },
  { what: "a problem", status: 429, headers: { "retry-after": "7" }, body: "{}" },
];

for (const { what, status, headers, body } of answers) {
  test(`${what} of status ${status} is an answer like others`, async (t) => {
    const url = await serve(t, (_request, response) => {
      response.writeHead(status, headers).end(body);
    });
    const answer = await transport(t).request(get(url), unending);
    assert.equal(answer.status, status);
    assert.equal(answer.body, body);
  });
}

test("an answer to HEAD has no body", async (t) => {
  const url = await serve(t, (_request, response) => {
    response.writeHead(200, { "replay-nonce": "n1", "content-length": "400" }).end();
  });
  const answer = await transport(t).request({ ...get(url), method: "HEAD" }, unending);
  assert.deepEqual([answer.status, answer.body, answer.headers["replay-nonce"]], [200, "", "n1"]);
});

test("two requests one after the other share a connection", async (t) => {
  const url = await serve(t, (request, response) => {
    response.end(String(request.socket.remotePort));
  });
  const shared = transport(t);
  const first = await shared.request(get(url), unending);
  assert.deepEqual((await shared.request(get(url), unending)).body, first.body);
});

test("a kept connection that the server resets is replaced by a fresh one, once", async (t) => {
  const ports: (number | undefined)[] = [];
  const url = await serve(t, (request, response) => {
    ports.push(request.socket.remotePort);
    if (ports.length === 2) request.socket.destroy();
    else response.end(`answer ${ports.length}`);
  });
  const shared = transport(t);
  await shared.request(get(url), unending);
  assert.equal((await shared.request(get(url), unending)).body, "answer 3");
  assert.equal(ports[1], ports[0]);
  assert.notEqual(ports[2], ports[0]);
});

/** What never gives a whole answer: how the server behaves, and what the message says of it. */
const failures: readonly {
  readonly what: string;
  readonly behave: (request: IncomingMessage, response: ServerResponse) => void;
  readonly limits: Partial<HttpsTransportOptions>;
  readonly words: RegExp;
}[] = [
  {
    what: "a CA that says nothing",
    behave: () => {},
    limits: { headersTimeoutMs: 100 },
    words: /no answer within 100 ms/,
  },
  {
    what: "a CA that never ends its answer",
    behave: (_request, response) => {
      response.write("a little");
    },
    limits: { totalTimeoutMs: 200 },
    words: /no whole answer within 200 ms/,
  },
  {
    what: "half an answer",
    behave: (_request, response) => {
      response.writeHead(200, { "content-length": "20" });
      response.write("half", () => response.destroy());
    },
    limits: {},
    words: /closed the connection before its answer was whole/,
  },
  {
    what: "a connection closed without an answer",
    behave: (request) => {
      request.socket.destroy();
    },
    limits: {},
    words: /closed the connection before its answer was whole/,
  },
];

test("C9: an answer that is too large makes no sense, and is not read to its end", async (t) => {
  let sent = 0;
  const url = await serve(t, (_request, response) => {
    const more = (error?: Error | null) => {
      if (error) return;
      sent += 65_536;
      response.write(Buffer.alloc(65_536), more);
    };
    more();
  });
  await assert.rejects(transport(t).request(get(url), unending), {
    code: "ACME_PROTOCOL",
    message: /larger than 1000 bytes/,
  });
  assert.ok(sent < 16_777_216, `${sent} bytes went into the sockets' buffers`);
});

for (const { what, behave, limits, words } of failures) {
  test(`${what} is unreachable`, async (t) => {
    const url = await serve(t, behave);
    await assert.rejects(transport(t, limits).request(get(url), unending), {
      code: "ACME_UNREACHABLE",
      message: words,
    });
  });
}

test("an answer that fills the cap exactly is taken", async (t) => {
  const url = await serve(t, (_request, response) => {
    response.end("x".repeat(1_000));
  });
  assert.equal((await transport(t).request(get(url), unending)).body.length, 1_000);
});

test("C1: a CA with a certificate of a stranger is not trusted", async (t) => {
  const url = await serve(t, (_request, response) => {
    response.end();
  });
  for (const trust of [makeAuthority().certificate, undefined]) {
    await assert.rejects(transport(t, { trust }).request(get(url), unending), {
      code: "ACME_UNREACHABLE",
      message: /certificate is not trusted \([^;]+\)$/,
    });
  }
});

test("a CA whose certificate is trusted itself, without its root, is trusted", async (t) => {
  const url = await serve(t, (_request, response) => {
    response.end("directory");
  });
  const answer = await transport(t, { trust: certificate.chain }).request(get(url), unending);
  assert.equal(answer.body, "directory");
});

test("a TLS alert of the CA is told in its own words", async (t) => {
  const unrecognizedName = Buffer.from("15030300020270", "hex");
  const url = await listen(t, (socket) => socket.once("data", () => socket.end(unrecognizedName)));
  await assert.rejects(transport(t).request(get(url), unending), {
    code: "ACME_UNREACHABLE",
    message: /: TLS failed \(tlsv1 unrecognized name\)$/,
  });
});

test("a CA with a certificate for another name is not trusted", async (t) => {
  const url = await serve(t, (_request, response) => {
    response.end();
  });
  const byAddress = url.replace("localhost", "127.0.0.1");
  await assert.rejects(transport(t).request(get(byAddress), unending), {
    code: "ACME_UNREACHABLE",
    message: /certificate is not trusted \(it is for another name: /,
  });
});

test("C6: a CA that accepts and never speaks TLS is given up after the connect deadline", async (t) => {
  const url = await listen(t, (socket) => socket.resume());
  await assert.rejects(transport(t, { connectTimeoutMs: 100 }).request(get(url), unending), {
    code: "ACME_UNREACHABLE",
    message: /no TLS connection within 100 ms/,
  });
});

test("a request that waits for a connection of others has its whole time from then on, and leaves nothing behind on it", async (t) => {
  const url = await serve(t, async (_request, response) => {
    await delay(SLOW_MS);
    response.end("late");
  });
  const warnings: string[] = [];
  const warn = ({ name }: Error) => void warnings.push(name);
  process.on("warning", warn);
  t.after(() => process.off("warning", warn));
  const { request } = transport(t, { connectTimeoutMs: 8 * SLOW_MS });
  const asked = Array.from({ length: 130 }, () => request(get(url), unending));
  for (const { body } of await Promise.all(asked)) assert.equal(body, "late");
  assert.deepEqual(warnings, []);
});

test("a port where plain HTTP is spoken is unreachable", async (t) => {
  const url = await listen(t, (socket) => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n"));
  await assert.rejects(transport(t).request(get(url), unending), {
    code: "ACME_UNREACHABLE",
    message: /TLS failed/,
  });
});

test("a port where nobody listens is refused", async (t) => {
  const url = `https://127.0.0.1:${await deadPort()}/`;
  await assert.rejects(transport(t).request(get(url), unending), {
    code: "ACME_UNREACHABLE",
    message: /refused/,
  });
});

test("N1: a name that does not resolve is unreachable", async (t) => {
  await assert.rejects(transport(t).request(get("https://ca.invalid/directory"), unending), {
    code: "ACME_UNREACHABLE",
    message: /its name does not resolve/,
  });
});

for (const url of ["http://localhost/directory", "ftp://localhost/", "directory", ""]) {
  test(`"${url}" is not asked at all`, async (t) => {
    await assert.rejects(transport(t).request(get(url), unending), { code: "ACME_UNREACHABLE" });
  });
}

test("an aborted request ends with the reason of its signal", async (t) => {
  const reason = new Error("shutting down");
  const abort = new AbortController();
  const url = await serve(t, () => abort.abort(reason));
  await assert.rejects(transport(t).request(get(url), abort.signal), reason);
  await assert.rejects(transport(t).request(get(url), abort.signal), reason);
});

function transport(t: TestContext, changes: Partial<HttpsTransportOptions> = {}) {
  const made = createHttpsTransport({ ...options, ...changes });
  t.after(() => made.close());
  return made;
}

function get(url: string): AcmeRequest {
  return { method: "GET", url, headers: {}, body: undefined };
}

async function serve(
  t: TestContext,
  behave: (request: IncomingMessage, response: ServerResponse) => unknown,
): Promise<string> {
  const server = createServer({ cert: certificate.chain, key: certificate.key });
  server.on("request", (request, response) => void behave(request, response));
  server.listen(0, "127.0.0.1");
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  await once(server, "listening");
  return `https://localhost:${(server.address() as AddressInfo).port}/`;
}

async function listen(t: TestContext, behave: (socket: Socket) => void): Promise<string> {
  const sockets = new Set<Socket>();
  const server = createTcpServer((socket) => {
    sockets.add(socket.on("error", () => {}));
    behave(socket);
  });
  server.listen(0, "127.0.0.1");
  t.after(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  await once(server, "listening");
  return `https://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}

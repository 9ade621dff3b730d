import assert from "node:assert/strict";
import { once } from "node:events";
import type { RequestListener, ServerResponse } from "node:http";
import { type AddressInfo, createServer } from "node:net";
import { test } from "node:test";
import { validateHttp } from "../../src/authority/validate-http.ts";
import { parsePlain } from "../../src/base/hostname.ts";
import { respondHttp } from "../support/challenge-responder.ts";
import { deadPort } from "../support/dead-port.ts";

const keyAuthorization = `${"t".repeat(32)}.${"k".repeat(43)}`;
const proof = { host: parsePlain("shop.test")!, token: "t".repeat(32), keyAuthorization };

/** What a listener may answer, and what the validation makes of it. */
const answers: readonly {
  what: string;
  answer: (response: ServerResponse) => void;
  problem: string | undefined;
}[] = [
  { what: "the key authorization", answer: (r) => r.end(keyAuthorization), problem: undefined },
  {
    what: "another one",
    answer: (r) => r.end(keyAuthorization.replace("k", "j")),
    problem: "incorrectResponse",
  },
  {
    what: "a line feed after it",
    answer: (r) => r.end(`${keyAuthorization}\n`),
    problem: "incorrectResponse",
  },
  {
    what: "half of it",
    answer: (r) => r.end(keyAuthorization.slice(0, 40)),
    problem: "incorrectResponse",
  },
  { what: "nothing", answer: (r) => r.end(), problem: "incorrectResponse" },
  { what: "the token alone", answer: (r) => r.end(proof.token), problem: "incorrectResponse" },
  {
    what: "more than 128 bytes",
    answer: (r) => r.end(keyAuthorization + "x".repeat(100)),
    problem: "incorrectResponse",
  },
  {
    what: "status 404",
    answer: (r) => r.writeHead(404).end(keyAuthorization),
    problem: "incorrectResponse",
  },
  {
    what: "status 206",
    answer: (r) => r.writeHead(206).end(keyAuthorization),
    problem: "incorrectResponse",
  },
  {
    what: "a redirect",
    answer: (r) => r.writeHead(308, { location: "/" }).end(),
    problem: "incorrectResponse",
  },
  {
    what: "half a body and the end of the connection",
    answer: (r) => {
      r.writeHead(200, { "content-length": 76 });
      r.write("ttt", () => r.destroy());
    },
    problem: "connection",
  },
];

for (const { what, answer, problem } of answers) {
  test(`an answer with ${what} ${problem === undefined ? "proves the name" : `is: ${problem}`}`, async () => {
    const seen: (string | undefined)[] = [];
    const serve: RequestListener = (request, response) => {
      seen.push(request.method, request.url, request.headers.host);
      answer(response);
    };
    await using responder = await respondHttp(serve);
    const found = await validateHttp(responder.listener, proof, AbortSignal.timeout(5_000));
    assert.equal(found?.type, problem && `urn:ietf:params:acme:error:${problem}`);
    assert.deepEqual(seen, ["GET", `/.well-known/acme-challenge/${proof.token}`, "shop.test"]);
    assert.ok(!JSON.stringify(found ?? "").includes(proof.token), "tells no secret");
  });
}

test("an endless body is read to the limit and no further", async () => {
  let isClosed: Promise<unknown> | undefined;
  await using responder = await respondHttp((_, response) => {
    isClosed = once(response, "close");
    const fill = () => {
      while (!response.destroyed && response.write("x".repeat(1_024)));
    };
    response.on("drain", fill);
    fill();
  });
  const found = await validateHttp(responder.listener, proof, AbortSignal.timeout(5_000));
  assert.equal(found?.type, "urn:ietf:params:acme:error:incorrectResponse");
  await isClosed;
});

test("a listener that does not answer is given up at the deadline, its connection closed", async () => {
  let isClosed: Promise<unknown> | undefined;
  await using responder = await respondHttp((request) => {
    isClosed = once(request.socket, "close");
  });
  const found = await validateHttp(responder.listener, proof, AbortSignal.timeout(100));
  assert.equal(found?.type, "urn:ietf:params:acme:error:connection");
  await isClosed;
});

test("a port where nobody listens is a connection problem", async () => {
  const listener = { host: "127.0.0.1", port: await deadPort() };
  const found = await validateHttp(listener, proof, AbortSignal.timeout(5_000));
  assert.equal(found?.type, "urn:ietf:params:acme:error:connection");
});

test("something that does not speak HTTP is a connection problem", async () => {
  const server = createServer((socket) => {
    socket.on("error", () => {});
    socket.end("SSH-2.0-OpenSSH\r\n");
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  try {
    const listener = { host: "127.0.0.1", port };
    const found = await validateHttp(listener, proof, AbortSignal.timeout(5_000));
    assert.equal(found?.type, "urn:ietf:params:acme:error:connection");
  } finally {
    server.close();
  }
});

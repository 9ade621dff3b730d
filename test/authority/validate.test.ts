import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { type TestContext, test } from "node:test";
import { validate } from "../../src/authority/validate.ts";
import { parsePlain } from "../../src/base/hostname.ts";

const keyAuthorization = "token.thumbprint";
const proof = { host: parsePlain("store.internal")!, token: "token", keyAuthorization };
const answer = `HTTP/1.1 200 OK\r\nContent-Length: ${keyAuthorization.length}\r\n\r\n${keyAuthorization}`;

/** A listener that does with each connection what its place in `deeds` says, and counts them. */
async function listener(t: TestContext, deeds: readonly ((socket: Socket) => void)[]) {
  let count = 0;
  const server = createServer((socket) => {
    socket.on("error", () => {});
    const deed = deeds[count];
    count += 1;
    socket.once("data", () => (deed === undefined ? socket.destroy() : deed(socket)));
  }).listen(0, "127.0.0.1");
  t.after(() => server.close());
  await once(server, "listening");
  const { address, port } = server.address() as AddressInfo;
  return { reach: { http: [{ host: address, port }], https: [] }, count: () => count };
}

const cut = (socket: Socket) => void socket.resetAndDestroy();
const prove = (socket: Socket) => void socket.end(answer);

test("validate looks again when the connection is cut, as by a worker that dies", async (t) => {
  const { reach } = await listener(t, [cut, prove]);
  const problem = await validate("http-01", proof, reach, AbortSignal.timeout(5_000));
  assert.equal(problem, undefined);
});

test("validate gives up on a listener that cuts every connection", async (t) => {
  const { reach, count } = await listener(t, []);
  const problem = await validate("http-01", proof, reach, AbortSignal.timeout(5_000));
  assert.match(problem?.type ?? "", /:connection$/);
  assert.equal(count(), 3);
});

test("validate takes a wrong answer for what it is at once", async (t) => {
  const { reach, count } = await listener(t, [
    (socket) => void socket.end("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"),
    prove,
  ]);
  const problem = await validate("http-01", proof, reach, AbortSignal.timeout(5_000));
  assert.match(problem?.type ?? "", /:incorrectResponse$/);
  assert.equal(count(), 1);
});

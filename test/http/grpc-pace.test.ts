import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:https";
import { type TestContext, test } from "node:test";
import { limits } from "../../src/config/limits.ts";
import { makeAuthority, makeCertificate } from "../support/certificates.ts";
import { FLAG, FRAME, FrameClient, frame, headers, request } from "../support/h2-frames.ts";
import { Http2Backend } from "../support/http2-backend.ts";
import { portOf } from "../support/recorder.ts";
import { forwardTo, httpsBackendOf, RelayScene, RelayWorld } from "../support/relay-world.ts";
import { holdTicks, MARGIN_MS, turns } from "../support/ticks.ts";

const STEP_MS = 5_000;
const GRPC = request({ ":method": "POST", "content-type": "application/grpc" });

/** A request that says it is gRPC, to a backend that speaks HTTP/1.1 and does not answer. */
async function ask(t: TestContext) {
  const pass = holdTicks(t);
  const stack = new AsyncDisposableStack();
  const scene = stack.use(await RelayScene.start(() => undefined, {}, { protocol: "h2" }));
  const client = stack.use(await FrameClient.connect(scene.world.port));
  client.say(headers(1, GRPC, FLAG.endHeaders));
  await (await scene.backend.connection(0)).head();
  return { pass, client, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

test("T26: A body that trickles to a backend of HTTP/1.1 is answered 408, whether it is called gRPC or not", async (t) => {
  await using asking = await ask(t);
  const { pass, client } = asking;
  for (let waited = 0; waited <= limits.bodyGraceMs; waited += STEP_MS) {
    client.say(frame(FRAME.data, 0, 1, "x"));
    await turns();
    pass(STEP_MS);
  }
  await client.until(() => client.hasEnd(1));
  assert.equal(client.status(1), 408);
});

test("T26: A body that stops on its way to a backend of HTTP/1.1 is answered 408, whether it is called gRPC or not", async (t) => {
  await using asking = await ask(t);
  const { pass, client } = asking;
  client.say(frame(FRAME.data, 0, 1, "x".repeat(10_000)));
  await turns();
  pass(limits.bodyIdleTimeoutMs + MARGIN_MS);
  await client.until(() => client.hasEnd(1));
  assert.equal(client.status(1), 408);
});

const authority = makeAuthority();
const { chain: cert, key } = makeCertificate({ names: ["backend.example"], issuer: authority });

/** A backend with TLS that speaks one protocol, and answers nothing. `asked`: it has a request. */
async function silent(protocol: "http/1.1" | "h2", asked: () => void) {
  const stack = new AsyncDisposableStack();
  if (protocol === "h2") {
    const { port } = stack.use(await Http2Backend.startSecure(asked, { cert, key }));
    return { port, [Symbol.asyncDispose]: () => stack.disposeAsync() };
  }
  const server = createServer({ cert, key }, asked);
  await once(server.listen(0, "127.0.0.1"), "listening");
  stack.defer(() => void server.close().closeAllConnections());
  return { port: portOf(server), [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

for (const [chosen, ends] of [
  ["http/1.1", 408],
  ["h2", undefined],
] as const) {
  test(`T26: A body that is called gRPC and stops on its way to an https backend that speaks ${chosen} is ${ends === undefined ? "waited for" : "answered 408"}`, async (t) => {
    const pass = holdTicks(t);
    const asked = Promise.withResolvers<void>();
    await using backend = await silent(chosen, asked.resolve);
    const action = forwardTo([httpsBackendOf(backend.port, authority.certificate)]);
    await using world = await RelayWorld.start({ action, protocol: "h2" });
    using client = await FrameClient.connect(world.port);
    client.say(headers(1, GRPC, FLAG.endHeaders), frame(FRAME.data, 0, 1, "x"));
    await asked.promise;
    for (let waited = 0; waited < limits.bodyIdleTimeoutMs; waited += STEP_MS) {
      pass(STEP_MS);
      await turns();
    }
    pass(MARGIN_MS);
    if (ends !== undefined) await client.until(() => client.hasEnd(1));
    await turns();
    assert.equal(client.hasEnd(1) ? client.status(1) : undefined, ends);
  });
}
